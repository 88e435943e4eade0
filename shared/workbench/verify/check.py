"""What a check is, and the desk at which it works: an API, what may be changed, and what was changed so far."""

from __future__ import annotations

import os
import secrets as randomness
import string
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from shared.workbench.apis.alibaba import AlibabaApi
from shared.workbench.apis.tencent import TencentApi
from shared.workbench.verify.findings import Finding
from shared.workbench.verify.put_back import Changed, Journal, NothingChanged
from shared.workbench.verify.sandbox import AlibabaSandbox, TencentSandbox

ApiT = TypeVar("ApiT", TencentApi, AlibabaApi)
SandboxT = TypeVar("SandboxT", TencentSandbox, AlibabaSandbox)
PartT = TypeVar("PartT")
SeenT = TypeVar("SeenT")


class Untried(Exception):
    """A check cannot be made; the text says why."""


class NoSandbox(Untried):
    """It takes a part of the sandbox that the file does not have."""


class WrongPassword(Untried, NothingChanged):
    """A sandbox's variable does not hold the password in force, so nothing is changed."""

    def __init__(self, variable: str, or_else: str = "") -> None:
        """`or_else`: what looks the same."""
        super().__init__(f"{variable} does not hold the present password{or_else and f', or {or_else}'}")


class Desk(Generic[ApiT, SandboxT]):
    """One run's means. Nothing is changed but what its sandbox names, and only after `allow` said yes."""

    def __init__(
        self,
        api: ApiT,
        sandbox: SandboxT,
        journal: Journal,
        *,
        allow: Callable[[str], bool],
        slow: bool,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """`allow`: shows a change and asks. `slow`: what takes longer than a minute, or a private address, is tried.

        Where an earlier run left something that is not back, nothing is changed.
        """
        self.api: ApiT = api
        self.sandbox: SandboxT = sandbox
        self.slow = slow
        self._journal, self._allow, self._environ = journal, allow, environ
        self._blocked = bool(journal.left)
        self._seen: dict[Callable[..., Any], Any] = {}
        self._passing: dict[Callable[..., Any], list[str]] = {}
        self._rests_on: list[str] = []

    def once(self, story: Callable[[Desk[ApiT, SandboxT]], SeenT]) -> SeenT:
        """What a story saw; several claims are judged by one story, which runs once. Raises: as it did then."""
        if story not in self._seen:
            began_at = len(self.api.effects.passing)
            try:
                self._seen[story] = story(self)
            except Exception as error:
                self._seen[story] = error
            self._passing[story] = self.api.effects.passing[began_at:]
        self._rests_on += self._passing[story]
        seen = self._seen[story]
        if isinstance(seen, Exception):
            raise seen
        return seen  # type: ignore[no-any-return]

    def passing_under(self, judge: Callable[[], Finding]) -> tuple[Finding, list[str]]:
        """What a check found, and the codes of its calls' refusals that are about the moment alone."""
        before: int = len(self.api.effects.passing)
        self._rests_on = []
        found = judge()
        return found, [*self._rests_on, *self.api.effects.passing[before:]]

    def need(self, part: PartT | None, name: str) -> PartT:
        """A part of the sandbox. Raises: NoSandbox: the file does not have it."""
        if part is None:
            raise NoSandbox(f"the sandbox file has no [{self.api.cloud}.{name}]")
        return part

    def present(self, variable: str | None) -> str:
        """A present password. Raises: Untried: the file names no variable for it."""
        if variable is None:
            raise Untried("the sandbox file names no variable with this password")
        return self._environ[variable]

    def agree(self, title: str) -> None:
        """Show what will stay, or is gone by itself. Raises: Untried: it was not agreed to."""
        if self._blocked:
            raise Untried("what an earlier run changed is not back")
        if not self._allow(title):
            raise Untried("it would change something, and that was not agreed to")

    @contextmanager
    def change(self, what: Changed) -> Iterator[None]:
        """What stands inside changes `what`, which is shown before, agreed to, and put back.

        Raises: Untried: it was not agreed to.
        """
        self.agree(what.title)
        with self._journal.changed(what):
            yield


DeskT = TypeVar("DeskT", bound=Desk[Any, Any])


@dataclass(frozen=True)
class Check(Generic[DeskT]):
    """How one claim is looked at on one cloud. `judge` may raise Untried, CallRefused and CallLost."""

    claim: str
    judge: Callable[[DeskT], Finding]
    slow: str = ""
    """Why it is tried with SLOW=1 alone: it takes longer than a minute, or an address in a private network."""
    of_the_moment: bool = False
    """It looks at refusals that are about the moment alone; any other check finds nothing out where there was one."""


def new_mark() -> str:
    """What tells the things that one change makes from all others."""
    return randomness.token_hex(6)


def made_up_password(length: int = 20) -> str:
    """A password that keeps every service's rule: letters and digits, a letter first, of each class one."""
    middle = "".join(randomness.choice(string.ascii_letters + string.digits) for _ in range(length - 4))
    return f"Kt1{middle}x"
