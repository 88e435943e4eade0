"""The vendors' own clients with the stand-in.

They use the cloud's host name, through a proxy or, over TLS, directly.
"""

from __future__ import annotations

from typing import Any

from alibabacloud_tea_openapi import utils_models
from alibabacloud_tea_openapi.client import Client as OpenApiClient
from alibabacloud_tea_openapi.utils import Utils
from darabonba.runtime import RuntimeOptions
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile

from tests.cloud.client.standin import Standin

TENCENT_VERSIONS = {"redis": "2018-04-12", "tcr": "2019-09-24", "ssm": "2019-09-23"}
TAIR_VERSION, KMS_VERSION = "2015-01-01", "2016-01-20"


def call_tencent(
    standin: Standin,
    action: str,
    parameters: dict[str, Any],
    *,
    service: str = "redis",
    region: str = "ap-guangzhou",
    host: str = "",
    method: str = "POST",
    version: str = "",
    timeout_s: float = 5.0,
    **keys: str,
) -> dict[str, Any]:
    """Make one call with the official Python SDK; returns the content of `Response`. `keys` replace id, key or token.

    Raises: what the SDK raises.
    """
    with_keys = {**standin.credentials["tencent"], **keys}
    credential = Credential(with_keys["id"], with_keys["key"], with_keys["token"])
    http = _tencent_profile(standin, host or f"{service}.tencentcloudapi.com")
    http.reqMethod, http.reqTimeout = method, timeout_s
    client = CommonClient(
        service, version or TENCENT_VERSIONS[service], credential, region, ClientProfile(httpProfile=http)
    )
    response: dict[str, Any] = client.call_json(action, parameters)["Response"]
    return response


def _tencent_profile(standin: Standin, host: str) -> HttpProfile:
    if standin.ca:
        return HttpProfile(endpoint=_name_of(standin), certification=standin.ca)
    return HttpProfile(protocol="http", endpoint=host, proxy=standin.endpoint)


def _alibaba_place(standin: Standin) -> dict[str, str]:
    if standin.ca:
        return {"protocol": "HTTPS", "endpoint": _name_of(standin), "ca": standin.ca}
    return {"protocol": "HTTP", "http_proxy": standin.endpoint}


def _name_of(standin: Standin) -> str:
    return standin.endpoint.removeprefix("https://")


def call_alibaba(
    standin: Standin,
    action: str,
    query: dict[str, Any],
    form: dict[str, Any] | None = None,
    *,
    host: str = "r-kvstore.aliyuncs.com",
    version: str = TAIR_VERSION,
    timeout_s: float = 5.0,
    **keys: str,
) -> dict[str, Any]:
    """Make one call with the official generic client; returns the body.

    `form` is sent in the request body. Raises: what the client raises.
    """
    client = _alibaba_client(standin, host, timeout_s, **keys)
    parameters = utils_models.Params(
        action=action,
        version=version,
        protocol="HTTP",
        pathname="/",
        method="POST",
        auth_type="AK",
        style="RPC",
        req_body_type="formData",
        body_type="json",
    )
    request = utils_models.OpenApiRequest(query=Utils.query(query), body=form)
    body: dict[str, Any] = client.call_api(parameters, request, RuntimeOptions())["body"]
    return body


def _alibaba_client(standin: Standin, host: str, timeout_s: float, **keys: str) -> OpenApiClient:
    with_keys = {**standin.credentials["alibaba"], **keys}
    config = utils_models.Config(
        access_key_id=with_keys["id"],
        access_key_secret=with_keys["key"],
        security_token=with_keys["token"],
        read_timeout=int(timeout_s * 1000),
        **{"endpoint": host, **_alibaba_place(standin)},
    )
    return OpenApiClient(config)


def call_kms(
    standin: Standin,
    action: str,
    query: dict[str, Any],
    form: dict[str, Any] | None = None,
    *,
    region: str = "cn-hangzhou",
    **how: Any,
) -> dict[str, Any]:
    """Make one call of KMS at its region's own host. Raises: what the client raises."""
    return call_alibaba(standin, action, query, form, host=f"kms.{region}.aliyuncs.com", version=KMS_VERSION, **how)


def kms_client(standin: Standin, region: str = "cn-hangzhou") -> Any:
    """The generic client, at the host of KMS in a region."""
    return _alibaba_client(standin, f"kms.{region}.aliyuncs.com", 5.0)


def ssm_client(standin: Standin, region: str = "ap-guangzhou") -> Any:
    """The product's own client of Secrets Manager."""
    from tencentcloud.ssm.v20190923.ssm_client import SsmClient

    keys = standin.credentials["tencent"]
    http = _tencent_profile(standin, "ssm.tencentcloudapi.com")
    credential = Credential(keys["id"], keys["key"], keys["token"])
    return SsmClient(credential, region, ClientProfile(httpProfile=http))


def call_scf(standin: Standin, action: str, **given: Any) -> dict[str, Any]:
    """Make one call of SCF with the official SDK. Raises: what the SDK raises."""
    return call_tencent(standin, action, given, service="scf", version="2018-04-16", timeout_s=30.0)


def fc_client(standin: Standin) -> Any:
    """The product's own client of FC."""
    from alibabacloud_fc20230330.client import Client

    keys = standin.credentials["alibaba"]
    config = utils_models.Config(
        access_key_id=keys["id"],
        access_key_secret=keys["key"],
        security_token=keys["token"],
        region_id="cn-hangzhou",
        protocol="HTTP",
        http_proxy=standin.endpoint,
        read_timeout=30_000,
    )
    return Client(config)


def stored_value(standin: Standin, store: str, version: str = "") -> str:
    """The value of `ssm://name` (which needs a version) or `kms://name` (otherwise the current one)."""
    kind, _, name = store.partition("://")
    if kind == "ssm":
        return str(
            call_tencent(standin, "GetSecretValue", {"SecretName": name, "VersionId": version}, service="ssm")[
                "SecretString"
            ]
        )
    return str(
        call_kms(standin, "GetSecretValue", {"SecretName": name} | ({"VersionId": version} if version else {}))[
            "SecretData"
        ]
    )
