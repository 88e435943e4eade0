"""A generated history of a fleet, as its results queue would hold it. The same count always gives the same events.

There are ten events for each credential, which a first rotation lists. Most commands change at once. Others are pending
first, delivered twice, refused and sent again, refused for good, unknown, or without any result. A rotation sent half
of them; its pages name these. One message in fifty appears twice, as in a queue that delivers at least once.
"""

from __future__ import annotations

import json
import random
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from shared.results.result_event import TYPE_PREFIX, event_id
from shared.rotation.report import TYPE as REPORT_TYPE
from shared.runtime.times import now_text

_BEGAN = datetime(2026, 1, 1, tzinfo=timezone.utc)
_APART = timedelta(seconds=30)
_LATER = 200  # events until a second delivery or a second try follows
_ROWS = 150  # the most rows that a page holds, by the size limit of a queue
_PLACES = (
    ("keyturn/tencent/ap-guangzhou", "redis", "crs", "ModifyInstanceAccount"),
    ("keyturn/tencent/ap-singapore", "redis", "crs", "ModifyInstanceAccount"),
    ("keyturn/alibaba/cn-hangzhou", "tair", "r", "ModifyAccountPassword"),
)
_ERRORS = (
    ("busy", "TaskInFlight", True),
    ("throttled", "RequestLimitExceeded", True),
    ("unavailable", "NoConnection", True),
    ("wrong_old_secret", "InvalidParameterValue.PasswordError", False),
    ("not_found", "NotFound", False),
    ("forbidden", "UnauthorizedOperation", False),
)
# Of a hundred commands, so many have this first outcome and this later one.
_WAYS = (
    (72, "changed", None),
    (12, "pending", "changed"),
    (5, "changed", "already_changed"),
    (3, "not_changed", "changed"),
    (5, "not_changed", None),
    (1, "unknown", None),
    (1, None, None),
    (1, "would_change", None),
)
_SHARES = [share for share, _, _ in _WAYS]
_EVIDENCE = ("answer lost: ServerNetworkError", "DescribeTaskList: 0 new tasks", "login: not made", "given up: late")


