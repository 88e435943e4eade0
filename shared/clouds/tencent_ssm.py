"""Tencent Secrets Manager (ssm, 2019-09-23): one user-defined secret.

It has no stages. The current version is the one named `current` (or `SSM_Current`, the name that CreateSecret gives
by default), else the oldest: a promotion overwrites its value in place, so clients keep reading the same version id,
and deletes the pending version. Every other version is pending. Which versions were promoted is kept in the last line
of the secret's description. Sources: product pages 1078/38645 (PutSecretValue), 38642 (UpdateSecret), 38647
(ListSecretVersionIds, 40 calls a second as DescribeSecret), 38649 (GetSecretValue), 40529 (CreateSecret).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from shared.clouds.remote_store import RemoteStore
from shared.clouds.session import Access
from shared.clouds.tencent import TencentSession
from shared.errors import ErrorClass, Refused, RetryLater
from shared.secret import Secret
from shared.store import Stage, Version

_CURRENT_NAMES = ("current", "SSM_Current")
_MOST_VERSIONS = 10
_PACE = 2.0  # the slowest action here takes twice the 20 calls a second that KEYTURN_RATE starts from
_DESCRIPTION_BYTES = 2048
_MOST_SETTLED = 20
_SETTLED_LINE = re.compile(r"keyturn:((?: [A-Za-z0-9][A-Za-z0-9_.-]{0,63})*)")
# CreateTime counts seconds: a pending version must not look as old as the current one.
_YOUNG_S = 2.0


def _client_class() -> Any:
    from tencentcloud.ssm.v20190923.ssm_client import SsmClient

    return SsmClient


class SsmStore(RemoteStore):
    """The versions of one secret in one region. Not for two threads at once."""

    def __init__(self, access: Access, region: str, secret_name: str, now: Callable[[], float] = time.time) -> None:
        paced = replace(access, calls_per_s=access.calls_per_s * _PACE)
        super().__init__(f"ssm://{secret_name}", TencentSession(paced, region, access.site, "ssm", _client_class))
        self._access = access
        self._secret_name = secret_name
        self._now = now
        self._listed: list[Version] | None = None  # until this store writes
        self._current_id: str | None = None
        self._described: str | None = None  # as `settled` saw it
        self._known: dict[str, Secret] = {}  # pending versions that passed through here: their values never change

    def versions(self) -> list[Version]:
        found = self._ask("ListSecretVersionIds").get("Versions") or []
        made = {one["VersionId"]: one.get("CreateTime") for one in found if isinstance(one, Mapping)}
        self._current_id = self._current_of(made)
        versions = [
            Version(id_, Stage.CURRENT if id_ == self._current_id else Stage.PENDING, float(created or 0) or None)
            for id_, created in made.items()
        ]
        self._listed = sorted(versions, key=lambda one: one.created or 0.0, reverse=True)
        return list(self._listed)

    def _current_of(self, made: Mapping[str, Any]) -> str | None:
        named = [name for name in _CURRENT_NAMES if name in made]
        if named or not made:
            return named[0] if named else None
        oldest = [id_ for id_, created in made.items() if created == min(made.values(), key=lambda at: at or 0)]
        if len(oldest) == 1:
            return oldest[0]
        text = (
            f"{self.name}: several versions are the oldest, so none can be told to be in force: name that one `current`"
        )
        raise Refused(ErrorClass.FAILED, text, code="NoCurrentVersion")

    def _current(self) -> str:
        """Its id, which no promotion changes. Raises: RetryLater, Refused."""
        if self._current_id is None:
            self.versions()
        if self._current_id is None:
            raise self._missing("current")
        return self._current_id

    def read(self, version: str | None = None) -> Secret:
        id_ = version or self._current()
        secret = self._secret(self._ask("GetSecretValue", VersionId=id_).get("SecretString"))
        if id_ != self._current_id:
            self._known[id_] = secret
        return secret

    def write(self, version: str, secret: Secret) -> None:
        if version in _CURRENT_NAMES:
            text = f"{self.name}: the CommandId {version} is the name of a store's current version: give another"
            raise Refused(ErrorClass.INVALID_COMMAND, text)
        listed = self._listed if self._listed is not None else self.versions()
        present = next((one for one in listed if one.id == version), None)
        if present is not None and present.stage is Stage.CURRENT:
            raise self._exists(version)
        if present is None and len(listed) >= _MOST_VERSIONS:
            raise self._full(f"it has {len(listed)} versions")
        self._let_age(next((one for one in listed if one.stage is Stage.CURRENT), None))
        try:
            self._ask("PutSecretValue", VersionId=version, SecretString=secret.reveal())
        except (Refused, RetryLater) as error:
            if error.code == "LimitExceeded":
                raise self._full("it has as many versions as the service keeps") from None
            if error.code != "ResourceInUse.VersionIdExists":
                raise
            # This very call, made before its answer was lost, or another delivery's.
            if self.read(version) != secret:
                raise self._exists(version) from None
        self._listed = None
        self._known[version] = secret

    def _let_age(self, current: Version | None) -> None:
        """Wait until a version made now gets a later second than the current one, which is known as the oldest."""
        if current is None or current.created is None or current.id in _CURRENT_NAMES:
            return
        age_s = self._now() - current.created
        if abs(age_s) >= _YOUNG_S:
            return
        if self._access.deadline.left() < 2 * _YOUNG_S:
            text = f"{self.name}: made a moment ago, nothing was written: send the command again"
            raise RetryLater(ErrorClass.BUSY, text, code="StoreYoung")
        self._access.sleep(_YOUNG_S - age_s)

    def promote(self, version: str) -> None:
        """In an order in which a crash after any call is finished by another promotion."""
        # Read once in an invocation: a rotation then asks as often as the published rate of this call allows.
        description = self._described if self._described is not None else self._description()
        _, settled = _split(description)
        if version not in settled:
            current = self._current()
            if version == current:
                return
            secret = self._known.get(version) or self.read(version)
            self._ask("UpdateSecret", VersionId=current, SecretString=secret.reveal())
            self._record(description, version)
        elif settled[0] == version:
            # Promoted before. Still listed, it was not deleted then, or written anew since.
            try:
                secret = self.read(version)
            except Refused as refused:
                if refused.error_class is not ErrorClass.NOT_FOUND:
                    raise
                return
            self._ask("UpdateSecret", VersionId=self._current(), SecretString=secret.reveal())
        # A later one was promoted since: this one's secret is not to come back.
        self._delete(version)

    def discard(self, version: str) -> None:
        if version != self._current():
            self._delete(version)

    def settled(self) -> list[str]:
        self._described = self._description()
        return _split(self._described)[1]

    def _delete(self, version: str) -> None:
        self._listed = None
        self._known.pop(version, None)
        try:
            self._ask("DeleteSecretVersion", VersionId=version)
        except Refused as refused:
            if refused.error_class is not ErrorClass.NOT_FOUND:
                raise

    def _description(self) -> str:
        shown = self._ask("DescribeSecret").get("Description")
        return shown if isinstance(shown, str) else ""

    def _record(self, description: str, version: str) -> None:
        """Put a version first into the line of those that were promoted; the user's own text stays."""
        text, settled = _split(description)
        kept = [version, *(one for one in settled if one != version)][:_MOST_SETTLED]
        while kept and len((new := _join(text, kept)).encode()) > _DESCRIPTION_BYTES:
            kept.pop()
        if kept:
            self._ask("UpdateDescription", Description=new)
        self._described = None

    def _ask(self, action: str, **parameters: str) -> dict[str, Any]:
        return self._call(action, SecretName=self._secret_name, **parameters)


def _split(description: str) -> tuple[str, list[str]]:
    """The user's own text, and the versions that the last line names, newest first."""
    text, _, last = description.rpartition("\n")
    found = _SETTLED_LINE.fullmatch(last.rstrip())
    return (text, found[1].split()) if found else (description, [])


def _join(text: str, settled: list[str]) -> str:
    return "\n".join([*([text] if text else []), f"keyturn: {' '.join(settled)}"])
