"""Claims about SSM, and the story of a secret: versions are added to it and deleted again."""

from __future__ import annotations

import secrets as randomness
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from shared.workbench.apis.calls import CallRefused
from shared.workbench.apis.tencent import TencentApi
from shared.workbench.verify.check import Untried, new_mark
from shared.workbench.verify.findings import Finding, finding, said
from shared.workbench.verify.put_back import Changed
from shared.workbench.verify.tencent.desk import TencentCheck, TencentDesk
from shared.workbench.verify.waiting import again_while_it_passes

KIND = "ssm versions"
_PREFIX = "keyturn-verify-"
_MOST, _BYTES = 10, 32 * 1024
_ENOUGH = 3
_SECOND_S = 1.2
_MADE_IN = ("b", "a", "c")


@dataclass(frozen=True)
class SsmStory:
    """What the versions showed. `run`: the beginning of their names.

    `created`: version -> CreateTime, in the order of the list, before and after.
    """

    run: str
    again_same: str
    again_other: str
    read_back: tuple[bool, ...]
    put_at: float
    created: Mapping[str, int]
    created_later: Mapping[str, int]
    full_at: int
    full: str
    large: str
    too_large: str


def versions_story(desk: TencentDesk) -> SsmStory:
    """Add versions, add one again, update, read and list them, and add more until one is refused."""
    name = desk.need(desk.sandbox.ssm, "ssm").secret
    secret = Secret(desk.api, name)
    there = len(secret.versions())
    if there > _MOST - _ENOUGH:
        raise Untried(f"the secret has {there} versions, so there is no room for {_ENOUGH} more")
    run = version_prefix()
    with desk.change(added_versions(desk, run)):
        put_at, value = time.time(), randomness.token_hex(16)
        for one in _MADE_IN:
            secret.put(run + one, value)
        first = run + _MADE_IN[0]
        same, other = secret.put_code(first, value), secret.put_code(first, randomness.token_hex(16))
        created = secret.versions()
        time.sleep(_SECOND_S)  # the service's times are whole seconds
        later = randomness.token_hex(16)
        secret.update(first, later)
        read = tuple(secret.value(first) == later for _ in range(3))
        created_later = secret.versions()
        large, too_large = secret.update_code(first, "x" * _BYTES), secret.update_code(first, "x" * (_BYTES + 1))
        full_at, full = there + len(_MADE_IN), ""
        while not full and full_at <= _MOST:
            full = secret.put_code(f"{run}{full_at}", value)
            full_at += not full
        return SsmStory(run, same, other, read, put_at, created, created_later, full_at, full, large, too_large)


def version_prefix() -> str:
    """The beginning of the names of the versions that one change adds."""
    return f"{_PREFIX}{new_mark()}-"


def added_versions(desk: TencentDesk, run: str) -> Changed:
    """What must be undone: the versions whose names begin so are deleted."""
    ids = {"secret": desk.need(desk.sandbox.ssm, "ssm").secret, "versions": run}
    return Changed(KIND, "versions of the secret, which are added and deleted", ids)


class Secret:
    """A secret through its API. Every call may raise CallRefused and CallLost."""

    def __init__(self, api: TencentApi, name: str) -> None:
        self._api, self._name = api, name

    def _call(self, action: str, **given: Any) -> dict[str, Any]:
        return self._api.call("ssm", action, {"SecretName": self._name, **given})

    def versions(self) -> dict[str, int]:
        """Version -> CreateTime, in the order of the list."""
        return {one["VersionId"]: int(one["CreateTime"]) for one in self._call("ListSecretVersionIds")["Versions"]}

    def put(self, version: str, value: str) -> None:
        """Add a version."""
        self._call("PutSecretValue", VersionId=version, SecretString=value)

    def put_code(self, version: str, value: str) -> str:
        """The code that refuses it; empty if it was accepted."""
        try:
            self.put(version, value)
        except CallRefused as refused:
            return refused.code
        return ""

    def update(self, version: str, value: str) -> None:
        """Replace a version's value."""
        self._call("UpdateSecret", VersionId=version, SecretString=value)

    def update_code(self, version: str, value: str) -> str:
        """The code that refuses it; empty if it was accepted."""
        try:
            self.update(version, value)
        except CallRefused as refused:
            return refused.code
        return ""

    def value(self, version: str) -> str:
        """A version's value."""
        return str(self._call("GetSecretValue", VersionId=version)["SecretString"])

    def remove(self, version: str) -> None:
        """Delete a version."""
        self._call("DeleteSecretVersion", VersionId=version)


def put_back(api: TencentApi, what: Changed) -> None:
    """Delete every version that the change added. Raises: what the API raises."""
    secret = Secret(api, what.ids["secret"])
    for version in again_while_it_passes(secret.versions):
        if version.startswith(what.ids["versions"]):
            again_while_it_passes(partial(secret.remove, version))


def _once_only(desk: TencentDesk) -> Finding:
    story = desk.once(versions_story)
    seen = f"added again, the same value: {said(story.again_same)}; another: {said(story.again_other)}"
    return finding(bool(story.again_same and story.again_other), "both refused", seen)


def _at_once(desk: TencentDesk) -> Finding:
    read = desk.once(versions_story).read_back
    return finding(
        all(read), "the new value each time", f"three reads after UpdateSecret: the new value {sum(read)} times"
    )


def _times(desk: TencentDesk) -> Finding:
    story = desk.once(versions_story)
    ours = [one for one in story.created if one.startswith(story.run)]
    in_seconds = abs(min(story.created[one] for one in ours) - story.put_at) < 900
    stays = all(story.created_later.get(one) == story.created[one] for one in ours)
    order = "".join(one[-1] for one in ours)
    seen = (
        f"CreateTime in seconds: {in_seconds}; UpdateSecret leaves it: {stays}; "
        f"made in the order {''.join(_MADE_IN)}, listed in the order {order}"
    )
    return finding(in_seconds and stays and order == "abc", "in seconds; leaves it; listed by name", seen)


def _limits(desk: TencentDesk) -> Finding:
    story = desk.once(versions_story)
    seen = (
        f"versions: {story.full_at} accepted, then {said(story.full)}; 32 KB: {said(story.large)}; "
        f"a byte more: {said(story.too_large)}"
    )
    held = story.full_at == _MOST and story.full and not story.large and story.too_large
    return finding(bool(held), "ten, then refused; accepted; refused", seen)


CHANGES: tuple[TencentCheck, ...] = (
    TencentCheck("S1", _once_only),
    TencentCheck("S2", _at_once),
    TencentCheck("S3", _times),
    TencentCheck("S7", _limits),
)
