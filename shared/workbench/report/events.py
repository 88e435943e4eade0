"""Events as they are trusted here: known names, finite numbers, clean text of a limited length. Nothing more."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shared.results.outcome import Outcome
from shared.results.result_event import TYPE_PREFIX
from shared.rotation.report import TYPE as REPORT_TYPE
from shared.runtime.times import parse_time
from shared.workbench.environment.terminal import visible

_SOURCE = re.compile(r"keyturn/([a-z0-9-]{1,40})/([A-Za-z0-9-]{1,60})")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_WHITE = re.compile(r"\s+")
_MAY_SPARE_PASSWORD = ("ModifyInstanceAccount",)  # may also change a remark, rights or the routing alone
_SIGNS_OF_PASSWORD = ("ModifyInstanceAccount with AccountPassword: ", "login with the new secret: accepted")
_EVIDENCE, _EVIDENCE_IN_FORCE = 12, 3  # lines that are kept of one result: its first, and its last


class NotOurs(ValueError):
    """JSON, but no result and no report of a rotation."""


class Malformed(ValueError):
    """It says that it is an event of ours, and is not of that form."""


@dataclass(frozen=True, slots=True)
class Result:
    """How one delivery of a command ended. Times are Unix seconds.

    Of a result in force only three lines of evidence are kept, and no ids of the cloud, no store and no actor.
    """

    id: str
    source: str
    subject: str
    operation: str
    command_id: str
    outcome: Outcome
    dry_run: bool
    time: float
    started: float | None
    finished: float
    error_class: str | None
    code: str | None
    message: str | None
    retryable: bool
    evidence: tuple[str, ...]
    more_evidence: int
    request_id: str | None
    task_id: int | None
    attempts: int
    stored: str | None
    actor: str | None
    reason: str | None
    of_password: bool
    """Whether the password itself was changed, as far as the event shows: not a remark, rights or the routing alone."""

    @property
    def seconds(self) -> float | None:
        """How long it took, from the first delivery's start."""
        if self.started is None or self.finished < self.started:
            return None
        return self.finished - self.started

    @property
    def cloud(self) -> str:
        return self.source.split("/")[1]

    @property
    def service(self) -> str:
        return self.subject.split("/")[0]


@dataclass(frozen=True, slots=True)
class RotationRow:
    """One credential in a rotation's report."""

    resource: str
    account: str
    age_days: float | None
    changed_at: float | None
    due: bool
    why: str
    command_id: str | None


@dataclass(frozen=True, slots=True)
class RotationPage:
    """One page of what a firing told."""

    id: str
    source: str
    service: str
    time: float
    policy: str
    mode: str
    function: str
    max_age_days: float
    firing: str
    fired: float
    page: int
    last: bool
    counts: tuple[int, ...]  # in the order of COUNTS
    rows: tuple[RotationRow, ...]
    error: str | None
    role: str | None = None  # of another account


COUNTS = ("Listed", "Due", "Sent", "NotDue", "Unknown", "NotAllowed")


def unwrapped(value: object) -> Iterator[tuple[object, bool]]:
    """The events in a JSON value, and whether a queue took each.

    Bare, or as a log's `undelivered_result`, an HTTP reply or a function's return value holds them. Of a list not all
    of which went out, nobody says which did.
    """
    if not isinstance(value, dict):
        yield value, True
    elif "statusCode" in value and isinstance(value.get("body"), str):
        try:
            yield from unwrapped(json.loads(value["body"]))
        except (ValueError, RecursionError):
            yield value, True
    elif value.get("event") == "undelivered_result":
        result = value.get("result")
        try:
            yield json.loads(result) if isinstance(result, str) else result, False
        except ValueError:
            yield result, False
    elif "Delivered" in value and "type" not in value:
        results = value["Results"] if isinstance(value.get("Results"), list) else [value.get("Result")]
        for one in results:
            yield one, value["Delivered"] is True
    else:
        yield value, True


def parse_event(value: object) -> Result | RotationPage:
    """The event that a JSON value is. Raises: NotOurs, Malformed."""
    if not isinstance(value, Mapping):
        raise NotOurs
    kind = value.get("type")
    if not isinstance(kind, str) or not (kind == REPORT_TYPE or kind.startswith(TYPE_PREFIX)):
        raise NotOurs
    data = value.get("data")
    if not isinstance(data, Mapping):
        raise Malformed
    return _page(value, data) if kind == REPORT_TYPE else _result(value, data, kind.removeprefix(TYPE_PREFIX))


