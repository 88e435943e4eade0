"""Alibaba Cloud KMS (2016-01-20): one generic secret, through the official core client.

The value of a version never changes, and nobody can delete a single version. The stage `ACSCurrent` marks the current
version. keyturn moves it by compare-and-set, from the version that had it at the last read. A write-ahead gets the
label `keyturn-pending`, because a version without a label would become the current one. The label has no other meaning.
A secret keeps ten versions and eight labels. The eleventh version pushes the earliest out, labelled or not.
Sources: help pages PutSecretValue (2025-07-29), UpdateSecretVersionStage (2025-08-15), ListSecretVersionIds
(2025-07-29), GetSecretValue, CreateSecret (error table). No page says that KMS refuses to move a stage from a version
that does not have it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from types import SimpleNamespace
from typing import Any

from shared.clouds.alibaba.session import AlibabaSession
from shared.clouds.remote_store import RemoteStore
from shared.results.outcome import SUPERSEDED
from shared.runtime.cloud_access import CloudAccess
from shared.runtime.errors import ErrorClass, KeyturnError, Refused, RetryLater
from shared.runtime.secret import Secret
from shared.runtime.times import parse_time
from shared.stores.store import NO_TEXT, STORE_FULL, Version
from shared.stores.versions import COPY, parse_version_name

VERSION = "2016-01-20"
_CURRENT, _PREVIOUS = "ACSCurrent", "ACSPrevious"
_PENDING = "keyturn-pending"
_WITHDRAWN = "keyturn-withdrawn"  # keyturn made no call with this version and lists it no more
_COPIED = "keyturn-copy"  # on a copy, until the copy is the current version
# The id of a copy: the original's time in Unix seconds, and a number. The second form is that of keyturn 0.1.0.
_COPY_ID = re.compile(rf"(?:{COPY}([0-9]{{1,11}})-|keyturn\.copy-([0-9]{{1,11}})\.)[0-9]{{1,9}}")
_MOST_VERSIONS = 10
_MOST_LABELS = 8
_PAGE = "20"
_MOST_PAGES = 5
_PACE = 8.0  # KMS allows 40 lists and writes a second; KEYTURN_RATE is 5 by default for Alibaba's other APIs
_APART_S = 1.1
_LEAST_LEFT_S = 6.0
_GENERIC = "Generic"
_SECRET_FIELD = "SecretData"  # noqa: S105 - a parameter's name


class KmsSession(AlibabaSession):
    """KMS in one region. Every call sends a secret in the form body."""

    version = VERSION

    def _made(self, sdk: SimpleNamespace, config: Any) -> Any:
        # The product's own package has no wheel. The core client below it has no table of hosts.
        config.endpoint = config.endpoint or f"kms.{self.region}.aliyuncs.com"
        return sdk.CoreClient(config)

    def _send(self, action: str, ids: dict[str, Any], secrets: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        ids = dict(ids)
        if _SECRET_FIELD in ids:
            secrets = {**secrets, _SECRET_FIELD: ids.pop(_SECRET_FIELD)}
        return super()._send(action, ids, secrets, timeout_s)


@dataclass(frozen=True)
class _Labelled:
    """A version as KMS lists it."""

    id: str
    made: float  # Unix seconds, by KMS' clock
    labels: frozenset[str]

    @property
    def is_copy(self) -> bool:
        """Whether keyturn wrote this version to keep a current value longer."""
        return _COPY_ID.fullmatch(self.id) is not None

    @property
    def created(self) -> float:
        """When its secret was made (Unix seconds). A copy is as old as its original."""
        copied = _COPY_ID.fullmatch(self.id)
        return float(copied[1] or copied[2]) if copied else self.made

    @property
    def shown(self) -> Version:
        return Version(self.id, _CURRENT in self.labels, self.created)


class KmsStore(RemoteStore):
    """The versions of one secret in one region. Only one thread at a time may use it."""

    def __init__(self, access: CloudAccess, region: str, secret_name: str) -> None:
        paced = replace(access, calls_per_s=access.calls_per_s * _PACE)
        super().__init__(f"kms://{secret_name}", KmsSession(paced, region))
        self._access = access
        self._secret_name = secret_name
        self._listed: list[_Labelled] | None = None  # newest first, with the later changes
        self._current_id: str | None = None  # as `versions` last showed it, or as this object made it since
        self._spare: frozenset[str] = frozenset()
        self._type: str | None = None  # as a read of this delivery showed it
        self._known: dict[str, Secret] = {}

    def versions(self) -> list[Version]:
        self._listed = self._list()
        current = _marked(self._listed, _CURRENT)
        self._current_id = current.id if current is not None else None
        shown = (one.shown for one in self._listed if _WITHDRAWN not in one.labels)
        return sorted(shown, key=lambda one: one.created, reverse=True)

    def _listing(self) -> list[_Labelled]:
        if self._listed is None:
            self.versions()
        return self._listed or []

    def _list(self) -> list[_Labelled]:
        """Every version, newest first. Raises: RetryLater, Refused."""
        found: list[Mapping[str, Any]] = []
        for number in range(1, _MOST_PAGES + 1):
            answer = self._ask("ListSecretVersionIds", IncludeDeprecated="true", PageNumber=str(number), PageSize=_PAGE)
            box = answer.get("VersionIds")
            page = box.get("VersionId") if isinstance(box, Mapping) else None
            found += [one for one in page or [] if isinstance(one, Mapping)]
            total = int(answer.get("TotalCount") or 0)
            if not page or len(found) >= total:
                break
        if not found or len(found) < total:  # with an incomplete list a full store would look free
            raise self._unreadable("ListSecretVersionIds")
        versions = [
            _Labelled(str(one.get("VersionId")), _seconds(one.get("CreateTime")), _labels(one)) for one in found
        ]
        return sorted(versions, key=lambda one: one.made, reverse=True)

    def current_keyturn_version(self) -> str | None:
        listed = self._listing()
        current = _marked(listed, _CURRENT)
        if current is None:
            return None
        return current.id if parse_version_name(current.id) else self._original(current, listed)

    def _original(self, current: _Labelled, listed: Sequence[_Labelled]) -> str | None:
        """The version of a change that the current version is a copy of, if it still exists."""
        made_then = [one.id for one in listed if parse_version_name(one.id) and int(one.made) == int(current.created)]
        if not current.is_copy:
            return None
        return next((id_ for id_ in made_then if self._same(id_, current.id)), None)

    def _same(self, version: str, other: str) -> bool:
        """Whether two versions hold the same secret. False if one is gone. Raises: RetryLater, Refused."""
        try:
            for id_ in (version, other):
                if id_ not in self._known:
                    self._known[id_] = self._value(VersionId=id_)
        except Refused as refused:
            if refused.error_class is ErrorClass.NOT_FOUND or refused.code == NO_TEXT:
                return False
            raise
        return self._known[version] == self._known[other]

    def read(self, version: str | None = None) -> Secret:
        """Read a version by its id, else by a stage with that name. None: the current version."""
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
        self._type = str(answer.get("SecretType") or _GENERIC)
        return self._secret(answer.get(_SECRET_FIELD), binary=answer.get("SecretDataType", "text") != "text")

    def check_takes_writes(self) -> None:
        """PutSecretValue accepts generic secrets only. GetSecretValue shows the type (pages of both, 2025-07-29)."""
        if self._type not in (None, _GENERIC):
            text = (
                f"{self.name}: this is a managed secret, only its product may write it, nothing was called: name a"
                " generic one"
            )
            raise Refused(ErrorClass.FORBIDDEN, text, code="ManagedSecret")

    def make_room(self, spare: Sequence[str], places: int = 1) -> None:
        """Check that the versions that the next writes push out may go. Copy the current version first if it is one."""
        self._spare = frozenset(spare)
        self._fit(places)

    def write(self, version: str, secret: Secret) -> None:
        self._check_name(version)
        if _by_id(self._listing(), version) is None:
            if len(self._listing()) >= _MOST_VERSIONS - 1:
                self._listed = self._list()  # since the last listing another delivery may have pushed one out
            if _by_id(self._listing(), version) is None:
                self._fit(1)
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
                raise self._full("it has as many version stages as KMS keeps") from None
            if error.code != "Rejected.ResourceExist":
                raise
            raise self._exists(version) from None
        self._known[version] = secret
        listed = self._listing()
        if _by_id(listed, version) is None:
            others = [replace(one, labels=one.labels - {label}) for one in listed]
            self._listed = [_Labelled(version, inf, frozenset({label})), *others][:_MOST_VERSIONS]

    def _fit(self, places: int) -> None:
        """Make room. Raises: RetryLater (busy, StoreFull), before any write, if a version that is needed would go."""
        listed = self._listing()
        used = {label for one in listed for label in one.labels}
        # The labels to come: one on the new version, and ACSPrevious, which a promotion leaves behind.
        if len(used | {_PENDING, _PREVIOUS}) > _MOST_LABELS:
            raise self._full(f"it has {len(used)} version stages")
        current = _marked(listed, _CURRENT)
        # A copy is a write, too. If the current version is the earliest of a full store, the copy would push it out.
        if current is not None and current in _going(listed, places + 1):
            self._check([one for one in _going(listed, places + 1) if one is not current], current)
            if current in _going(listed, 1):
                raise self._full(f"it has {len(listed)} versions, and the earliest is in use")
            self._take_labels_off(_going(listed, 1), current)
            self._renew(current, listed)
            listed = self._listed = self._list()
            current = _marked(listed, _CURRENT)
        going = _going(listed, places)
        self._check(going, current)
        self._take_labels_off(going, current)

    def _check(self, going: Sequence[_Labelled], current: _Labelled | None) -> None:
        if not all(self._may_go(one, current) for one in going):
            raise self._full(f"it has {len(self._listing())} versions, and the earliest is in use")

    def _may_go(self, one: _Labelled, current: _Labelled | None) -> bool:
        """Whether KMS may drop a version: a user's version without a label, a spare version, or the original of a copy.

        The secret of the previous version is no longer in force if a newer version is current.
        """
        ours = parse_version_name(one.id) is not None
        if one.labels - {_PREVIOUS, _COPIED, _WITHDRAWN} - ({_PENDING} if ours else set()):
            return False
        if _WITHDRAWN in one.labels:
            return True
        if _PREVIOUS in one.labels and (current is None or current.made <= one.made):
            return False
        return not ours or one.id in self._spare or one.id == self.current_keyturn_version()

    def _take_labels_off(self, going: Sequence[_Labelled], current: _Labelled | None) -> None:
        for one in going:
            for label in sorted(one.labels):
                self._label(label, to=current if label == _PREVIOUS else None, off=one)

    def _renew(self, current: _Labelled, listed: Sequence[_Labelled]) -> None:
        """Copy the current version and make the copy current. The copy's id keeps the age of the original.

        The stage moves only from the version that was copied, so this undoes no promotion in the meantime.
        """
        ids = (f"{COPY}{int(current.created)}-{n}" for n in range(1, _MOST_VERSIONS + 2))
        id_ = next(one for one in ids if _by_id(listed, one) is None)
        if self._access.deadline.left() < _LEAST_LEFT_S:
            text = f"{self.name}: too little time to make room, nothing was written: send the command again"
            raise RetryLater(ErrorClass.BUSY, text, code=STORE_FULL)
        # Times are whole seconds. The copy must have a second of its own, so that its place in the order is clear.
        self._access.sleep(_APART_S)
        self._known[current.id] = self._value(VersionId=current.id)
        self._put(id_, self._known[current.id], _COPIED)
        self._access.sleep(_APART_S)
        copy = _Labelled(id_, 0.0, frozenset())
        self._label(_CURRENT, to=copy, off=current)
        if self._current_id == current.id:
            self._current_id = id_
        self._label(_COPIED, off=copy)

    def withdraw(self, version: str) -> None:
        self._check_name(version)
        self._label(_WITHDRAWN, to=_Labelled(version, 0.0, frozenset()))

    def promote(self, version: str) -> None:
        """Compare-and-set: move the stage from the version that was current in the last listing, or do not move it."""
        self._check_name(version)
        own = _by_id(self._listing(), version)
        if version != self._current_id:
            self._move_current(version)
        if own is not None and _PENDING in own.labels:
            try:
                self._label(_PENDING, off=own)
            except KeyturnError:
                return  # the label does no harm, and moves to the next version that is written

    def _move_current(self, version: str) -> None:
        """Make `version` the current one. Raises: Refused (failed, Superseded; not_found), RetryLater."""
        where = {"MoveToVersion": version}
        if self._current_id is not None:
            where["RemoveFromVersion"] = self._current_id
        try:
            self._ask("UpdateSecretVersionStage", VersionStage=_CURRENT, **where)
        except (Refused, RetryLater):
            # A repeat is refused, too, if the first call had its effect: so list the versions.
            listed = self._list()
            now = _marked(listed, _CURRENT)
            there = now.id if now is not None else None
            if there != version:
                if _by_id(listed, version) is None:
                    raise self._missing(version) from None
                if there == self._current_id:
                    raise
                text = f"{self.name}: another version became current in the meantime, so {version} did not"
                raise Refused(ErrorClass.FAILED, text, code=SUPERSEDED) from None
            self._listed = listed
        else:
            moved = {version: frozenset({_CURRENT}), self._current_id: frozenset({_PREVIOUS})}
            self._listed = [
                replace(one, labels=one.labels - {_CURRENT, _PREVIOUS} | moved.get(one.id, frozenset()))
                for one in self._listing()
            ]
        self._current_id = version

    def _label(self, label: str, *, to: _Labelled | None = None, off: _Labelled | None = None) -> None:
        """Move or remove a label. KMS may refuse a repeat if the first call had its effect: so list the versions."""
        where = {name: one.id for name, one in (("MoveToVersion", to), ("RemoveFromVersion", off)) if one is not None}
        try:
            self._ask("UpdateSecretVersionStage", VersionStage=label, **where)
        except (Refused, RetryLater) as error:
            holder = _marked(self._list(), label)
            there = holder.id if holder is not None else None
            if there == to.id if to is not None else off is not None and there != off.id:
                return
            if error.code == "Rejected.LimitExceeded":
                raise self._full("it has as many version stages as KMS keeps") from None
            raise

    def _ask(self, action: str, **parameters: str) -> dict[str, Any]:
        return self._call(action, SecretName=self._secret_name, **parameters)


def _by_id(listed: Sequence[_Labelled], version: str) -> _Labelled | None:
    return next((one for one in listed if one.id == version), None)


def _marked(listed: Sequence[_Labelled], label: str) -> _Labelled | None:
    return next((one for one in listed if label in one.labels), None)


def _going(listed: Sequence[_Labelled], puts: int) -> list[_Labelled]:
    """The versions that `puts` writes push out, and all that are as old as the last of these, to the second."""
    count = min(len(listed), len(listed) + puts - _MOST_VERSIONS)
    if count <= 0:
        return []
    last = sorted(one.made for one in listed)[count - 1]
    return [one for one in listed if one.made <= last]


def _labels(version: Mapping[str, Any]) -> frozenset[str]:
    box = version.get("VersionStages")
    named = box.get("VersionStage") if isinstance(box, Mapping) else None
    return frozenset(one for one in named or [] if isinstance(one, str))


def _seconds(text: object) -> float:
    made = parse_time(text)
    return max(0.0, made.timestamp()) if made else 0.0
