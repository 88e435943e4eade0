"""Checks that a secret which was proven in force still is: for a redelivery, and before a promotion."""

from __future__ import annotations

from dataclasses import replace

from shared.changes.credential import Accepted, LoginAnswer
from shared.changes.delivery import Delivery
from shared.changes.evidence import answer_of, value_or_error
from shared.changes.known import Known
from shared.changes.proofs import ask_fence, login, login_for_long
from shared.changes.transitions import Answer
from shared.results.outcome import SUPERSEDED, Conclusion, Outcome
from shared.runtime.errors import Ambiguous, ErrorClass, Refused


def redelivered(known: Known, delivery: Delivery) -> Conclusion:
    """An earlier delivery made the change. A login or the fence probe checks that it is still in force."""
    new = known.credential.new
    if delivery.options.login and new is not None:
        known, opened = login_for_long(known, delivery, new)
        if opened is LoginAnswer.ACCEPTED:
            return known.conclusion(Outcome.ALREADY_CHANGED)
        if opened is LoginAnswer.REFUSED:
            text = "an earlier delivery made the change, but the server now refuses its secret: give a new CommandId"
            return known.conclusion(Outcome.NOT_CHANGED, Refused(ErrorClass.FAILED, text, code=SUPERSEDED))
    if known.credential.fenced:
        known, probed = ask_fence(known, delivery)
        if isinstance(probed, Accepted):
            return known.conclusion(Outcome.ALREADY_CHANGED)
        if answer_of(probed) in (Answer.OF_OLD, Answer.UNLISTED):
            text = "an earlier delivery made the change, but the cloud now refuses its secret as the old one: "
            text += "try a login, or give a new CommandId"
            error = Ambiguous(text, code=SUPERSEDED, request_id=probed.request_id)
            return replace(known.conclusion(Outcome.UNKNOWN, error), verified_now=False)
    if delivery.options.contested:
        text = "an earlier delivery made the change, a later change began since, and nothing shows which is in force"
        error = Ambiguous(text, code=SUPERSEDED)
        return replace(known.conclusion(Outcome.UNKNOWN, error), verified_now=False)
    known = known.noted("earlier delivery; not looked at since")
    return replace(known.conclusion(Outcome.ALREADY_CHANGED), verified_now=False)


def still_last(known: Known, delivery: Delivery) -> bool | None:
    """Whether the change's secret is the last that was set; None: not known. Never raises."""
    task = known.task
    # Without a fence and a task's id, another change may have come unseen while this one settled.
    untold = False if task is not None and task.task_id is None and not known.credential.fenced else None
    if delivery.left_s() < 0:
        return untold
    if task is not None:
        newer = value_or_error(lambda: known.credential.newer_change_exists(task, known.before))
        if isinstance(newer, bool):
            return not newer
    if known.credential.fenced:
        known, probed = ask_fence(known, delivery)
        if isinstance(probed, Accepted):
            return True
    if delivery.options.login and known.new is not None:
        _, answer = login(known, delivery, "new", known.new)
        return {LoginAnswer.ACCEPTED: True, LoginAnswer.REFUSED: False}.get(answer, untold)
    return untold