def _result(event: Mapping[str, Any], data: Mapping[str, Any], outcome: str) -> Result:
    if data.get("Outcome") != outcome:
        raise Malformed
    try:
        known = Outcome(outcome)
    except ValueError:
        raise Malformed from None
    at = _time(event.get("time"))
    error = data.get("Error")
    error = error if isinstance(error, Mapping) else None
    # Nobody has to act upon most of a million commands, so little is kept of them: all of it would be most of the room.
    argued = data if known in (Outcome.UNKNOWN, Outcome.PENDING, Outcome.NOT_CHANGED) else {}
    evidence, most = data.get("Evidence"), _EVIDENCE if argued else _EVIDENCE_IN_FORCE
    lines = [text for line in evidence if (text := _text(line, 200))] if isinstance(evidence, list) else []
    kept = lines if len(lines) <= most else [*lines[:2], *lines[2 - most :]]
    started, told = _time_or_none(data.get("StartedAt")), data.get("FinishedAt")
    finished = at if told == event.get("time") else _time_or_none(told)
    return Result(
        id=_identifier(event.get("id")),
        source=_source(event.get("source")),
        subject=_subject(event.get("subject")),
        operation=_name(data.get("Operation")),
        command_id=_identifier(data.get("CommandId")),
        outcome=known,
        dry_run=data.get("DryRun") is True or known is Outcome.WOULD_CHANGE,
        time=at,
        started=started,
        finished=at if finished is None else finished,
        error_class=_text(error.get("Class"), 40) if error else None,
        code=_text(error.get("Code"), 80) if error else None,
        message=_text(error.get("Message"), 400) if error else None,
        retryable=bool(error) and error is not None and error.get("Retryable") is True,
        evidence=tuple(kept),
        more_evidence=len(lines) - len(kept),
        request_id=_text(argued.get("RequestId"), 64),
        task_id=_whole(argued.get("TaskId")),
        attempts=_whole(data.get("Attempts")) or 1,
        stored=_stored(argued.get("Stored")),
        actor=_text(argued.get("Actor"), 64),
        reason=_text(data.get("Reason"), 64) if argued or error else None,
        of_password=data.get("Operation") not in _MAY_SPARE_PASSWORD
        or bool(data.get("Stored") or data.get("Sealed"))
        or any(line.startswith(_SIGNS_OF_PASSWORD) for line in lines),
    )


def _page(event: Mapping[str, Any], data: Mapping[str, Any]) -> RotationPage:
    at = _time(event.get("time"))
    limit, page = _number(data.get("MaxAgeDays")), _whole(data.get("Page"))
    rows, error = data.get("Rows"), data.get("Error")
    if limit is None or limit < 0 or page is None or not isinstance(rows, list):
        raise Malformed
    counts = tuple(_whole(data.get(name)) or 0 for name in COUNTS)
    fired = _time_or_none(data.get("Fired"))
    told = None
    if isinstance(error, Mapping):
        told = ": ".join(text for name in ("Class", "Code", "Message") if (text := _text(error.get(name), 200)))
    return RotationPage(
        id=_identifier(event.get("id")),
        source=_source(event.get("source")),
        service=_subject(event.get("subject")).split("/")[0],
        time=at,
        policy=_required(data.get("Policy"), 100),
        mode=_name(data.get("Mode")),
        function=_name(data.get("Function")),
        max_age_days=limit,
        firing=_required(data.get("Firing"), 200),
        fired=at if fired is None else fired,
        page=page,
        last=data.get("Last") is True,
        counts=counts,
        rows=tuple(_row(row) for row in rows),
        error=told or ("an error without a name" if error else None),
        role=_text(data.get("Role"), 200),
    )


def _row(row: object) -> RotationRow:
    if not isinstance(row, Mapping):
        raise Malformed
    return RotationRow(
        resource=_required(row.get("Resource"), 120),
        account=_required(row.get("Account"), 120),
        age_days=_number(row.get("AgeDays")),
        changed_at=_time_or_none(row.get("ChangedAt")),
        due=row.get("Due") is True,
        why=_text(row.get("Why"), 300) or "",
        command_id=_text(row.get("CommandId"), 64),
    )


def _time(value: object) -> float:
    at = _time_or_none(value)
    if at is None:
        raise Malformed
    return at


def _time_or_none(value: object) -> float | None:
    """Unix seconds; a time so early or late that no calendar shows it in UTC is none."""
    try:
        at = parse_time(value)
        return None if at is None or not 1 < at.year < 9999 else at.timestamp()
    except (ValueError, OverflowError):
        return None


def _number(value: object) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and abs(number) < 1e6 else None


def _whole(value: object) -> int | None:
    """A whole number from 0 that fits into 64 bits."""
    fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63
    return value if fits and isinstance(value, int) else None


def visible_text(text: str) -> str:
    """The same text, on one line, with every character that cannot be seen shown as one that can."""
    if text.isprintable() and "  " not in text:  # nearly all is
        return text.strip()
    return visible(_WHITE.sub(" ", text)).strip()


def _text(value: object, longest: int) -> str | None:
    """Clean text, cut with an ellipsis; None for what is no text, or empty."""
    if not isinstance(value, str):
        return None
    shown = visible_text(value[: 2 * longest])
    return (shown if len(shown) <= longest else f"{shown[: longest - 1]}…") or None


def _required(value: object, longest: int) -> str:
    text = _text(value, longest)
    if text is None:
        raise Malformed
    return text


def _identifier(value: object) -> str:
    """Text that events are told apart by, so never cut."""
    if not isinstance(value, str) or not 0 < len(value) <= 64:
        raise Malformed
    return _required(value, 64)


def _name(value: object) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise Malformed
    return value


def _source(value: object) -> str:
    if not isinstance(value, str) or not _SOURCE.fullmatch(value):
        raise Malformed
    return value


def _subject(value: object) -> str:
    subject = _required(value, 300)
    if subject.count("/") < 2 or not _NAME.fullmatch(subject.split("/")[0]):
        raise Malformed
    return subject


def _stored(value: object) -> str | None:
    if not isinstance(value, Mapping):
        return None
    name, version, stage = (_text(value.get(part), 160) for part in ("Name", "Version", "Stage"))
    return f"{name or '-'}, version {version or '-'} ({stage or 'stage not told'})"
