"""How long a call whose answer was lost can still take effect, and what reads prove about it meanwhile.

Pure functions: the time and the readings are passed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from shared.changes.credential import Observation, StateBefore

# A signature is good for 5 minutes on Tencent (AuthFailure.SignatureExpire, page 1209/56023) and for 15 on Alibaba
# (InvalidTimeStamp.Expired, page 434846). Half a minute is added for a call that was accepted at the last moment.
SETTLING_S = {"tencent": 330.0, "alibaba": 930.0}
APART_S = 60.0
"""Seconds between the two looks that prove that nothing happened."""


class Verdict(Enum):
    """What is known of a change whose answer was lost."""

    IN_FORCE = "in_force"
    NOT_HAPPENED = "not_happened"
    THEIRS = "theirs"  # somebody else's change came in between
    WAIT = "wait"
    UNKNOWN = "unknown"  # and no further read will tell


@dataclass(frozen=True)
class LostCall:
    """How far the settling of one lost call has come. Times in Unix seconds."""

    signed: float  # when the last call without an answer was signed
    before: StateBefore
    quiet: float | None = None  # the first look after the settling time that showed nothing


@dataclass(frozen=True)
class Settlement:
    verdict: Verdict
    again_s: float = 0.0  # WAIT: how long until the next look
    quiet: float | None = None


def proven_by(before: StateBefore, reading: Observation) -> Verdict | None:
    """What one reading proves about a lost call. None: nothing, not even that the call had no effect."""
    if not before.secret:
        return Verdict.IN_FORCE if reading.shown else None
    if reading.theirs or len(reading.ours) > before.calls:
        return Verdict.THEIRS
    # Tasks that began at once belong to this delivery's calls. Later ones may be anyone's under the same operator.
    told = bool(reading.ours) and before.soon.issuperset(reading.ours) and not before.denied
    if told and reading.succeeded and reading.moved and reading.shown is not False:
        return Verdict.IN_FORCE
    return None


def settle(settling: LostCall, reading: Observation, now: float, settling_s: float) -> Settlement:
    """The next step, after one more reading.

    NOT_HAPPENED needs two looks: the first after the settling time, the second at least a minute later. Both must show
    that no task began since the call, that none is running, and that the time of the last change has not moved.
    """
    over = settling.signed + settling_s
    if reading.running:
        return Settlement(Verdict.WAIT, max(10.0, min(60.0, over - now)))
    if (proved := proven_by(settling.before, reading)) is not None:
        return Settlement(proved)
    if now < over:
        return Settlement(Verdict.WAIT, over - now)
    untouched = not (reading.ours or reading.theirs or reading.others) and (
        reading.moved is False and (settling.before.secret or reading.shown is False)
    )
    if not untouched:
        return Settlement(Verdict.UNKNOWN)
    if settling.quiet is None:
        return Settlement(Verdict.WAIT, APART_S, quiet=now)
    if now - settling.quiet < APART_S:
        return Settlement(Verdict.WAIT, settling.quiet + APART_S - now, quiet=settling.quiet)
    return Settlement(Verdict.NOT_HAPPENED)
