"""One secret behind the API of Alibaba's KMS, and the store that asks it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from shared.clouds.alibaba.kms import KmsStore
from shared.runtime.errors import ErrorClass, KeyturnError, Refused
from tests.clouds.scripted import Answer, Clock, Script, ScriptedAlibaba, access

CURRENT, PREVIOUS = "ACSCurrent", "ACSPrevious"
PENDING, WITHDRAWN, COPIED = "keyturn-pending", "keyturn-withdrawn", "keyturn-copy"

Held = dict[str, tuple[float, object, str]]  # id -> when it was made, what it holds, its labels


def refused(code: str, error_class: ErrorClass = ErrorClass.FAILED) -> Refused:
    return Refused(error_class, "x", code=code, request_id="r")


class Vault:
    """One secret, as KMS keeps it: ten versions, of which the earliest goes with the eleventh."""

    def __init__(self, held: Mapping[str, tuple[float, object, str]], left_s: float = 60.0) -> None:
        self.made = {id_: made for id_, (made, _, _) in held.items()}
        self.values = {id_: value for id_, (_, value, _) in held.items()}
        self.labels = {label: id_ for id_, (_, _, labels) in held.items() for label in labels.split()}
        self.clock = Clock()
        self.script = Script(
            {
                "ListSecretVersionIds": self._list,
                "GetSecretValue": self._get,
                "PutSecretValue": self._put,
                "UpdateSecretVersionStage": self._label,
            }
        )
        through = access(left_s, clock=self.clock)
        self.store = KmsStore(through, "cn-hangzhou", "one")
        self.store._session = ScriptedAlibaba(self.script, through)

    def fails(self, action: str, error: KeyturnError, *, after_effect: bool = False) -> None:
        """The action answers with this error from now on, with its effect or without."""
        honest = self.script.answers[action]

        def answer(ids: dict[str, Any]) -> dict[str, Any]:
            if after_effect and callable(honest):
                honest(ids)
            raise error

        self.script.answers[action] = answer

    def labels_of(self, version: str) -> set[str]:
        return {label for label, id_ in self.labels.items() if id_ == version}

    def listing(self) -> list[dict[str, Any]]:
        return [
            {
                "VersionId": id_,
                "CreateTime": datetime.fromtimestamp(int(made), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "VersionStages": {"VersionStage": sorted(self.labels_of(id_))},
            }
            for id_, made in self.made.items()
        ]

    def _list(self, ids: dict[str, Any]) -> dict[str, Any]:
        first, size = (int(ids["PageNumber"]) - 1) * int(ids["PageSize"]), int(ids["PageSize"])
        every = self.listing()
        return {"VersionIds": {"VersionId": every[first : first + size]}, "TotalCount": len(every)}

    def _get(self, ids: dict[str, Any]) -> dict[str, Any]:
        id_ = ids.get("VersionId") or self.labels.get(ids["VersionStage"])
        if id_ not in self.values:
            raise refused("Forbidden.ResourceNotFound", ErrorClass.NOT_FOUND)
        value = self.values[id_]
        return {"SecretData": value, "SecretDataType": "text" if isinstance(value, str) else "binary"}

    def _put(self, ids: dict[str, Any]) -> dict[str, Any]:
        if ids["VersionId"] in self.values:
            raise refused("Rejected.ResourceExist")
        if len(self.values) >= 10:
            earliest = min(self.made, key=lambda id_: self.made[id_])
            del self.made[earliest], self.values[earliest]
            self.labels = {label: id_ for label, id_ in self.labels.items() if id_ != earliest}
        self.made[ids["VersionId"]] = 1000.0 + self.clock.now
        self.values[ids["VersionId"]] = ids["SecretData"]
        self.labels |= dict.fromkeys(json.loads(ids["VersionStages"]), ids["VersionId"])
        return {}

    def _label(self, ids: dict[str, Any]) -> dict[str, Any]:
        label, to, off = ids["VersionStage"], ids.get("MoveToVersion"), ids.get("RemoveFromVersion")
        if to is not None and to not in self.values:
            raise refused("Forbidden.ResourceNotFound", ErrorClass.NOT_FOUND)
        if off is not None and self.labels.get(label) != off:
            raise refused("InvalidParameter", ErrorClass.INVALID_COMMAND)
        if label == CURRENT and off is not None:
            self.labels[PREVIOUS] = off
        self.labels.pop(label, None)
        if to is not None:
            self.labels[label] = to
        return {}


def listing(*pages: tuple[list[Any], object]) -> list[Answer]:
    """Answers to ListSecretVersionIds: what each page holds, and the total that it tells."""
    return [{"VersionIds": {"VersionId": found}, "TotalCount": total} for found, total in pages]
