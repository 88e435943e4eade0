"""How a call of a cloud's API may fail, what it may have changed, and its pace."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from shared.runtime.errors import RetryLater
from shared.workbench.apis.callers import CallerRefused, Refusal, complaint, passes
from shared.workbench.apis.certificates import refused_certificate

TIMEOUT_S = 30.0
_TRIES = 5
_APART_S = 1.5
_T = TypeVar("_T")


class CallRefused(Refusal):
    """A call was refused for what it asks, or for the moment."""

    @property
    def passes(self) -> bool:
        """Whether it is about the moment, and says nothing of what was asked."""
        return passes(self.code) or self.status == 429 or self.status >= 500


class CallLost(Exception):
    """A call got no readable answer; it may have had its effect, unless the server's certificate was refused.

    `host`: the server, where the failure does not name it; `endpoint`: where the call went, if not to the cloud.
    `kind` is the failure's, without its text. `certificate` tells of a refused certificate; else it is empty.
    """

    def __init__(
        self, action: str, failure: BaseException, *, cloud: str = "", endpoint: str = "", host: str = ""
    ) -> None:
        called = f"called {endpoint} (KEYTURN_{cloud.upper()}_ENDPOINT)" if endpoint else ""
        self.action, self.kind = action, type(failure).__name__
        self.certificate = refused_certificate(failure, host)
        what = f"no answer ({', '.join(filter(None, (self.kind, called)))})"
        if self.certificate:
            what = self.certificate + (f" ({called})" if called else "")
        super().__init__(f"{action}: {what}")

    @property
    def is_read(self) -> bool:
        """Whether there was nothing that it could have changed."""
        return self.action.startswith((*_READS, "GET "))


def waited_out(ask: Callable[[], _T], *, also_lost: bool = True) -> _T:
    """What a read says, asked a handful of times as long as it is refused in passing or its answer is lost.

    It may be a step that looks first, too, whose lost answers are for a person to see.
    Raises: CallRefused, CallLost, CallerRefused; RetryLater of a fleet's listing.
    """
    for _ in range(_TRIES - 1):
        try:
            return ask()
        except RetryLater:
            pass
        except CallRefused as refused:
            if not refused.passes:
                raise
        except CallLost as lost:
            if lost.certificate or not also_lost:
                raise
        time.sleep(_APART_S)
    return ask()


_READS = ("Describe", "List", "Get")
_UNCLEAR = ("InternalError", "FailedOperation", "ServiceUnavailable")


class Effects:
    """How many calls may have changed something: taken, lost, or refused in a way that proves nothing."""

    count = 0

    def __init__(self) -> None:
        self.passing: list[str] = []
        """The codes of refusals that are about the moment alone."""

    def lost_or_taken(self, action: str) -> None:
        """A call was taken, or got no answer."""
        self.count += not action.startswith(_READS)

    def refusal(self, refused: CallRefused, *, altered: bool) -> CallRefused | CallerRefused:
        """What to raise of a refusal; `altered`: its keys or headers were not the caller's own."""
        if passes(refused.code):
            self.passing.append(refused.code)
        if altered or refused.status >= 500 or refused.code.startswith(_UNCLEAR):
            self.lost_or_taken(refused.action)
        if not altered and complaint(refused.code):
            return CallerRefused(refused.action, refused.code, refused.status, refused.service)
        return refused


class Pace:
    """Keeps calls of one action apart, so that none comes faster than the published rate."""

    def __init__(self, calls_per_s: float) -> None:
        self._apart_s = 1.0 / calls_per_s
        self._next: dict[str, float] = {}
        self._lock = threading.Lock()

    def wait(self, action: str) -> None:
        """Return when the next call of this action may go out."""
        with self._lock:
            now = time.monotonic()
            due = max(now, self._next.get(action, now))
            self._next[action] = due + self._apart_s
        time.sleep(due - now)
