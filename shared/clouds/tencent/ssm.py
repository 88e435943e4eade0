"""Tencent Secrets Manager (ssm, 2019-09-23): one user-defined secret.

SSM has no stages. The current version is the one named `current` (or `SSM_Current`, the name that CreateSecret gives by
default), else the oldest. A promotion overwrites the value of that version. So clients keep the version id that they
read; keyturn's own version stays, too. SSM has no compare-and-set. If a person sets a value by hand while a promotion
is between its read and its write, that value is lost. A value that keyturn sets is not lost: it has its own version.
Sources: product pages 1078/38645 (PutSecretValue), 38642 (UpdateSecret), 38647 (ListSecretVersionIds, 40 calls a
second), 38649 (GetSecretValue), 40529 (CreateSecret). No page says that overwriting a value leaves CreateTime as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from shared.clouds.remote_store import RemoteStore
from shared.clouds.tencent.session import TencentSession
from shared.runtime.cloud_access import CloudAccess
from shared.runtime.errors import ErrorClass, Refused, RetryLater
from shared.runtime.secret import Secret
from shared.stores.store import NO_TEXT, STORE_FULL, VERSION_EXISTS, Version
from shared.stores.versions import BEFORE, is_keyturn_version, parse_version_name

_CURRENT_NAMES = ("current", "SSM_Current")
_MOST_VERSIONS = 10
_PACE = 2.0  # the slowest action here allows twice the 20 calls a second that KEYTURN_RATE has by default


def _client_class() -> Any:
    from tencentcloud.ssm.v20190923.ssm_client import SsmClient

    return SsmClient


class SsmStore(RemoteStore):
    """The versions of one secret in one region. Only one thread at a time may use it."""

    def __init__(self, access: CloudAccess, region: str, secret_name: str) -> None:
        paced = replace(access, calls_per_s=access.calls_per_s * _PACE)
        super().__init__(f"ssm://{secret_name}", TencentSession(paced, region, access.site, "ssm", _client_class))
        self._secret_name = secret_name
        self._listed: list[Version] | None = None  # newest first: the last listing with the later writes
        self._current_id: str | None = None
        self._current_value: Secret | None = None  # read after the last listing
        self._known: dict[str, Secret] = {}  # values of keyturn's versions, which never change; without the current one

    def versions(self) -> list[Version]:
        found = self._ask("ListSecretVersionIds").get("Versions") or []
        if not isinstance(found, list) or not all(isinstance(one, Mapping) and one.get("VersionId") for one in found):
            raise self._unreadable("ListSecretVersionIds")
        made = {str(one["VersionId"]): _seconds(one.get("CreateTime")) for one in found}
        self._current_id, self._current_value = self._overwritten(made) or self._current_of(made), None
        versions = [Version(id_, id_ == self._current_id, created) for id_, created in made.items()]
        self._listed = sorted(versions, key=lambda one: one.created, reverse=True)
        return list(self._listed)

    def _overwritten(self, made: Mapping[str, float]) -> str | None:
        """The user's version that a promotion overwrote, if all user's versions look younger than keyturn's; else None.

        No page says whether UpdateSecret moves CreateTime. If it does, the current version is no longer the oldest.
        """
        theirs = sorted((id_ for id_ in made if not is_keyturn_version(id_)), key=lambda id_: made[id_])
        ours = [id_ for id_ in made if parse_version_name(id_)]
        if not theirs or not ours or any(made[id_] <= min(made[one] for one in ours) for id_ in theirs):
            return None
        if any(name in made for name in _CURRENT_NAMES):
            return None
        try:
            for id_ in theirs:
                value = self._value(id_)
                if any(self._holds(one, value) for one in ours):
                    return id_
        except Refused:  # a role may have the right to list and not to read
            return None
        return None

    def _current_of(self, made: Mapping[str, float]) -> str | None:
        """The current version. One without a time may be the oldest. Raises: Refused (failed, NoCurrentVersion)."""
        named = [name for name in _CURRENT_NAMES if name in made]
        if named or not made:
            return named[0] if named else None
        first = min((created for created in made.values() if created), default=0.0)
        oldest = [id_ for id_, created in made.items() if created in (0.0, first)]
        # Times are whole seconds. keyturn writes only if it saw a current version, so its own version is the later one.
        if len(chosen := [id_ for id_ in oldest if not is_keyturn_version(id_)] or oldest) == 1:
            return chosen[0]
        text = f"{self.name}: several versions are equally old, so the current one is unknown: name that one `current`"
        raise Refused(ErrorClass.FAILED, text, code="NoCurrentVersion")

    def current_keyturn_version(self) -> str | None:
        listed = self._listing()
        if self._current_id is None:
            return None
        value = self._current_value or self._read_current()
        # The current version is left out: it is the oldest, or has a name that keyturn does not give.
        others = [one.id for one in listed if one.id != self._current_id and parse_version_name(one.id)]
        for id_ in others[: _MOST_VERSIONS - 1]:
            if self._holds(id_, value):
                return id_
        return self._current_id if parse_version_name(self._current_id) else None

    def read(self, version: str | None = None) -> Secret:
        if version in (None, self._current_id):
            return self._read_current()
        secret = self._value(str(version))
        if self._listed is not None and is_keyturn_version(str(version)):
            self._known[str(version)] = secret
        return secret

    def check_takes_writes(self) -> None:
        """Do nothing: no call that a function may make shows that a product owns a secret. Its write is refused."""

    def make_room(self, spare: Sequence[str], places: int = 1) -> None:
        listed = self._listing()
        ids = {one.id for one in listed} - {self._current_id}
        needed = self._too_many(places)
        may_go = [id_ for id_ in dict.fromkeys(spare) if id_ in ids and parse_version_name(id_)]
        if needed > len(may_go):
            raise self._full(f"it has {len(listed)} versions")
        for id_ in may_go[: max(0, needed)]:
            self._delete(id_)

    def write(self, version: str, secret: Secret) -> None:
        self._check_name(version)
        listed = self._listing()
        if self._current_id is None:
            raise self._missing("current")  # the first version of a secret would be the current one
        if all(one.id != version for one in listed) and self._too_many(1) > 0:
            raise self._full(f"it has {len(listed)} versions")
        self._put(version, secret)

    def _too_many(self, places: int) -> int:
        """How many versions must go, so that `places` new ones and a copy of the current value have room."""
        over = len(self._listing()) + places - _MOST_VERSIONS
        if over >= 0 and not self._is_kept(self._current_value or self._read_current()):
            over += 1
        return over

    def withdraw(self, version: str) -> None:
        self._check_name(version)
        self._delete(version)

    def promote(self, version: str) -> None:
        """Overwrite the current value. Copy it before, unless a keyturn version has it. A crash between is harmless."""
        self._check_name(version)
        self._listing()
        value = self._read_current()
        own = self._known.get(version) or (value if version == self._current_id else self._value(version))
        if own == value:
            return
        if not self._is_kept(value, version):
            self._keep(value, version)
        self._ask("UpdateSecret", VersionId=str(self._current_id), SecretString=own.reveal())
        self._current_value = own

    def _is_kept(self, value: Secret, promoted: str | None = None) -> bool:
        """Whether one of keyturn's versions holds the current value and is not overwritten by this promotion."""
        out = (self._current_id, promoted)
        return any(
            is_keyturn_version(one.id) and one.id not in out and self._holds(one.id, value) for one in self._listing()
        )

    def _keep(self, value: Secret, promoted: str) -> None:
        """Copy a value before a promotion overwrites it; the copy's name tells which. Raises: RetryLater, Refused."""
        stem, taken = BEFORE + promoted.removeprefix("kt-"), {one.id for one in self._listing()}
        for number in range(1, _MOST_VERSIONS + 2):
            name = stem if number == 1 else f"{stem}-{number}"
            if name in taken:  # it holds another value
                continue
            try:
                self._put(name, value)
            except Refused as refused:
                if refused.code != VERSION_EXISTS:
                    raise
                continue
            except RetryLater as error:
                if error.code != STORE_FULL:
                    raise
                self.versions()
                if not self._is_kept(value, promoted):  # another delivery has not copied it either
                    raise
            return
        raise self._full("it has as many copies of earlier values as it can hold")

    def _put(self, version: str, secret: Secret) -> None:
        try:
            self._ask("PutSecretValue", VersionId=version, SecretString=secret.reveal())
        except (Refused, RetryLater) as error:
            if error.code == "LimitExceeded":
                raise self._full("it has as many versions as SSM keeps") from None
            if error.code != "ResourceInUse.VersionIdExists":
                raise
            # Either this call wrote it and its answer was lost, or another delivery wrote it.
            if self._value(version) != secret:
                raise self._exists(version) from None
        listed = self._listing()
        if all(one.id != version for one in listed):
            listed.insert(0, Version(version, current=False))
        if version != self._current_id:
            self._known[version] = secret

    def _delete(self, version: str) -> None:
        try:
            self._ask("DeleteSecretVersion", VersionId=version)
        except Refused as refused:
            if refused.error_class is not ErrorClass.NOT_FOUND:
                raise
        self._known.pop(version, None)
        self._listed = [one for one in self._listing() if one.id != version]

    def _holds(self, version: str, value: Secret) -> bool:
        """Whether one of keyturn's versions holds a value. False if the version is gone, or if it holds no text now.

        Raises: RetryLater, Refused.
        """
        if version not in self._known:
            try:
                self._known[version] = self._value(version)
            except Refused as refused:
                if refused.error_class is ErrorClass.NOT_FOUND or refused.code == NO_TEXT:
                    return False
                raise
        return self._known[version] == value

    def _listing(self) -> list[Version]:
        if self._listed is None:
            self.versions()
        return self._listed or []

    def _read_current(self) -> Secret:
        self._listing()
        if self._current_id is None:
            raise self._missing("current")
        self._current_value = self._value(self._current_id)
        return self._current_value

    def _value(self, version: str) -> Secret:
        answer = self._ask("GetSecretValue", VersionId=version)
        return self._secret(answer.get("SecretString"), binary=bool(answer.get("SecretBinary")))

    def _ask(self, action: str, **parameters: str) -> dict[str, Any]:
        return self._call(action, SecretName=self._secret_name, **parameters)


def _seconds(told: object) -> float:
    """A time in Unix seconds; 0 if the service gives none."""
    try:
        return max(0.0, float(str(told)))
    except ValueError:
        return 0.0
