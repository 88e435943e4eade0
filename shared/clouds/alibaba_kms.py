"""Alibaba Cloud KMS (2016-01-20): one generic secret, through the official core client.

A version's value never changes and single versions cannot be deleted: labels say what a version is. `ACSCurrent` marks
the current one, `keyturn-pending` the one that was written ahead, and `keyturn-unresolved-<n>` an earlier one of which
nobody knows yet. A secret keeps ten versions, the earliest goes with the eleventh, and eight labels in all.
Sources: help pages PutSecretValue (2025-07-29), UpdateSecretVersionStage (2025-08-15), ListSecretVersionIds
(2025-07-29), GetSecretValue, CreateSecret (error table).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

from shared.clouds.alibaba import AlibabaSession
from shared.clouds.remote_store import STORE_FULL, RemoteStore
from shared.clouds.session import Access
from shared.errors import ErrorClass, Refused, RetryLater
from shared.secret import Secret
from shared.store import Stage, Version

VERSION = "2016-01-20"
_CURRENT, _PREVIOUS = "ACSCurrent", "ACSPrevious"
_PENDING = "keyturn-pending"
_UNRESOLVED = "keyturn-unresolved-"
_COPIED = "keyturn-copy"
# A copy's id: the Unix seconds of what it is a copy of, and a number. No CommandId holds a dot.
_COPY_ID = re.compile(r"keyturn\.copy-([0-9]{1,11})\.[0-9]{1,9}")
_MOST_VERSIONS = 10
_MOST_LABELS = 8
_PAGE = "20"
_MOST_PAGES = 5
_PACE = 8.0  # published: lists and writes 40 a second, where KEYTURN_RATE starts from 5 for Alibaba's other APIs
_APART_S = 1.1
_LEAST_LEFT_S = 6.0
_SECRET_FIELD = "SecretData"  # noqa: S105 - a parameter's name


class KmsSession(AlibabaSession):
    """KMS in one region. A secret travels in the form body, whoever makes the call."""

    version = VERSION

    def _made(self, sdk: SimpleNamespace, config: Any) -> Any:
        # The product's own package cannot be installed from wheels; the core client under it has no table of hosts.
        config.endpoint = config.endpoint or f"kms.{self.region}.aliyuncs.com"
        return sdk.CoreClient(config)

    def _send(self, action: str, ids: dict[str, Any], secrets: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        ids = dict(ids)
        if _SECRET_FIELD in ids:
            secrets = {**secrets, _SECRET_FIELD: ids.pop(_SECRET_FIELD)}
        return super()._send(action, ids, secrets, timeout_s)


@dataclass(frozen=True)
class _Labelled:
    """A version as the service lists it."""

    id: str
    made: float  # Unix seconds by the service's clock
    labels: frozenset[str]

    @property
    def marks(self) -> list[str]:
        """Our labels that say it may be in force."""
        return sorted(one for one in self.labels if one == _PENDING or one.startswith(_UNRESOLVED))

    @property
    def shown(self) -> Version:
        stage = Stage.CURRENT if _CURRENT in self.labels else Stage.PENDING if self.marks else Stage.RESOLVED
        copied = _COPY_ID.fullmatch(self.id)
        return Version(self.id, stage, float(copied[1]) if copied else self.made or None)


class KmsStore(RemoteStore):
    """The versions of one secret in one region. Not for two threads at once."""

    def __init__(self, access: Access, region: str, secret_name: str) -> None:
        paced = replace(access, calls_per_s=access.calls_per_s * _PACE)
        super().__init__(f"kms://{secret_name}", KmsSession(paced, region))
        self._access = access
        self._secret_name = secret_name
        self._seen: list[_Labelled] | None = None  # what `versions` showed last

    def versions(self) -> list[Version]:
        self._seen = self._list()
        return [one.shown for one in self._seen]

    def _list(self) -> list[_Labelled]:
        """Every version, newest first."""
        found: list[Mapping[str, Any]] = []
        for number in range(1, _MOST_PAGES + 1):
            answer = self._ask("ListSecretVersionIds", IncludeDeprecated="true", PageNumber=str(number), PageSize=_PAGE)
            box = answer.get("VersionIds")
            page = box.get("VersionId") if isinstance(box, Mapping) else None
            found += [one for one in page or [] if isinstance(one, Mapping)]
            if not page or len(found) >= int(answer.get("TotalCount") or 0):
                break
        versions = [
            _Labelled(str(one.get("VersionId")), _seconds(one.get("CreateTime")), _labels(one)) for one in found
        ]
        return sorted(versions, key=lambda one: one.made, reverse=True)

    def read(self, version: str | None = None) -> Secret:
        """A version by its id, else by a stage of that name."""
        if version is None:
            return self._value(VersionStage=_CURRENT)
        try:
            return self._value(VersionId=version)
        except Refused as refused:
            if refused.error_class is not ErrorClass.NOT_FOUND:
                raise
        return self._value(VersionStage=version)

    def _value(self, **which: str) -> Secret:
        answer = self._ask("GetSecretValue", **which)
        return self._secret(answer.get(_SECRET_FIELD) if answer.get("SecretDataType", "text") == "text" else None)

    def write(self, version: str, secret: Secret) -> None:
        listed = self._list()
        if (own := _by_id(listed, version)) is not None:
            if self._value(VersionId=version) != secret:
                raise self._exists(version)
            if _CURRENT in own.labels or own.marks:
                return
            self._set_aside(listed)
            self._label(_PENDING, to=own)
            return
        self._set_aside(listed)
        self._make_room(listed)
        self._put(version, secret, _PENDING)

    def _put(self, version: str, secret: Secret, label: str) -> None:
        try:
            self._ask(
                "PutSecretValue",
                VersionId=version,
                SecretData=secret.reveal(),
                SecretDataType="text",
                VersionStages=json.dumps([label]),
            )
        except (Refused, RetryLater) as error:
            if error.code == "Rejected.LimitExceeded":
                raise self._full("it has as many version stages as the service keeps") from None
            if error.code != "Rejected.ResourceExist":
                raise
            raise self._exists(version) from None

    def _set_aside(self, listed: Sequence[_Labelled]) -> None:
        """Give an unresolved version a label of its own before the fixed one moves on."""
        used = {label for one in listed for label in one.labels}
        holder = _marked(listed, _PENDING)
        # Beside what is there: the fixed label, and the previous one that a promotion will leave.
        needed = used | {_PENDING, _PREVIOUS}
        if holder is not None and holder.marks == [_PENDING] and _CURRENT not in holder.labels:
            number = next(n for n in range(1, _MOST_LABELS + 2) if f"{_UNRESOLVED}{n}" not in used)
            needed.add(f"{_UNRESOLVED}{number}")
            if len(needed) > _MOST_LABELS:
                raise self._full(f"it has {len(used)} version stages")
            self._label(f"{_UNRESOLVED}{number}", to=holder)
        elif len(needed) > _MOST_LABELS:
            raise self._full(f"it has {len(used)} version stages")

    def _make_room(self, listed: list[_Labelled]) -> None:
        """See that the version which the next put pushes out has no label, and that the one after has none either.

        Versions that were given up stay where they are, so after enough of them the current one would be the earliest.
        Before that a copy of it becomes the current version.
        """
        if len(listed) >= _MOST_VERSIONS - 1:
            current = _marked(listed, _CURRENT)
            stay = listed if len(listed) < _MOST_VERSIONS else listed[:-1]
            if current is not None and current in _earliest(stay):
                self._free(listed)
                self._renew(current, listed)
                listed = self._list()
        self._free(listed)

    def _free(self, listed: list[_Labelled]) -> None:
        """Raises: RetryLater (busy) if the next put would push out a version that has a label of use."""
        if len(listed) < _MOST_VERSIONS:
            return
        current = _marked(listed, _CURRENT)
        for one in _earliest(listed):
            # What the previous one holds is in force no longer, nor what was copied.
            if one.labels - {_PREVIOUS, _COPIED} or (_PREVIOUS in one.labels and current is None):
                raise self._full(f"it has {len(listed)} versions, and the earliest is in use")
            if _COPIED in one.labels:
                self._label(_COPIED, off=one)
            if _PREVIOUS in one.labels:
                self._label(_PREVIOUS, to=current, off=one)

    def _renew(self, current: _Labelled, listed: Sequence[_Labelled]) -> None:
        """Make a copy of the current version the current one; it tells the age of the first.

        The stage moves only from the version that was copied, so a promotion meanwhile is not undone.
        """
        ids = (f"keyturn.copy-{int(current.shown.created or 0)}.{n}" for n in range(1, _MOST_VERSIONS + 2))
        id_ = next(one for one in ids if _by_id(listed, one) is None)
        if self._access.deadline.left() < _LEAST_LEFT_S:
            text = f"{self.name}: no time to make room in the store, nothing was written: send the command again"
            raise RetryLater(ErrorClass.BUSY, text, code=STORE_FULL)
        # Times are told in seconds: the copy gets one of its own, or its place in the order could not be told.
        self._access.sleep(_APART_S)
        self._put(id_, self._value(VersionId=current.id), _COPIED)
        self._access.sleep(_APART_S)
        copy = _Labelled(id_, 0.0, frozenset())
        self._label(_CURRENT, to=copy, off=current)
        self._label(_COPIED, off=copy)

    def promote(self, version: str) -> None:
        """The version gets the current stage, then loses ours: a crash between is finished by another promotion."""
        listed = self._list()
        own, current = _by_id(listed, version), _marked(listed, _CURRENT)
        if own is None:
            raise self._missing(version)
        # The previous one was current before, and so was one that has no label and is older: they must not come back.
        newer = bool(own.marks) or current is None or own.made > current.made
        if own is not current and newer and _PREVIOUS not in own.labels:
            self._label(_CURRENT, to=own, off=current)
        for label in own.marks:
            self._label(label, off=own)

    def discard(self, version: str) -> None:
        own = _by_id(self._list(), version)
        for label in own.marks if own is not None else []:
            self._label(label, off=own)

    def settled(self) -> list[str]:
        """The current and the previous version: older ones look like those that were given up."""
        listed = self._seen if self._seen is not None else self._list()
        found = [_marked(listed, label) for label in (_CURRENT, _PREVIOUS)]
        return list(dict.fromkeys(one.id for one in found if one is not None))

    def _label(self, label: str, *, to: _Labelled | None = None, off: _Labelled | None = None) -> None:
        """Move or remove a label. A repeat may be refused because the first call had its effect: then look."""
        where = {name: one.id for name, one in (("MoveToVersion", to), ("RemoveFromVersion", off)) if one is not None}
        try:
            self._ask("UpdateSecretVersionStage", VersionStage=label, **where)
        except (Refused, RetryLater) as error:
            holder = _marked(self._list(), label)
            there = holder.id if holder is not None else None
            if there == to.id if to is not None else off is not None and there != off.id:
                return
            if error.code == "Rejected.LimitExceeded":
                raise self._full("it has as many version stages as the service keeps") from None
            raise

    def _ask(self, action: str, **parameters: str) -> dict[str, Any]:
        return self._call(action, SecretName=self._secret_name, **parameters)


def _by_id(listed: Sequence[_Labelled], version: str) -> _Labelled | None:
    return next((one for one in listed if one.id == version), None)


def _marked(listed: Sequence[_Labelled], label: str) -> _Labelled | None:
    return next((one for one in listed if label in one.labels), None)


def _earliest(listed: Sequence[_Labelled]) -> list[_Labelled]:
    """The earliest version; more of them where the service's seconds cannot tell them apart."""
    first = min(one.made for one in listed)
    return [one for one in listed if one.made == first]


def _labels(version: Mapping[str, Any]) -> frozenset[str]:
    box = version.get("VersionStages")
    named = box.get("VersionStage") if isinstance(box, Mapping) else None
    return frozenset(one for one in named or [] if isinstance(one, str))


def _seconds(text: object) -> float:
    try:
        return datetime.strptime(str(text), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        return 0.0
