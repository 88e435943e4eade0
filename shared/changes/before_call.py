"""The steps before the call that cannot be undone: look, wait, write ahead. A failure here has changed nothing."""

from __future__ import annotations

from dataclasses import replace

from shared.changes.credential import Snapshot
from shared.changes.delivery import Delivery
from shared.changes.evidence import answer_of, value_or_error
from shared.changes.known import Known
from shared.changes.proofs import opens
from shared.changes.timing import FRESH_S, LEAST_S, LOOK_S
from shared.changes.transitions import Answer
from shared.runtime.backoff import backoff_s
from shared.runtime.errors import ErrorClass, KeyturnError, RetryLater

_MOST_WAITS = 8  # for a lock or a throttle inside one invocation


def look(known: Known, delivery: Delivery) -> tuple[Known, Answer]:
    """The first look at account and instance; a dry run does no more."""
    at, snapshot = _snapshot(known, delivery)
    if isinstance(snapshot, KeyturnError):
        return known.failed(snapshot), Answer.UNREADABLE
    known = known.looked(snapshot, at).noted(*snapshot.evidence)
    known = known.but(before=known.stood())
    if snapshot.in_force:
        return known, Answer.IN_FORCE
    if snapshot.obstacle is not None:
        return _obstructed(known, snapshot.obstacle)
    # A secret that was made for this delivery cannot be in force yet.
    if not (delivery.options.dry_run or delivery.options.fresh) and snapshot.other_fields_in_force:
        known, opened = opens(known, delivery)
        if opened:
            return known, Answer.IN_FORCE
    return known, Answer.FREE


def wait(known: Known, delivery: Delivery) -> tuple[Known, Answer]:
    """Wait a moment and look again: after a lock or throttling, and before a call is repeated."""
    known = replace(known, waits=known.waits + 1, waited_for=known.error)
    left_s = delivery.left_to_call_s(known.calls.made > 0) - LOOK_S
    wait_s = min(backoff_s(known.waits, base_s=0.4, most_s=5.0), left_s)
    if known.waits > _MOST_WAITS or wait_s <= 0:
        return known, Answer.TOO_LATE
    delivery.ports.sleep(wait_s)
    at, snapshot = _snapshot(known, delivery)
    if isinstance(snapshot, KeyturnError):
        return known.failed(snapshot), Answer.UNREADABLE
    known = _doubted(known.looked(snapshot, at), delivery)
    if snapshot.obstacle is not None:
        return _obstructed(known, snapshot.obstacle)
    if known.calls.last_lost is not None and snapshot.tasks - known.before.tasks - known.passed_tasks:
        # The task of a slow call of this delivery, or somebody else's.
        known = replace(known, passed_tasks=known.passed_tasks | snapshot.tasks)
        return known.failed(known.calls.last_lost), Answer.BEGUN
    return known, Answer.FREE


def allow(known: Known, delivery: Delivery) -> tuple[Known, Answer]:
    """Whether a call may be sent now: enough time is left, and a recent look at store and account allows it."""
    if delivery.left_to_call_s(known.calls.made > 0) < 0:
        return known.failed(known.waited_for or _too_late()), Answer.TOO_LATE
    ports = delivery.ports
    if ports.check_store is not None and isinstance(stale := value_or_error(ports.check_store), KeyturnError):
        return known.failed(stale), Answer.REFUSED
    if delivery.deadline.clock() - known.looked_at >= FRESH_S:
        at, snapshot = _snapshot(known, delivery)
        if isinstance(snapshot, KeyturnError):
            return known.failed(snapshot), Answer.REFUSED
        known = known.looked(snapshot, at)
    if known.snapshot.obstacle is not None:
        return _obstructed(known, known.snapshot.obstacle)
    return known, Answer.FREE if known.written_ahead or ports.write_ahead is None else Answer.UNWRITTEN


def write_ahead(known: Known, delivery: Delivery) -> tuple[Known, Answer]:
    """Write the new secret to its store."""
    if delivery.ports.write_ahead is not None:
        kept = value_or_error(delivery.ports.write_ahead)
        if isinstance(kept, KeyturnError):
            return known.failed(kept), Answer.REFUSED
        if delivery.deadline.left() < LEAST_S:  # the store was slow
            return known.failed(_too_late()), Answer.TOO_LATE
    return replace(known, written_ahead=True), Answer.READY


def _snapshot(known: Known, delivery: Delivery) -> tuple[float, Snapshot | KeyturnError]:
    """A look at account and instance, and when the oldest of its reads was sent."""
    at = delivery.deadline.clock()
    snapshot = value_or_error(lambda: known.credential.snapshot(thorough=delivery.options.dry_run))
    if isinstance(snapshot, Snapshot) and snapshot.read_at is not None:
        at = snapshot.read_at
    return at, snapshot


def _obstructed(known: Known, obstacle: KeyturnError) -> tuple[Known, Answer]:
    later = answer_of(obstacle) is Answer.LATER
    return known.failed(obstacle), Answer.LATER if later else Answer.REFUSED


def _doubted(known: Known, delivery: Delivery) -> Known:
    """A request may arrive twice. Its first copy then begins a task, and the second one is refused as busy.

    If a task began since, count the refused call as one that may have had an effect. The task may be listed only at a
    later look, and under another operator than the platform reported.
    """
    busy = known.calls.busy
    if busy is None or not known.credential.can_reconcile or not known.snapshot.tasks - known.before.tasks:
        return known
    reading = value_or_error(lambda: known.credential.observe(known.before))
    if isinstance(reading, KeyturnError) or reading.ours or reading.theirs:
        return replace(known, calls=replace(known.calls.hides(busy, delivery.ports.clock()), busy=None))
    return known


def _too_late() -> KeyturnError:
    text = "too little time is left, so the change was not started: raise the function's time-out or send it again"
    return RetryLater(ErrorClass.UNAVAILABLE, text, code="TooLittleTime")
