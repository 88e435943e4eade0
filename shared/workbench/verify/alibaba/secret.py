"""A secret of KMS for the checks: its versions and labels, and how its current value is restored."""

from __future__ import annotations

import json
import secrets as randomness
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.workbench.apis.alibaba import AlibabaApi
from shared.workbench.verify.alibaba.desk import Said, said

KIND = "kms-secret"
CURRENT, PREVIOUS = "ACSCurrent", "ACSPrevious"
MOST_VERSIONS = 10


@dataclass(frozen=True)
class ListedVersion:
    """A version as ListSecretVersionIds shows it."""

    id: str
    created: str
    labels: frozenset[str]


@dataclass(frozen=True)
class KmsSecret:
    """One secret. The versions and labels of a change have names that begin with the change's mark."""

    api: AlibabaApi
    name: str
    mark: str

    @property
    def label(self) -> str:
        """A label that no other change uses."""
        return f"keyturn-verify-{self.mark}"

    def version_name(self) -> str:
        """A version id that no other change uses."""
        return f"{self.label}-{randomness.token_hex(4)}"

    def versions(self, *, deprecated: str = "true") -> list[ListedVersion]:
        """Every version, or those with a label, the earliest first. Versions of one second are in the service's order.

        Raises: CallRefused, CallLost.
        """
        query = {"SecretName": self.name, "IncludeDeprecated": deprecated, "PageSize": "100"}
        found = self._call("ListSecretVersionIds", query)["VersionIds"]["VersionId"]
        listed = [ListedVersion(one["VersionId"], one["CreateTime"], _labels(one)) for one in found]
        return sorted(listed, key=lambda one: one.created)

    def current(self) -> dict[str, Any]:
        """GetSecretValue. Raises: CallRefused, CallLost."""
        return self._call("GetSecretValue", {"SecretName": self.name})

    def put(self, version: str, value: str, labels: Sequence[str] = ()) -> Said:
        """PutSecretValue. Without labels the version becomes the current one. Raises: CallLost."""
        query = {"SecretName": self.name, "VersionId": version}
        if labels:
            query["VersionStages"] = json.dumps(list(labels))
        return said(lambda: self._call("PutSecretValue", query, {"SecretData": value}))

    def move(self, label: str, *, away: str = "", to: str = "") -> Said:
        """UpdateSecretVersionStage. Raises: CallLost."""
        query = {"SecretName": self.name, "VersionStage": label}
        query |= {"RemoveFromVersion": away} if away else {}
        query |= {"MoveToVersion": to} if to else {}
        return said(lambda: self._call("UpdateSecretVersionStage", query))

    def put_back(self, first: str, value: str) -> None:
        """Remove the checks' labels, and make the first value current again. Raises: CallRefused, CallLost.

        The first version becomes current if the checks pushed no version out. Otherwise a copy of it stays current,
        because a current version is among the last to be pushed out.
        """
        listed = self.versions()
        for one in listed:
            for label in sorted(one.labels):
                if label.startswith(self.label):
                    self.move(label, away=one.id)
        holder = next((one.id for one in listed if CURRENT in one.labels), "")
        if not holder.startswith(self.label):
            return  # the first version is still current, or one of somebody else
        if len(listed) < MOST_VERSIONS and any(one.id == first for one in listed):
            self.move(CURRENT, away=holder, to=first)
        if self.current()["SecretData"] != value:
            self.put(self.version_name(), value)
        if self.current()["SecretData"] != value:
            raise ValueError("another value is current")

    def _call(self, action: str, query: Mapping[str, str], form: Mapping[str, str] | None = None) -> dict[str, Any]:
        return self.api.call("kms", action, query, form)


def labels_of(listed: Sequence[ListedVersion], version: str) -> frozenset[str]:
    """The labels of one version; empty if the version is gone."""
    return next((one.labels for one in listed if one.id == version), frozenset())


def _labels(shown: Mapping[str, Any]) -> frozenset[str]:
    return frozenset((shown.get("VersionStages") or {}).get("VersionStage") or ())