@dataclass
class History:
    """`count` events, each a JSON text, the oldest first."""

    count: int
    _rng: random.Random = field(default_factory=lambda: random.Random(18))
    _told: int = 0
    _commands: int = 0
    _due: dict[int, list[tuple[int, str]]] = field(default_factory=dict)  # position -> events that follow there

    def lines(self) -> Iterator[str]:
        later: deque[tuple[int, str]] = deque()
        for text in self._texts(later):
            yield text
            self._told += 1
            if self._told == self.count:
                return

    def _texts(self, later: deque[tuple[int, str]]) -> Iterator[str]:
        credentials = max(1, self.count // 10)
        yield from self._fleet(credentials)
        while True:
            for text in self._command(self._rng.randrange(credentials), later):
                yield text
                if self._rng.random() < 0.02:
                    later.append((self._told + _LATER, text))
            while later and later[0][0] <= self._told:
                yield later.popleft()[1]
            for place, due in self._due.items():
                if len(due) == _ROWS:
                    yield self._page(place, f"nightly-{self._told}", 0, [self._row(n, name) for n, name in due], True)
                    due.clear()

    def _command(self, credential: int, later: deque[tuple[int, str]]) -> Iterator[str]:
        """The first events of a new command. Later ones are added to `later`."""
        self._commands += 1
        number, (_, first, then) = self._commands, self._rng.choices(_WAYS, _SHARES)[0]
        of = (credential, f"due-{number:040x}" if number % 2 else f"c-{number}")
        if number % 2:
            self._due.setdefault(credential % len(_PLACES), []).append(of)
        if first is not None:
            yield self._result(of, first)
        if then is not None:
            later.append((self._told + _LATER, self._result(of, then)))

    def _result(self, of: tuple[int, str], outcome: str) -> str:
        credential, name = of
        source, _, _, operation = _PLACES[credential % len(_PLACES)]
        subject, rng = self._subject(credential), self._rng
        began = _BEGAN + _APART * self._told
        finished = now_text(began + timedelta(seconds=rng.lognormvariate(0.0, 1.0)))
        error: dict[str, Any] | None = None
        if outcome in ("not_changed", "unknown"):
            kind, code, retryable = (
                rng.choice(_ERRORS) if outcome == "not_changed" else ("ambiguous", "NoAnswer", False)
            )
            error = {"Class": kind, "Code": code, "Message": f"{operation} was answered with {code}: see the runbook"}
            error["Retryable"] = retryable
        data = {
            "CommandId": name,
            "Operation": operation,
            "Outcome": outcome,
            "RequestId": f"{rng.getrandbits(128):032x}",
            "TaskId": rng.randrange(10**8) if outcome in ("changed", "pending") else None,
            "Evidence": list(_EVIDENCE if outcome == "unknown" else _EVIDENCE[1:2]),
            "Error": error,
            "Attempts": 1,
            "StartedAt": now_text(began),
            "FinishedAt": finished,
            "DryRun": outcome == "would_change",
            "Sealed": None,
            "Stored": {"Name": f"ssm://redis-{credential}", "Version": f"kt-{credential}-1", "Stage": "current"},
            "Role": None,
            "Actor": None,
            "Reason": "policy quarterly",
        }
        fact = "in_force" if outcome in ("changed", "already_changed") else outcome
        id_ = event_id(source, subject, operation, name, fact)
        return self._event(id_, source, TYPE_PREFIX + outcome, subject, finished, data)

    def _fleet(self, credentials: int) -> Iterator[str]:
        """Every credential with its age, in the form of a rotation in mode report."""
        for place in range(len(_PLACES)):
            numbers = range(place, credentials, len(_PLACES))
            for page, first in enumerate(range(0, len(numbers), _ROWS)):
                rows = [self._row(number, None) for number in numbers[first : first + _ROWS]]
                yield self._page(place, "listing", page, rows, first + _ROWS >= len(numbers))

    def _row(self, credential: int, command: str | None) -> dict[str, Any]:
        age = self._rng.uniform(0, 120)
        return {
            "Resource": self._subject(credential).split("/")[1],
            "Account": "app",
            "AgeDays": round(age, 2),
            "ChangedAt": now_text(_BEGAN - timedelta(days=age)),
            "Due": command is not None,
            "Why": "older than 90 days" if age > 90 else "within 90 days",
            "CommandId": command,
        }

    def _page(self, place: int, firing: str, page: int, rows: list[dict[str, Any]], last: bool) -> str:
        source, service, _, _ = _PLACES[place]
        at, due = now_text(_BEGAN + _APART * self._told), sum(row["Due"] for row in rows)
        data: dict[str, Any] = {
            "Policy": "quarterly",
            "Mode": "rotate" if due else "report",
            "Function": "a_function",
            "Role": None,
        }
        data |= {"MaxAgeDays": 90.0, "Firing": firing, "Fired": at, "Page": page, "Last": last}
        data |= {"Listed": len(rows), "Due": due, "Sent": due, "NotDue": len(rows) - due, "Unknown": 0, "NotAllowed": 0}
        data |= {"Rows": rows, "Evidence": [], "Error": None}
        return self._event(f"{place}-{firing}-{page}", source, REPORT_TYPE, f"{service}/-/-", at, data)

    @staticmethod
    def _subject(credential: int) -> str:
        _, service, prefix, _ = _PLACES[credential % len(_PLACES)]
        return f"{service}/{prefix}-{credential:08x}/app"

    @staticmethod
    def _event(id_: str, source: str, kind: str, subject: str, at: str, data: dict[str, Any]) -> str:
        event: dict[str, Any] = {
            "specversion": "1.0",
            "id": id_,
            "source": source,
            "type": kind,
            "subject": subject,
            "time": at,
        }
        event |= {"datacontenttype": "application/json", "data": data}
        return json.dumps(event, separators=(",", ":"))


def main(count: int, path: str) -> None:
    with Path(path).open("w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in History(count).lines())


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
