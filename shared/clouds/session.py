"""The common part of both clouds' sessions: paced calls, reads that may be repeated, and a change that may not."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from shared.clouds.pace import pace_of
from shared.runtime.backoff import backoff_s
from shared.runtime.cloud_access import CloudAccess
from shared.runtime.errors import Ambiguous, ErrorClass, KeyturnError, OldSecretRefused, Refused, RetryLater
from shared.runtime.regions import check_region

_LONGEST_READ_S = 5.0
_LONGEST_CHANGE_S = 10.0
_READ_TRIES = 4
# The time that a change leaves to find out and report what happened: at most this share of the time that is left.
_KEPT_SHARE = 0.5
_KEPT_AT_MOST_S = 8.0
_OLD = "Old"  # on both clouds, parameters with an old secret begin so
_IN_LINE_S = 20.0  # after a longer wait keyturn reads store and account again before the change
_LEAST_CHANGE_S = 1.5  # a change is not sent with less time left
# A throttled answer proves that nothing happened. For this long the call is repeated, first in the line. What was read
# before a change is fresh enough for this time; after it keyturn reads again. A read may be repeated for longer.
PATIENCE_S = 2.0
_READ_PATIENCE = 0.125  # of the time that is left, at each of its tries


class Session(ABC):
    """One product's API in one region. Only one thread at a time may use it."""

    cloud: str

    def __init__(self, access: CloudAccess, region: str) -> None:
        self.access = access
        self.region = region
        self.sent_at = -math.inf
        """When the last call was sent, by the deadline's clock. It may have waited for its place before."""

    @abstractmethod
    def _send(self, action: str, ids: dict[str, Any], secrets: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """Send one request through the vendor's client. Raises: KeyturnError."""

    @abstractmethod
    def _load(self) -> None:
        """Import the vendor's client, so that this does not delay the first change of a process."""

    def change(self, action: str, ids: dict[str, Any], secrets: dict[str, Any] | None = None) -> dict[str, Any]:
        """Make the call that cannot be undone: once, and never after the deadline.

        Raises: RetryLater or Refused (nothing happened), OldSecretRefused, Ambiguous (it may have had its effect).
        """
        secrets = secrets or {}
        check_region(self.cloud, self.region)
        self._load()
        try:
            return self._paced(action, ids, secrets, self._change_timeout_s, _LEAST_CHANGE_S)
        except OldSecretRefused as refused:
            if any(name.startswith(_OLD) for name in secrets):
                raise
            # The call sent no old secret, so a code about one explains nothing.
            text = f"{action} was answered with {refused.code}, though no old secret was sent"
            unclear = Ambiguous(text, code=refused.code, request_id=refused.request_id, refused=True)
        raise unclear

    def read(self, action: str, ids: dict[str, Any]) -> dict[str, Any]:
        """Read, and repeat the call if the answer was lost or said "later": a read changes nothing.

        Raises: RetryLater (unavailable, throttled, busy) or Refused.
        """
        check_region(self.cloud, self.region)
        deadline = self.access.deadline
        for tries in range(1, _READ_TRIES + 1):
            last: KeyturnError
            try:
                return self._paced(action, ids, {}, self._read_timeout_s)
            except Ambiguous as error:
                text = f"{action} got no readable answer: send the command again later"
                last = RetryLater(ErrorClass.UNAVAILABLE, text, code=error.code, request_id=error.request_id)
                if error.refused and not error.passing:
                    break  # a repeat would get the same answer
            except OldSecretRefused as error:
                last = Refused(ErrorClass.FAILED, error.message, code=error.code, request_id=error.request_id)
                break
            except RetryLater as error:
                last = error
            wait_s = backoff_s(tries)
            if tries == _READ_TRIES or wait_s > deadline.left() / 2:
                break
            self.access.sleep(wait_s)
        raise last

    def _change_timeout_s(self) -> float:
        left = self.access.deadline.left()
        return min(_LONGEST_CHANGE_S, left - min(left * _KEPT_SHARE, _KEPT_AT_MOST_S))

    def _read_timeout_s(self) -> float:
        return min(_LONGEST_READ_S, max(0.3, self.access.deadline.left() / 3))

    def _paced(
        self,
        action: str,
        ids: dict[str, Any],
        secrets: dict[str, Any],
        timeout_s: Callable[[], float],
        least_s: float = 0.0,
    ) -> dict[str, Any]:
        """Make one call when its turn comes; only then `timeout_s` is called."""
        # Each account has a limit of its own, and a role counts for its own account.
        pace = pace_of((self.cloud, action, self.region, self.access.role or ""), self.access.calls_per_s)
        # A place is not taken if too little time would be left after it.
        deadline = self.access.deadline.earlier(least_s).within(_IN_LINE_S) if least_s else self.access.deadline
        patient_until: float | None = None
        while True:
            if least_s and deadline.left() <= 0.0:
                raise _too_late(action)
            place = pace.acquire(deadline, self.access.sleep, again=patient_until is not None)
            if least_s and deadline.left() <= 0.0:  # the wait for the place took longer than planned
                raise _too_late(action)
            self.sent_at = deadline.clock()
            try:
                answer = self._send(action, ids, secrets, max(0.2, timeout_s()))
            except KeyturnError as error:
                if error.error_class is ErrorClass.FORBIDDEN and self.access.keys_refused is not None:
                    self.access.keys_refused(error)
                if error.error_class is not ErrorClass.THROTTLED:
                    raise
                pace.throttled(place)
                left = deadline.left()
                patience_s = PATIENCE_S if least_s else max(PATIENCE_S, left * _READ_PATIENCE)
                patient_until = left - patience_s if patient_until is None else patient_until
                if left <= max(patient_until, 0.0):
                    raise
            else:
                pace.succeeded(place)
                return answer


def _too_late(action: str) -> RetryLater:
    text = f"{action} was not sent: too little time is left to see its result; send the command again"
    return RetryLater(ErrorClass.UNAVAILABLE, text, code="TooLittleTime")
