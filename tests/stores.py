"""What the stores hold, asked with the vendors' own clients and none of ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.cloud import callers
from tests.cloud.client import Standin


@dataclass(frozen=True)
class Held:
    """One secret as its service shows it: the current value, and the other versions that still count, by id."""

    current: str
    pending: dict[str, str]


def ssm(cloud: Standin, action: str, **parameters: Any) -> dict[str, Any]:
    """One call of SSM."""
    return callers.tencent(cloud, action, parameters, service="ssm")


def kms(cloud: Standin, action: str, **parameters: Any) -> dict[str, Any]:
    """One call of KMS, all of it in the form body."""
    return callers.kms(cloud, action, {}, parameters)


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
