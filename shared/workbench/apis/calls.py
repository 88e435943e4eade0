"""The ways a call of a cloud's API can fail, whether it may have changed something, and the pace of calls."""

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
    """The cloud refused a call because of the request, or because of a temporary condition."""

    @property
    def passes(self) -> bool:
        """Whether the refusal is temporary and says nothing about the request."""
        return passes(self.code) or self.status == 429 or self.status >= 500


class CallLost(Exception):
    """A call got no readable answer. It may have had its effect, unless the client refused the server's certificate.

    `host`: the server, if the failure does not name it; `endpoint`: where the call went, if not to the cloud.
    `kind`: the class of the failure, without its text. `certificate`: the message about a refused certificate, or
    empty.
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
        """Whether the call could not have changed anything."""
        return self.action.startswith((*_READS, "GET "))


def waited_out(ask: Callable[[], _T], *, also_lost: bool = True) -> _T:
    """The result of a read. A temporary refusal or a lost answer is repeated a few times.

    `also_lost` false: a lost answer is not repeated, for a step that changes something after its read.
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
    """Counts the calls that may have changed something: accepted, lost, or refused in a way that proves nothing."""

    count = 0

    def __init__(self) -> None:
        self.passing: list[str] = []
        """The codes of temporary refusals."""

    def lost_or_taken(self, action: str) -> None:
        """Count a call that was accepted or got no answer."""
        self.count += not action.startswith(_READS)

    def refusal(self, refused: CallRefused, *, altered: bool) -> CallRefused | CallerRefused:
        """The exception to raise for a refusal. `altered`: the call's keys or headers were not the caller's own."""
        if passes(refused.code):
            self.passing.append(refused.code)
        if altered or refused.status >= 500 or refused.code.startswith(_UNCLEAR):
            self.lost_or_taken(refused.action)
        if not altered and complaint(refused.code):
            return CallerRefused(refused.action, refused.code, refused.status, refused.service)
        return refused


class Pace:
    """Keeps the calls of one action apart, so that they stay below the published rate."""

    def __init__(self, calls_per_s: float) -> None:
        self._apart_s = 1.0 / calls_per_s
        self._next: dict[str, float] = {}
        self._lock = threading.Lock()

    def wait(self, action: str) -> None:
        """Wait until the next call of this action is allowed."""
        with self._lock:
            now = time.monotonic()
            due = max(now, self._next.get(action, now))
            self._next[action] = due + self._apart_s
        time.sleep(due - now)
