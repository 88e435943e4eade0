"""The ends of a delivery: the outcome, the message and the last proof for each end in the table of steps."""

from __future__ import annotations

from shared.changes.credential import LoginAnswer
from shared.changes.delivery import Delivery
from shared.changes.known import Known
from shared.changes.proofs import login, login_for_long
from shared.changes.transitions import Step
from shared.results.outcome import Conclusion, Outcome
from shared.runtime.errors import Ambiguous, ErrorClass, KeyturnError, Refused


def ending(step: Step, known: Known, delivery: Delivery) -> Conclusion:
    """The conclusion for the end that the table of steps named."""
    if step in (Step.CHANGED, Step.ALREADY_CHANGED):
        return _proven(Outcome(step.value), known, delivery)
    if step is Step.FOUND:
        return known.conclusion(Outcome.ALREADY_CHANGED)
    if step is Step.WOULD_CHANGE:
        return known.conclusion(Outcome.WOULD_CHANGE)
    if step is Step.PENDING:
        return known.handed_on or known.conclusion(Outcome.PENDING)
    if step is Step.TASK_UNPROVEN:
        return known.conclusion(Outcome.UNKNOWN, known.error)
    if step is Step.AS_REFUSED:
        return known.conclusion(Outcome.NOT_CHANGED, known.error)
    if step is Step.WRONG_OLD:
        return known.conclusion(Outcome.NOT_CHANGED, _wrong_old(known, delivery))
    if step is Step.REFUSED_TWICE:
        return known.conclusion(Outcome.NOT_CHANGED, _refused_twice(known))
    return known.conclusion(Outcome.UNKNOWN, _unknown(known))


def _proven(outcome: Outcome, known: Known, delivery: Delivery) -> Conclusion:
    """The cloud reports the change in force. With `Login` the server must accept the new secret, too."""
    if not delivery.options.login or known.new is None:
        return known.conclusion(outcome)
    known, answer = login_for_long(known, delivery, known.new)
    if answer is LoginAnswer.REFUSED:
        text = "the cloud reports the change as done, but the server refuses the new secret: look at the instance"
        return known.conclusion(Outcome.UNKNOWN, Ambiguous(text, code="LoginRefused", request_id=known.request_id))
    if answer is LoginAnswer.ACCEPTED and known.credential.old is not None:
        known, _ = login(known, delivery, "old", known.credential.old)
    return known.conclusion(outcome)


def _wrong_old(known: Known, delivery: Delivery) -> KeyturnError:
    text = "the cloud refuses the old secret: check it. If this is a repeat, send it with its CommandId"
    if not delivery.options.unnamed_caller:
        text = "the cloud refuses the old secret, and also the new one in its place: check the old one"
    code, request_id = _code_of(known.error)
    return Refused(ErrorClass.WRONG_OLD_SECRET, text, code=code, request_id=request_id)


def _refused_twice(known: Known) -> KeyturnError:
    code, request_id = _code_of(known.error)
    text = f"the cloud refused the change twice with {code}: see the API's page for this code"
    return Refused(ErrorClass.FAILED, text, code=code, request_id=request_id)


def _unknown(known: Known) -> KeyturnError:
    code, _ = _code_of(known.calls.last_lost or known.error)
    text = "the cloud refuses the change, and it is not known whether the new secret is in force: try a login"
    if known.calls.last_lost is not None:
        text = "the call got no clear answer, and nothing shows whether it took effect: log in to find out"
    elif known.task is not None:
        text = (
            "the cloud's task shows no success, and an earlier call of this change may have worked: log in to find out"
        )
    return Ambiguous(text, code=code, request_id=known.request_id)


def _code_of(error: KeyturnError | None) -> tuple[str | None, str | None]:
    """The error's code and request id."""
    return (error.code, error.request_id) if error is not None else (None, None)
