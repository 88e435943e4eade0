"""One secret behind the API of Tencent's Secrets Manager, and the store that asks it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.clouds.tencent.ssm import SsmStore
from shared.runtime.errors import ErrorClass, KeyturnError, Refused, RetryLater
from tests.clouds.scripted import Script, ScriptedTencent, access

Held = dict[str, tuple[float, object]]  # id -> when it was made, what it holds


def ours(number: int) -> str:
    """A version of keyturn's, of one change each."""
    return f"kt-{number:016x}-{0:016x}-{0:012x}-1"


A, B, C = ours(1), ours(2), ours(3)


def refused(code: str, error_class: ErrorClass = ErrorClass.FAILED) -> Refused:
    return Refused(error_class, "x", code=code, request_id="r")


class Vault:
    """One secret, as SSM keeps it. A put of a name that is there is refused, and so is the eleventh."""

    def __init__(self, held: Mapping[str, tuple[float, object]], most: int = 10) -> None:
        self.held = dict(held)
        self._most = most
        self.script = Script(
            {
                "ListSecretVersionIds": lambda _: {
                    "Versions": [{"VersionId": id_, "CreateTime": made} for id_, (made, _) in self.held.items()]
                },
                "GetSecretValue": self._get,
                "PutSecretValue": self._put,
                "UpdateSecret": self._update,
                "DeleteSecretVersion": self._delete,
            }
        )
        self.store = SsmStore(access(), "ap-guangzhou", "one")
        self.store._session = ScriptedTencent(self.script, access())

    def _there(self, ids: Mapping[str, Any]) -> str:
        if ids["VersionId"] not in self.held:
            raise refused("ResourceNotFound", ErrorClass.NOT_FOUND)
        return str(ids["VersionId"])

    def _get(self, ids: dict[str, Any]) -> dict[str, Any]:
        return {"SecretString": self.held[self._there(ids)][1]}

    def _put(self, ids: dict[str, Any]) -> dict[str, Any]:
        if ids["VersionId"] in self.held:
            raise refused("ResourceInUse.VersionIdExists")
        if len(self.held) >= self._most:
            raise RetryLater(ErrorClass.BUSY, "x", code="LimitExceeded")
        self.held[ids["VersionId"]] = (1000.0, ids["SecretString"])
        return {}

    def _update(self, ids: dict[str, Any]) -> dict[str, Any]:
        id_ = self._there(ids)
        self.held[id_] = (self.held[id_][0], ids["SecretString"])
        return {}

    def _delete(self, ids: dict[str, Any]) -> dict[str, Any]:
        del self.held[self._there(ids)]
        return {}

    @property
    def values(self) -> dict[str, object]:
        return {id_: value for id_, (_, value) in self.held.items()}

    def fails(self, action: str, error: KeyturnError) -> None:
        self.script.answers[action] = error
