"""A check, and the desk where it works: the API, the things that it may change, and the changes so far."""

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
    """The check needs a part of the sandbox that the file does not have."""


class WrongPassword(Untried, NothingChanged):
    """A variable of the sandbox does not hold the password in force, so nothing is changed."""

    def __init__(self, variable: str, or_else: str = "") -> None:
        """`or_else`: another explanation of the same answer."""
        super().__init__(f"{variable} does not hold the present password{or_else and f', or {or_else}'}")


class Desk(Generic[ApiT, SandboxT]):
    """What one run works with. It changes only what its sandbox names, and only after `allow` agreed."""

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
        """`allow`: shows a change and asks. `slow`: also try checks that take over a minute or need a private address.

        If an earlier run left something that is not restored, this run changes nothing.
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
        """The result of a story.

        A story runs once, and several claims are judged by it. Raises: what the story raised.
        """
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
        """A check's finding, and the codes of its calls' temporary refusals."""
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
        """Show a change that will stay, or that will disappear by itself, and ask.

        Raises: Untried: the answer was no.
        """
        if self._blocked:
            raise Untried("an earlier run's change is not restored")
        if not self._allow(title):
            raise Untried("this check would change something, and you did not agree to that")

    @contextmanager
    def change(self, what: Changed) -> Iterator[None]:
        """Code inside changes `what`. It is shown and agreed to before, and restored afterwards.

        Raises: Untried: the answer was no.
        """
        self.agree(what.title)
        with self._journal.changed(what):
            yield


DeskT = TypeVar("DeskT", bound=Desk[Any, Any])


@dataclass(frozen=True)
class Check(Generic[DeskT]):
    """How one claim is checked on one cloud. `judge` may raise Untried, CallRefused and CallLost."""

    claim: str
    judge: Callable[[DeskT], Finding]
    slow: str = ""
    """Why only SLOW=1 tries it: it takes more than a minute, or needs an address in a private network."""
    of_the_moment: bool = False
    """It checks temporary refusals themselves. For any other check, such a refusal means that it found nothing out."""


def new_mark() -> str:
    """A mark for everything that one change creates."""
    return randomness.token_hex(6)


def made_up_password(length: int = 20) -> str:
    """A password that keeps every service's rule: letters and digits, beginning with a letter."""
    middle = "".join(randomness.choice(string.ascii_letters + string.digits) for _ in range(length - 4))
    return f"Kt1{middle}x"
