"""The course of one change as a table: the last step, its answer, the next step.

Pure: no clock, no call, no wait. `shared.changes.change` makes each step and looks up its answer here. The rows of a
(step, answer) pair are read from the top; the first whose condition holds gives the next step. One rule holds for all:
no `not_changed` while a call that was sent may still take effect.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


class Step(Enum):
    """What is done next."""

    # Before the call (before_call.py)
    LOOK = "look"
    DRY_RUN = "dry_run"  # the look alone
    WAIT = "wait"  # a moment, then the look again
    ALLOW = "allow"  # time, store and account allow a call; look again if the last look is old
    WRITE_AHEAD = "write_ahead"
    # The call that cannot be undone (call.py)
    CALL = "call"
    # After a lost answer (after_lost_answer.py)
    FIND = "find"  # look for the effect by reads and a login
    FIND_AGAIN = "find_again"  # a moment later
    FIND_FIRST = "find_first"  # before another call, because a task began meanwhile
    REPEAT = "repeat"  # note in the store that a call may still arrive; then wait and call again
    HAND_ON = "hand_on"  # follow_change settles it by reads
    # After a refusal (after_refusal.py)
    NEXT_OLD = "next_old"  # the store's next old secret
    NEXT_VALUE = "next_value"  # another new secret
    PROBE = "probe"  # the fence probe: is the new secret in force?
    # After the cloud accepted it (after_acceptance.py)
    FOLLOW = "follow"
    # The ends (endings.py)
    CHANGED = "changed"
    ALREADY_CHANGED = "already_changed"
    FOUND = "found"  # already_changed: seen before any call
    WOULD_CHANGE = "would_change"
    PENDING = "pending"
    AS_REFUSED = "as_refused"  # not_changed, with the last error
    WRONG_OLD = "wrong_old"
    REFUSED_TWICE = "refused_twice"  # not_changed: change and probe got one unlisted code
    TASK_UNPROVEN = "task_unproven"  # unknown, with the last error of the task
    UNKNOWN = "unknown"


class Answer(Enum):
    """What came back."""

    # From a look and the other steps before the call
    FREE = "free"  # nothing stands in the way
    UNWRITTEN = "unwritten"  # free, but the store does not hold the new secret yet
    READY = "ready"
    BEGUN = "begun"  # free, but a task began since an answer was lost
    TOO_LATE = "too_late"  # no time is left to go on
    # From the call
    ACCEPTED = "accepted"  # from the probe, too
    LATER = "later"  # nothing happened, for certain; it may work later
    REFUSED = "refused"  # nothing happened, for certain; a repeat will not work either
    OF_VALUE = "of_value"  # refused: the new secret breaks a rule of the cloud
    OF_OLD = "of_old"  # a code about the old secret
    UNLISTED = "unlisted"  # a refusal whose code is in no table and shows no passing state
    LOST = "lost"  # no clear answer: the call may have taken effect, or still may
    # From the probe
    SAME = "same"  # refused with the change's own code
    OTHER = "other"
    # From reads and tasks
    IN_FORCE = "in_force"
    RUNNING = "running"
    THEIRS = "theirs"  # somebody else's change was seen
    NOTHING = "nothing"  # no effect was seen, which proves nothing
    UNREADABLE = "unreadable"
    FAILED = "failed"
    UNPROVEN = "unproven"
    HANDED_ON = "handed_on"


MOST_REPEATS = 2


@dataclass(frozen=True)
class Facts:
    """What the table's conditions use beside the last answer."""

    fenced: bool = False
    repeatable: bool = True
    settles: bool = False  # reads can settle a lost answer, and follow_change can take it over
    lost: int = 0  # calls of this delivery without a clear answer: they may have taken effect, or still may
    hiding: int = 0  # its refused calls that may hide an effect, most with codes that are in no table
    repeats: int = 0
    others_pending: bool = False  # another secret of this credential may be in force, an earlier delivery's included
    unnamed_caller: bool = False  # over HTTP without a CommandId: a refused old secret is then most likely a typo
    olds_left: bool = False
    values_left: bool = False
    at_rest: bool = False  # account and instance were seen free between the change and the probe
    one_unlisted_code: bool = False  # the last call and all in `hiding` were refused with one unlisted code


