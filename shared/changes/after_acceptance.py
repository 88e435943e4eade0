"""What runs after the cloud accepted the change: its task is followed here for a while, then by follow_change."""

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

_MOST_PROOFS = 4  # that are asked for in one wait
_ENDED = {
    TaskState.SUCCEEDED: Answer.IN_FORCE,
    TaskState.FAILED: Answer.FAILED,
    TaskState.UNPROVEN: Answer.UNPROVEN,
}


def follow(known: Known, delivery: Delivery) -> tuple[Known, Answer]:
    """Wait for the end of the task."""
    task = known.task or Task()
    give, whole_s = delivery.ports.hand_on, delivery.left_s()
    # A login needs the secret, which no message carries on: wait for the task here as long as it goes.
    here_s = whole_s if give is None or delivery.options.login else min(QUICK_S, whole_s)
    known, state = _polled(known, delivery, task, here_s)
    if give is None or state in _ENDED:
        return known, _ENDED.get(state, Answer.RUNNING)
    if state is TaskState.RUNNING:  # what was not seen to run follow_change could not tell from the state of before
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
    named = f"task {task.task_id}" if task.task_id is not None else "the account's status"
    text = f"the cloud accepted the change, and {named} did not end within this invocation: ask for it later"
    if error is not None:  # the last question was not answered
        known = known.noted(*evidence)
    return known.failed(Ambiguous(text, code="TaskNotEnded", request_id=known.request_id)), state


def _looked_behind(known: Known, delivery: Delivery) -> tuple[Known, TaskState]:
    """What became of a change whose task failed: no page says that the old secret is in force then."""
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
    """Whether a login that is asked for, or the fence, takes the new secret for the one in force."""
    known, opened = opens(known, delivery)
    return (known, True) if opened else _fence_takes(known, delivery)


def _fence_takes(known: Known, delivery: Delivery) -> tuple[Known, bool]:
    """Whether the fence takes the new secret for the one in force. Its refusal proves nothing: see `StateBefore`."""
    if not known.credential.fenced:
        return known, False
    known, probed = ask_fence(known, delivery)
    return known, isinstance(probed, Accepted)
