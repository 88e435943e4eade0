"""The course of one change as a table: where it stands, what was answered, what is done next.

Pure: no clock, no call, no wait. `shared.changes.change` does what a step says and comes back with the answer. The
table is read from the top; the first row whose conditions all hold gives the step. What a row may promise is DESIGN's:
no `not_changed` while anything that was sent may still take effect.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


class Phase(Enum):
    """Where a change stands."""

    CALL = "call"  # the call that cannot be undone was made, or tried
    FIND = "find"  # after a lost answer: what reads and a login show
    PROBE = "probe"  # after a refusal: the fence was asked whether the new secret is in force
    TASK = "task"  # the cloud works on it
    OVER = "over"  # no time is left to go on


class Answer(Enum):
    """What came back."""

    ACCEPTED = "accepted"
    LATER = "later"  # surely nothing happened; it may work later
    REFUSED = "refused"  # surely nothing happened, for good
    OF_VALUE = "of_value"  # the same: the new secret breaks a rule of the cloud's
    OF_OLD = "of_old"  # a code about the old secret
    UNLISTED = "unlisted"  # a refusal whose code no table names, and which tells of no passing state
    LOST = "lost"  # no clear answer: it may have had its effect, or have it yet
    SAME = "same"  # of a probe: refused with the change's own code
    OTHER = "other"  # of a probe: anything else
    IN_FORCE = "in_force"  # found in force
    RUNNING = "running"
    THEIRS = "theirs"  # somebody else's change was seen
    NOTHING = "nothing"  # nothing to be seen, which proves nothing
    UNREADABLE = "unreadable"
    FAILED = "failed"
    UNPROVEN = "unproven"


class Step(Enum):
    """What is done next. The second half ends the delivery."""

    CALL = "call"
    NEXT_OLD = "next_old"  # the call again, with the store's next old secret
    NEXT_VALUE = "next_value"  # the call again, with another new secret
    WAIT = "wait"  # a moment, then look and call
    FIND = "find"
    FIND_AGAIN = "find_again"  # a moment later
    PROBE = "probe"
    CHANGED = "changed"
    ALREADY = "already"
    AS_REFUSED = "as_refused"  # not_changed, with what the cloud said
    WRONG_OLD = "wrong_old"
    REFUSED_TWICE = "refused_twice"  # not_changed: change and probe got one unlisted code
    TASK_FAILED = "task_failed"
    SETTLE = "settle"  # pending: follow_change settles it by reads
    UNKNOWN = "unknown"


MOST_REPEATS = 2


@dataclass(frozen=True)
class Facts:
    """What is known of a change beside the last answer."""

    fenced: bool = False
    repeatable: bool = True
    settles: bool = False  # reads can tell, and follow_change can be given it
    lost: int = 0  # calls of this delivery that may have had an effect, or have one yet
    odd: int = 0  # its calls that were refused by codes that no table names: they may hide an effect too
    repeats: int = 0
    pending: bool = False  # earlier deliveries', or other commands', secrets of this credential may be in force
    unnamed: bool = False  # an HTTP caller who chose no CommandId: a refused old secret is then most likely a typo
    olds_left: bool = False
    values_left: bool = False
    free: bool = False  # account and instance were seen free between the change and the probe
    unlisted: bool = False  # the last of these calls too, and by one code each time
    quiet: bool = True  # no task was seen at work


Row = tuple[Callable[[Facts], bool], Step]


def _always(_: Facts) -> bool:
    return True


def _lost(f: Facts) -> bool:
    return f.lost > 0


def _unclear(f: Facts) -> bool:
    return f.lost + f.odd > 0


# How a delivery ends that cannot go on, while something that it sent may still take effect.
_ENDED: tuple[Row, ...] = (
    (lambda f: _unclear(f) and f.settles, Step.SETTLE),
    (_unclear, Step.UNKNOWN),
)
_ENDED_LOST: tuple[Row, ...] = (
    (lambda f: _lost(f) and f.settles, Step.SETTLE),
    (_lost, Step.UNKNOWN),
)

_OPEN: tuple[Row, ...] = (*_ENDED, (_always, Step.UNKNOWN))

TABLE: dict[tuple[Phase, Answer], tuple[Row, ...]] = {
    (Phase.CALL, Answer.LATER): ((_always, Step.WAIT),),
    (Phase.CALL, Answer.REFUSED): (*_ENDED, (_always, Step.AS_REFUSED)),
    (Phase.CALL, Answer.OF_VALUE): (
        (lambda f: not _unclear(f) and f.values_left, Step.NEXT_VALUE),
        *_ENDED,
        (_always, Step.AS_REFUSED),
    ),
    (Phase.CALL, Answer.OF_OLD): (
        (lambda f: not f.fenced, Step.FIND),
        (lambda f: f.lost == 0 and f.olds_left, Step.NEXT_OLD),
        (_always, Step.PROBE),
    ),
    (Phase.CALL, Answer.UNLISTED): (
        (lambda f: f.fenced and f.lost == 0 and f.olds_left, Step.NEXT_OLD),
        (lambda f: f.fenced, Step.PROBE),
        (_always, Step.FIND),
    ),
    (Phase.CALL, Answer.LOST): ((_always, Step.FIND),),
    (Phase.FIND, Answer.IN_FORCE): ((_always, Step.CHANGED),),
    (Phase.FIND, Answer.RUNNING): ((_always, Step.FIND_AGAIN),),
    (Phase.FIND, Answer.NOTHING): (
        (lambda f: f.repeatable and f.repeats < MOST_REPEATS, Step.CALL),
        (lambda f: f.fenced, Step.PROBE),
        *_ENDED,
    ),
    (Phase.FIND, Answer.THEIRS): ((lambda f: f.fenced, Step.PROBE), *_ENDED),
    (Phase.FIND, Answer.UNREADABLE): ((lambda f: f.fenced, Step.PROBE), *_ENDED),
    (Phase.PROBE, Answer.ACCEPTED): ((_unclear, Step.CHANGED), (_always, Step.ALREADY)),
    (Phase.PROBE, Answer.SAME): (
        *_ENDED_LOST,
        (lambda f: f.odd == 0 and f.quiet and not f.pending, Step.WRONG_OLD),
        (lambda f: f.unlisted and f.free and not f.pending, Step.REFUSED_TWICE),
        *_OPEN,
    ),
    (Phase.PROBE, Answer.OTHER): (
        *_ENDED_LOST,
        (lambda f: f.odd == 0 and f.unnamed and not f.pending, Step.WRONG_OLD),
        *_OPEN,
    ),
    (Phase.TASK, Answer.FAILED): (
        # The failed one was the last of several calls: the others' answers are lost.
        *_ENDED,
        (_always, Step.TASK_FAILED),
    ),
    (Phase.TASK, Answer.UNPROVEN): (*_ENDED, (_always, Step.UNKNOWN)),
    (Phase.OVER, Answer.LATER): (*_ENDED, (_always, Step.AS_REFUSED)),
    (Phase.OVER, Answer.RUNNING): (*_ENDED, (_always, Step.UNKNOWN)),
}


def next_step(at: Phase, answer: Answer, facts: Facts) -> Step:
    """The step of the first row that fits. Raises: KeyError for a pair that cannot come, a defect of ours."""
    return next(step for holds, step in TABLE[at, answer] if holds(facts))
