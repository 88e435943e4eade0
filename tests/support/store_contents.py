"""What the stores hold, asked with the vendors' own clients and none of ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shared.stores.versions import is_keyturn_version, parse_version_name
from tests.cloud.client import vendor_clients
from tests.cloud.client.standin import Standin


@dataclass(frozen=True)
class StoreContents:
    """One secret as its service shows it: the current value, and every version's, by id."""

    current: str
    versions: dict[str, str]

    @property
    def ours(self) -> dict[str, str]:
        """keyturn's versions of a change."""
        return {id_: value for id_, value in self.versions.items() if parse_version_name(id_)}

    @property
    def pending(self) -> dict[str, str]:
        """keyturn's versions of a change whose secret is not the current one."""
        return {id_: value for id_, value in self.ours.items() if value != self.current}

    @property
    def users(self) -> dict[str, str]:
        """What keyturn did not name."""
        return {id_: value for id_, value in self.versions.items() if not is_keyturn_version(id_)}


def ssm(cloud: Standin, action: str, **parameters: Any) -> dict[str, Any]:
    """One call of SSM."""
    with cloud.in_world_time():
        return vendor_clients.call_tencent(cloud, action, parameters, service="ssm")


def kms(cloud: Standin, action: str, **parameters: Any) -> dict[str, Any]:
    """One call of KMS, all of it in the form body."""
    with cloud.in_world_time():
        return vendor_clients.call_kms(cloud, action, {}, parameters)


def store_contents(cloud: Standin, place: str) -> StoreContents:
    """What `ssm://name` or `kms://name` holds now."""
    kind, _, name = place.partition("://")
    return _ssm_held(cloud, name) if kind == "ssm" else _kms_held(cloud, name)


def _ssm_held(cloud: Standin, name: str) -> StoreContents:
    versions = ssm(cloud, "ListSecretVersionIds", SecretName=name)["Versions"]
    values = {
        one["VersionId"]: ssm(cloud, "GetSecretValue", SecretName=name, VersionId=one["VersionId"])["SecretString"]
        for one in versions
    }
    # keyturn writes only where a current version was: of one second, its own is the later one.
    oldest = min(versions, key=lambda one: (one["CreateTime"], is_keyturn_version(one["VersionId"])))["VersionId"]
    return StoreContents(
        next((values[one] for one in ("current", "SSM_Current") if one in values), values[oldest]), values
    )


def _kms_held(cloud: Standin, name: str) -> StoreContents:
    listed = kms(cloud, "ListSecretVersionIds", SecretName=name, IncludeDeprecated="true")["VersionIds"]["VersionId"]
    values = {
        one["VersionId"]: kms(cloud, "GetSecretValue", SecretName=name, VersionId=one["VersionId"])["SecretData"]
        for one in listed
    }
    return StoreContents(kms(cloud, "GetSecretValue", SecretName=name)["SecretData"], values)
