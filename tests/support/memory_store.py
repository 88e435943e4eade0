"""A store in memory with the promises of the port.

It is opened anew for each delivery. Tests can read and change it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from shared.results.outcome import SUPERSEDED
from shared.runtime.errors import ErrorClass, KeyturnError, Refused, RetryLater
from shared.runtime.secret import Secret
from shared.stores.store import STORE_FULL, VERSION_EXISTS, Version
from shared.stores.versions import is_keyturn_version, parse_version_name

MOST = 10


@dataclass
class Vault:
    """The content of the service.

    A user's version is current at first. A promotion overwrites its value, or moves its stage

        (`compares`: only from the version that had it when it was read).
    """

    compares: bool = True
    now: float = 1_000.0
    values: dict[str, str] = field(default_factory=lambda: {"v1": "first"})
    made: dict[str, float] = field(default_factory=lambda: {"v1": 1.0})
    current: str = "first"
    moved: int = 0  # promotions
    kept: list[str] = field(default_factory=list)  # values that a promotion has replaced

    def put(self, version: str, value: str, made: float | None = None) -> None:
        self.values[version], self.made[version] = value, self.now if made is None else made

    def holds(self, value: str) -> bool:
        """Whether some version holds a value that this server accepts."""
        return value in (*self.values.values(), *self.kept, self.current)


@dataclass
class Shelved:
    """The port of a store over a vault. `before` and `after` are called with the method's name around each effect."""

    vault: Vault
    before: Callable[[str], None] = lambda _: None
    after: Callable[[str], None] = lambda _: None
    name: str = "ssm://s"
    calls: list[str] = field(default_factory=list)
    _moved: int = 0
    _current: str = ""
    _listed: list[str] = field(default_factory=list)

    def versions(self) -> list[Version]:
        self._begin("versions")
        vault = self.vault
        self._moved, self._current, self._listed = vault.moved, vault.current, list(vault.values)
        found = [Version(id_, id_ == "v1", vault.made[id_]) for id_ in vault.values]
        self.after("versions")
        return sorted(found, key=lambda one: one.created, reverse=True)

    def current_keyturn_version(self) -> str | None:
        self._begin("holder")
        held = [id_ for id_ in self._listed if parse_version_name(id_) and self.vault.values.get(id_) == self._current]
        self.after("holder")
        return held[0] if held else None

    def read(self, version: str | None = None) -> Secret:
        self._begin("read")
        if version is not None and version not in self.vault.values:
            raise Refused(ErrorClass.NOT_FOUND, "no such version", code="NotFound")
        self.after("read")
        return Secret(self.vault.current if version is None else self.vault.values[version])

    def check_takes_writes(self) -> None:
        """Does nothing: every vault accepts writes."""

    def make_room(self, spare: Sequence[str], places: int = 1) -> None:
        self._begin("make_room")
        over = len(self.vault.values) + places - MOST
        if over > len(spare):
            raise RetryLater(ErrorClass.BUSY, "full", code=STORE_FULL)
        for id_ in list(spare)[: max(0, over)]:
            del self.vault.values[id_]
        self.after("make_room")

    def write(self, version: str, secret: Secret) -> None:
        self._begin("write")
        assert is_keyturn_version(version)
        if self.vault.values.get(version, secret.reveal()) != secret.reveal():
            raise Refused(ErrorClass.FAILED, "another", code=VERSION_EXISTS)
        if version not in self.vault.values:
            self.vault.put(version, secret.reveal())
        self.after("write")

    def withdraw(self, version: str) -> None:
        self._begin("withdraw")
        del self.vault.values[version]
        self.after("withdraw")

    def promote(self, version: str) -> None:
        self._begin("promote")
        if self.vault.compares and self.vault.moved != self._moved:
            raise Refused(ErrorClass.FAILED, "another is current", code=SUPERSEDED)
        self.vault.kept.append(self.vault.current)
        self.vault.current = self.vault.values[version]
        self.vault.moved += 1
        self._moved, self._current = self.vault.moved, self.vault.current
        self.after("promote")

    def _begin(self, call: str) -> None:
        self.calls.append(call)
        self.before(call)


def failing(vault: Vault, number: int, error: KeyturnError, *, after: bool) -> Shelved:
    """A store whose call of this number (from 1) raises, before or after its effect."""
    store = Shelved(vault)
    count = [0]

    def count_and_fail(call: str) -> None:
        count[0] += 1
        if count[0] == number:
            raise error

    if after:
        store.after = count_and_fail
    else:
        store.before = count_and_fail
    return store
