"""The one call that cannot be undone, and what its answer says."""

from __future__ import annotations

from shared.changes.credential import Accepted
from shared.changes.delivery import Delivery
from shared.changes.evidence import answer_of, value_or_error
from shared.changes.known import Known
from shared.changes.transitions import Answer
from shared.runtime.errors import KeyturnError


def call(known: Known, delivery: Delivery) -> tuple[Known, Answer]:
    """Send the change."""
    clock = delivery.ports.clock
    sent = clock()
    answer = value_or_error(lambda: known.credential.change(known.snapshot))
    if isinstance(answer, Accepted):
        known = _old_in_force(known, delivery).accepted(answer)
        return known, Answer.IN_FORCE if known.task is None else Answer.ACCEPTED
    said = answer_of(answer)
    if said in (Answer.OF_OLD, Answer.UNLISTED) and not known.credential.fenced:
        said = Answer.LOST  # no old secret was sent, so no table says what the code means
    return known.refused(answer, said, sent, clock()), said


def _old_in_force(known: Known, delivery: Delivery) -> Known:
    """The cloud accepted this old secret, so it was in force: tell the store, in case the change fails now."""
    tell = delivery.ports.old_in_force
    if known.old_index < 0 or tell is None:
        return known
    told = value_or_error(lambda: tell(known.old_index))
    return known.noted(f"store: {told.code}") if isinstance(told, KeyturnError) else known.noted(*told)
