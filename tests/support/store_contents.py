"""The contents of the stores, read with the vendors' own clients and without keyturn's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from shared.stores.versions import is_keyturn_version, parse_version_name
from tests.cloud.client import vendor_clients
from tests.cloud.client.standin import Standin

OWN: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class StoreContents:
    """One secret as its service shows it: the current value, and the value of every version by id."""

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
        """The versions that keyturn did not name."""
        return {id_: value for id_, value in self.versions.items() if not is_keyturn_version(id_)}


def ssm(cloud: Standin, action: str, **parameters: Any) -> dict[str, Any]:
    """One call of SSM."""
    with cloud.in_world_time():
        return vendor_clients.call_tencent(cloud, action, parameters, service="ssm")


def kms(cloud: Standin, action: str, **parameters: Any) -> dict[str, Any]:
    """One call of KMS, with all parameters in the form body."""
    with cloud.in_world_time():
        return vendor_clients.call_kms(cloud, action, {}, parameters)


def store_contents(cloud: Standin, place: str, keys: Mapping[str, Any] = OWN) -> StoreContents:
    """The present contents of `ssm://name` or `kms://name`; `keys` of another account, if it owns the store."""
    kind, _, name = place.partition("://")
    with cloud.in_world_time():
        return _ssm_held(cloud, name, keys) if kind == "ssm" else _kms_held(cloud, name, keys)


def _ssm_held(cloud: Standin, name: str, keys: Mapping[str, Any]) -> StoreContents:
    def ask(action: str, **more: str) -> dict[str, Any]:
        return vendor_clients.call_tencent(cloud, action, {"SecretName": name, **more}, service="ssm", **dict(keys))

    versions = ask("ListSecretVersionIds")["Versions"]
    ids = [one["VersionId"] for one in versions]
    values = {id_: ask("GetSecretValue", VersionId=id_)["SecretString"] for id_ in ids}
    # keyturn only writes if there is a current version. If both are of one second, keyturn's is the later one.
    oldest = min(versions, key=lambda one: (one["CreateTime"], is_keyturn_version(one["VersionId"])))["VersionId"]
    return StoreContents(
        next((values[one] for one in ("current", "SSM_Current") if one in values), values[oldest]), values
    )


def _kms_held(cloud: Standin, name: str, keys: Mapping[str, Any]) -> StoreContents:
    def ask(action: str, **more: str) -> dict[str, Any]:
        return vendor_clients.call_kms(cloud, action, {}, {"SecretName": name, **more}, **keys)

    listed = ask("ListSecretVersionIds", IncludeDeprecated="true")["VersionIds"]["VersionId"]
    values = {one["VersionId"]: ask("GetSecretValue", VersionId=one["VersionId"])["SecretData"] for one in listed}
    return StoreContents(ask("GetSecretValue")["SecretData"], values)