Row = tuple[Callable[[Facts], bool], Step]


def _always(_: Facts) -> bool:
    return True


def _lost(f: Facts) -> bool:
    return f.lost > 0


def _unclear(f: Facts) -> bool:
    return f.lost + f.hiding > 0


def _fenced(f: Facts) -> bool:
    return f.fenced


# The ends of a delivery that cannot go on while a call of it may still take effect.
_UNCLEAR_ENDS: tuple[Row, ...] = (
    (lambda f: _unclear(f) and f.settles, Step.HAND_ON),
    (_unclear, Step.UNKNOWN),
)
_LOST_ENDS: tuple[Row, ...] = (
    (lambda f: _lost(f) and f.settles, Step.HAND_ON),
    (_lost, Step.UNKNOWN),
)
_REFUSED: tuple[Row, ...] = (*_UNCLEAR_ENDS, (_always, Step.AS_REFUSED))
_OPEN: tuple[Row, ...] = (*_UNCLEAR_ENDS, (_always, Step.UNKNOWN))
_PROBE_OR_END: tuple[Row, ...] = ((_fenced, Step.PROBE), *_UNCLEAR_ENDS)


def _only(step: Step) -> tuple[Row, ...]:
    return ((_always, step),)


_BEFORE_CALL: dict[tuple[Step, Answer], tuple[Row, ...]] = {
    (Step.DRY_RUN, Answer.FREE): _only(Step.WOULD_CHANGE),
    (Step.DRY_RUN, Answer.IN_FORCE): _only(Step.FOUND),
    (Step.DRY_RUN, Answer.LATER): _only(Step.AS_REFUSED),
    (Step.DRY_RUN, Answer.REFUSED): _only(Step.AS_REFUSED),
    (Step.DRY_RUN, Answer.UNREADABLE): _only(Step.AS_REFUSED),
    (Step.LOOK, Answer.FREE): _only(Step.ALLOW),
    (Step.LOOK, Answer.IN_FORCE): _only(Step.FOUND),
    (Step.LOOK, Answer.LATER): _only(Step.WAIT),
    (Step.LOOK, Answer.REFUSED): _only(Step.AS_REFUSED),
    (Step.LOOK, Answer.UNREADABLE): _only(Step.AS_REFUSED),
    (Step.WAIT, Answer.FREE): _only(Step.ALLOW),
    (Step.WAIT, Answer.BEGUN): _only(Step.FIND_FIRST),
    (Step.WAIT, Answer.LATER): _only(Step.WAIT),
    (Step.WAIT, Answer.REFUSED): _REFUSED,
    (Step.WAIT, Answer.UNREADABLE): _REFUSED,
    (Step.WAIT, Answer.TOO_LATE): _REFUSED,
    (Step.ALLOW, Answer.FREE): _only(Step.CALL),
    (Step.ALLOW, Answer.UNWRITTEN): _only(Step.WRITE_AHEAD),
    (Step.ALLOW, Answer.LATER): _only(Step.WAIT),
    (Step.ALLOW, Answer.REFUSED): _REFUSED,
    (Step.ALLOW, Answer.TOO_LATE): _REFUSED,
    (Step.WRITE_AHEAD, Answer.READY): _only(Step.ALLOW),
    (Step.WRITE_AHEAD, Answer.REFUSED): _only(Step.AS_REFUSED),
    (Step.WRITE_AHEAD, Answer.TOO_LATE): _only(Step.AS_REFUSED),
}

