"""What the stores hold, asked with the vendors' own clients and none of ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from alibabacloud_tea_openapi.client import Client as Alibaba
from alibabacloud_tea_openapi.utils_models import Config, OpenApiRequest, Params
from darabonba.runtime import RuntimeOptions
from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.ssm.v20190923.ssm_client import SsmClient

from tests.cloud.client import Standin


@dataclass(frozen=True)
class Held:
    """One secret as its service shows it: the current value, and the other versions that still count, by id."""

    current: str
    pending: dict[str, str]


def ssm(cloud: Standin, action: str, region: str = "ap-guangzhou", **parameters: Any) -> dict[str, Any]:
    """One call of SSM."""
    keys = cloud.credentials["tencent"]
    http = HttpProfile(protocol="http", endpoint="ssm.tencentcloudapi.com", proxy=cloud.endpoint)
    client = SsmClient(
        Credential(keys["id"], keys["key"], keys["token"]),
        region,
        ClientProfile(httpProfile=http, signMethod="TC3-HMAC-SHA256"),
    )
    answer: dict[str, Any] = client.call_json(action, parameters)["Response"]
    return answer


def kms(cloud: Standin, action: str, region: str = "cn-hangzhou", **parameters: Any) -> dict[str, Any]:
    """One call of KMS."""
    keys = cloud.credentials["alibaba"]
    client = Alibaba(
        Config(
            access_key_id=keys["id"],
            access_key_secret=keys["key"],
            security_token=keys["token"],
            region_id=region,
            protocol="HTTP",
            endpoint=f"kms.{region}.aliyuncs.com",
            http_proxy=cloud.endpoint,
        )
    )
    params = Params(
        action=action,
        version="2016-01-20",
        protocol="HTTPS",
        pathname="/",
        method="POST",
        auth_type="AK",
        style="RPC",
        req_body_type="formData",
        body_type="json",
    )
    answer: dict[str, Any] = client.call_api(params, OpenApiRequest(body=parameters), RuntimeOptions())["body"]
    return answer


def held(cloud: Standin, place: str) -> Held:
    """What `ssm://name` or `kms://name` holds now."""
    kind, _, name = place.partition("://")
    return _ssm_held(cloud, name) if kind == "ssm" else _kms_held(cloud, name)


def _ssm_held(cloud: Standin, name: str) -> Held:
    versions = ssm(cloud, "ListSecretVersionIds", SecretName=name)["Versions"]
    values = {
        one["VersionId"]: ssm(cloud, "GetSecretValue", SecretName=name, VersionId=one["VersionId"])["SecretString"]
        for one in versions
    }
    current = min(versions, key=lambda one: one["CreateTime"])["VersionId"]
    return Held(values.pop(current), values)


def _kms_held(cloud: Standin, name: str) -> Held:
    listed = kms(cloud, "ListSecretVersionIds", SecretName=name, IncludeDeprecated="true")["VersionIds"]["VersionId"]
    pending = {}
    for one in listed:
        if any(stage.startswith("keyturn-") for stage in one["VersionStages"]["VersionStage"]):
            id_ = one["VersionId"]
            pending[id_] = kms(cloud, "GetSecretValue", SecretName=name, VersionId=id_)["SecretData"]
    return Held(kms(cloud, "GetSecretValue", SecretName=name)["SecretData"], pending)
