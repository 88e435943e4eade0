"""The steps after a refusal that is about a secret: try another old or new one, or send the fence probe."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from shared.changes.credential import Accepted, Snapshot
from shared.changes.delivery import Delivery
from shared.changes.evidence import answer_of, value_or_error
from shared.changes.known import Known
from shared.changes.proofs import ask_fence, opens
from shared.changes.transitions import Answer
from shared.runtime.errors import KeyturnError

MOST_VALUES = 3  # further new secrets to try, if the cloud refuses some that keep its published rule


def next_old(known: Known, delivery: Delivery) -> tuple[Known, Answer]:
    """Take the next old secret of the store that was not tried yet."""
    old_at = delivery.ports.old_at
    while known.old_index + 1 < delivery.ports.olds and old_at is not None:
        known = replace(known, old_index=known.old_index + 1)
        found = value_or_error(partial(old_at, known.old_index))
        if isinstance(found, KeyturnError):
            return known.failed(found), Answer.REFUSED
        if found is not None:
            return replace(known, credential=found), Answer.READY
    return known, Answer.NOTHING


def next_value(known: Known, delivery: Delivery) -> tuple[Known, Answer]:
    """Generate another new secret, and write it to the store."""
    another = delivery.ports.another_value
    if another is None:
        return known, Answer.REFUSED
    known = replace(known, values=known.values + 1)
    made = value_or_error(another)
    if isinstance(made, KeyturnError):
        return known.failed(made), Answer.REFUSED
    return replace(known, credential=made), Answer.READY


def probe(known: Known, delivery: Delivery) -> tuple[Known, Answer]:
    """A wrong old secret and a redelivery look the same: a login (if asked for), then the fence probe, must decide."""
    known, opened = opens(known, delivery)
    if opened:
        return known, Answer.ACCEPTED
    # A busy service refuses change and probe alike: check between the two that it is free.
    look = value_or_error(lambda: known.credential.snapshot(thorough=True))
    at_rest = isinstance(look, Snapshot) and look.obstacle is None
    pending = delivery.ports.others_maybe_in_force
    known = replace(known, at_rest=at_rest, others_pending=pending is not None and pending())
    known, probed = ask_fence(known, delivery)
    if isinstance(probed, Accepted):
        return known, Answer.ACCEPTED
    said, refused = answer_of(probed), known.error
    if said is Answer.LOST:
        known = replace(known, calls=replace(known.calls, signed=delivery.ports.clock()))
    elif said in (Answer.OF_OLD, Answer.UNLISTED):
        known = replace(known, before=replace(known.before, denied=True))
    same = refused is not None and probed.code == refused.code and said is answer_of(refused)
    return known, Answer.SAME if same else Answer.OTHER