_AFTER_CALL: dict[tuple[Step, Answer], tuple[Row, ...]] = {
    (Step.CALL, Answer.ACCEPTED): _only(Step.FOLLOW),
    (Step.CALL, Answer.IN_FORCE): _only(Step.CHANGED),
    (Step.CALL, Answer.LATER): _only(Step.WAIT),
    (Step.CALL, Answer.REFUSED): _REFUSED,
    (Step.CALL, Answer.OF_VALUE): ((lambda f: not _unclear(f) and f.values_left, Step.NEXT_VALUE), *_REFUSED),
    (Step.CALL, Answer.OF_OLD): (
        (lambda f: not _lost(f) and f.olds_left, Step.NEXT_OLD),
        (_always, Step.PROBE),
    ),
    (Step.CALL, Answer.UNLISTED): (
        (lambda f: not _lost(f) and f.olds_left, Step.NEXT_OLD),
        (_always, Step.PROBE),
    ),
    (Step.CALL, Answer.LOST): _only(Step.FIND),
    (Step.FOLLOW, Answer.IN_FORCE): _only(Step.CHANGED),
    (Step.FOLLOW, Answer.HANDED_ON): _only(Step.PENDING),
    (Step.FOLLOW, Answer.RUNNING): _only(Step.TASK_UNPROVEN),
    # The failed task is that of the last call. Earlier calls may have no clear answer.
    (Step.FOLLOW, Answer.FAILED): _REFUSED,
    (Step.FOLLOW, Answer.UNPROVEN): (*_UNCLEAR_ENDS, (_always, Step.TASK_UNPROVEN)),
}

_AFTER_LOST_ANSWER: dict[tuple[Step, Answer], tuple[Row, ...]] = {
    (Step.FIND_FIRST, Answer.NOTHING): _only(Step.ALLOW),
    (Step.FIND_AGAIN, Answer.TOO_LATE): _UNCLEAR_ENDS,
    (Step.REPEAT, Answer.READY): _only(Step.WAIT),
    (Step.REPEAT, Answer.REFUSED): _UNCLEAR_ENDS,
    (Step.HAND_ON, Answer.IN_FORCE): _only(Step.CHANGED),
    (Step.HAND_ON, Answer.HANDED_ON): _only(Step.PENDING),
    (Step.HAND_ON, Answer.NOTHING): _only(Step.UNKNOWN),
}
for _find in (Step.FIND, Step.FIND_AGAIN, Step.FIND_FIRST):
    _AFTER_LOST_ANSWER[_find, Answer.IN_FORCE] = _only(Step.CHANGED)
    _AFTER_LOST_ANSWER[_find, Answer.RUNNING] = _only(Step.FIND_AGAIN)
    _AFTER_LOST_ANSWER[_find, Answer.THEIRS] = _PROBE_OR_END
    _AFTER_LOST_ANSWER[_find, Answer.UNREADABLE] = _PROBE_OR_END
for _find in (Step.FIND, Step.FIND_AGAIN):
    _AFTER_LOST_ANSWER[_find, Answer.NOTHING] = (
        (lambda f: f.repeatable and f.repeats < MOST_REPEATS, Step.REPEAT),
        *_PROBE_OR_END,
    )

_AFTER_REFUSAL: dict[tuple[Step, Answer], tuple[Row, ...]] = {
    (Step.NEXT_OLD, Answer.READY): _only(Step.ALLOW),
    (Step.NEXT_OLD, Answer.NOTHING): _only(Step.PROBE),
    (Step.NEXT_OLD, Answer.REFUSED): _REFUSED,
    (Step.NEXT_VALUE, Answer.READY): _only(Step.ALLOW),
    (Step.NEXT_VALUE, Answer.REFUSED): _only(Step.AS_REFUSED),
    (Step.PROBE, Answer.ACCEPTED): ((_unclear, Step.CHANGED), (_always, Step.ALREADY_CHANGED)),
    (Step.PROBE, Answer.SAME): (
        *_LOST_ENDS,
        (lambda f: f.hiding == 0 and f.at_rest and not f.others_pending, Step.WRONG_OLD),
        (lambda f: f.one_unlisted_code and f.at_rest and not f.others_pending, Step.REFUSED_TWICE),
        *_OPEN,
    ),
    (Step.PROBE, Answer.OTHER): (
        *_LOST_ENDS,
        (lambda f: f.hiding == 0 and f.unnamed_caller and not f.others_pending, Step.WRONG_OLD),
        *_OPEN,
    ),
}

TABLE = {**_BEFORE_CALL, **_AFTER_CALL, **_AFTER_LOST_ANSWER, **_AFTER_REFUSAL}


def next_step(done: Step, answer: Answer, facts: Facts) -> Step:
    """The step of the first row that fits. Raises: KeyError for a pair not in the table, a defect of keyturn."""
    return next(step for holds, step in TABLE[done, answer] if holds(facts))
