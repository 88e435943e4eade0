"""The steps after a lost answer: look for the effect by reads and a login, repeat the call, hand it to follow_change.

`shared.changes.settling` says how long such a call can still take effect, and what reads prove.
"""

from __future__ import annotations

from dataclasses import replace

from shared.changes.delivery import Delivery
from shared.changes.evidence import value_or_error
from shared.changes.known import Known
from shared.changes.options import PendingChange
from shared.changes.proofs import opens
from shared.changes.settling import LostCall, Verdict, proven_by
from shared.changes.timing import LONGEST_POLL_S, SOON_S
from shared.changes.transitions import MOST_REPEATS, Answer
from shared.results.outcome import Outcome
from shared.runtime.errors import KeyturnError


def find(known: Known, delivery: Delivery) -> tuple[Known, Answer]:
    """Look for the effect of the call by reads and, if asked for, a login."""
    # A task that fits may be another delivery's: the answer to a repeated call is the better proof.
    again = known.credential.repeatable and known.calls.repeats < MOST_REPEATS and known.before.secret
    return _found(known, delivery, believes_tasks=not again)


def find_first(known: Known, delivery: Delivery) -> tuple[Known, Answer]:
    """Like `find`, but another call is about to be made."""
    return _found(known, delivery, believes_tasks=False)


def find_again(known: Known, delivery: Delivery) -> tuple[Known, Answer]:
    """Like `find`, a moment later: a task is running."""
    wait_s = min(LONGEST_POLL_S, delivery.left_to_call_s(True))
    if wait_s <= 0:
        return known, Answer.TOO_LATE
    delivery.ports.sleep(wait_s)
    return find(known, delivery)


def _found(known: Known, delivery: Delivery, *, believes_tasks: bool) -> tuple[Known, Answer]:
    before = known.before_unclear_calls
    reading = value_or_error(lambda: known.credential.observe(before))
    known, opened = opens(known, delivery)
    if opened:
        return known, Answer.IN_FORCE
    if isinstance(reading, KeyturnError):
        known = known.noted(f"read: {reading.code or reading.error_class.value}")
        return known, Answer.UNREADABLE if known.credential.can_reconcile else Answer.NOTHING
    known = known.noted(*(line for line in reading.evidence if line not in known.evidence))
    if delivery.ports.clock() - known.calls.last_lost_sent <= SOON_S:
        soon = before.soon | frozenset(reading.ours)
        known, before = replace(known, before=replace(known.before, soon=soon)), replace(before, soon=soon)
    if reading.running:
        return known, Answer.RUNNING
    verdict = proven_by(before, reading)
    if verdict is Verdict.THEIRS:
        return known, Answer.THEIRS
    return known, Answer.IN_FORCE if verdict is Verdict.IN_FORCE and believes_tasks else Answer.NOTHING


def repeat(known: Known, delivery: Delivery) -> tuple[Known, Answer]:
    """Note in the store that a call may still arrive, before the same call is made again."""
    known = replace(known, calls=replace(known.calls, repeats=known.calls.repeats + 1))
    note = delivery.ports.note_repeat
    if note is not None and isinstance(kept := value_or_error(note), KeyturnError):
        return known.failed(kept), Answer.REFUSED
    return known, Answer.READY


def hand_on(known: Known, delivery: Delivery) -> tuple[Known, Answer]:
    """Hand the change to follow_change, which settles it by reads, unless one last read proves it now."""
    if known.before.secret and known.calls.last_lost is not None:
        known, found = _found(known, delivery, believes_tasks=True)
        if found is Answer.IN_FORCE:
            return known, found
    pending, before = known.conclusion(Outcome.PENDING), known.before_unclear_calls
    lost = LostCall(known.calls.signed or delivery.ports.clock(), before)
    give = delivery.ports.hand_on
    if give is not None and give(PendingChange(pending, before, settling=lost)):
        return replace(known, handed_on=pending), Answer.HANDED_ON
    return known.noted("follow_change: not reached"), Answer.NOTHING
