"""The steps after the cloud accepted the change: follow its task here for a while, then hand it to follow_change."""

from __future__ import annotations

from dataclasses import replace

from shared.changes.credential import Accepted, LoginAnswer, Task, TaskState
from shared.changes.delivery import Delivery
from shared.changes.evidence import conclusion_of, failure_unproven, task_progress, value_or_error
from shared.changes.known import Known
from shared.changes.options import PendingChange
from shared.changes.proofs import ask_fence, asked_login, opens
from shared.changes.timing import AT_ONCE_S, FIRST_POLL_S, LONGEST_POLL_S, QUICK_S
from shared.changes.transitions import Answer
from shared.results.outcome import Outcome
from shared.runtime.errors import Ambiguous, KeyturnError

_MOST_PROOFS = 4  # tried in one wait
_ENDED = {
    TaskState.SUCCEEDED: Answer.IN_FORCE,
    TaskState.FAILED: Answer.FAILED,
    TaskState.UNPROVEN: Answer.UNPROVEN,
}


def follow(known: Known, delivery: Delivery) -> tuple[Known, Answer]:
    """Wait for the end of the task."""
    task = known.task or Task()
    give, whole_s = delivery.ports.hand_on, delivery.left_s()
    # A login needs the secret, which no message may carry: wait for the task here as long as possible.
    here_s = whole_s if give is None or delivery.options.login else min(QUICK_S, whole_s)
    known, state = _polled(known, delivery, task, here_s)
    if give is None or state in _ENDED:
        return known, _ENDED.get(state, Answer.RUNNING)
    if state is TaskState.RUNNING:  # follow_change could not tell an unseen task from the state before
        pending = known.conclusion(Outcome.PENDING)
        if give(PendingChange(pending, known.before, task, unclear=known.calls.unclear > 0)):
            return replace(known, handed_on=pending), Answer.HANDED_ON
        known = known.noted("follow_change: not reached, waited here instead")
    known, state = _polled(known, delivery, task, delivery.left_s())
    return known, _ENDED.get(state, Answer.RUNNING)


def _polled(known: Known, delivery: Delivery, task: Task, for_s: float) -> tuple[Known, TaskState]:
    left_at_end_s = delivery.deadline.left() - for_s
    state, wait_s, next_s = TaskState.RUNNING, FIRST_POLL_S, FIRST_POLL_S * 1.5
    if task.task_id is None:
        wait_s, next_s = AT_ONCE_S, FIRST_POLL_S
    asked = 0
    evidence: list[str] = []
    error: KeyturnError | None = None
    while (wait_s := min(wait_s, delivery.deadline.left() - left_at_end_s)) > 0:
        delivery.ports.sleep(wait_s)
        wait_s, next_s = next_s, min(LONGEST_POLL_S, next_s * 1.5)
        state, evidence, error = task_progress(known.credential, task)
        if state is TaskState.UNSEEN and 0 < asked <= _MOST_PROOFS:
            known, proven = _proven(known, delivery)
            state = TaskState.SUCCEEDED if proven else state
        asked += 1
        if state in _ENDED:
            _, ended = conclusion_of(state, error, known.request_id)
            known = known.noted(*evidence).failed(ended)
            return _looked_behind(known, delivery) if state is TaskState.FAILED else (known, state)
    named = f"task {task.task_id} did not end" if task.task_id is not None else "the account did not settle"
    text = f"the cloud accepted the change, but {named} within this invocation: look at the instance later"
    if error is not None:  # the last read failed
        known = known.noted(*evidence)
    return known.failed(Ambiguous(text, code="TaskNotEnded", request_id=known.request_id)), state


def _looked_behind(known: Known, delivery: Delivery) -> tuple[Known, TaskState]:
    """Find out what a failed task did: no page says that the old secret is in force then."""
    known, answer = asked_login(known, delivery)
    if answer is LoginAnswer.ACCEPTED:
        return known, TaskState.SUCCEEDED
    known, is_as_before = (known, True) if answer is LoginAnswer.REFUSED else _as_before(known)
    if is_as_before:
        return known, TaskState.FAILED
    known, taken = _fence_takes(known, delivery)
    if taken:
        return known, TaskState.SUCCEEDED
    return known.failed(failure_unproven(known.request_id)), TaskState.UNPROVEN


def _as_before(known: Known) -> tuple[Known, bool]:
    """Whether a read shows that nothing was changed."""
    reading = value_or_error(lambda: known.credential.observe(known.before))
    if isinstance(reading, KeyturnError):
        return known.noted(f"read: {reading.code or reading.error_class.value}"), False
    return known.noted(*reading.evidence), reading.shows_nothing(of_secret=known.new is not None)


def _proven(known: Known, delivery: Delivery) -> tuple[Known, bool]:
    """Whether a login (if asked for) or the fence probe proves the new secret in force."""
    known, opened = opens(known, delivery)
    return (known, True) if opened else _fence_takes(known, delivery)


def _fence_takes(known: Known, delivery: Delivery) -> tuple[Known, bool]:
    """Whether the fence probe proves the new secret in force. A refused probe proves nothing: see `StateBefore`."""
    if not known.credential.fenced:
        return known, False
    known, probed = ask_fence(known, delivery)
    return known, isinstance(probed, Accepted)
