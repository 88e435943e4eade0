"""What runs after the cloud accepted the change: its task is followed here for a while, then by follow_change."""

from __future__ import annotations

from dataclasses import replace

from shared.changes.credential import Task, TaskState
from shared.changes.delivery import Delivery
from shared.changes.evidence import conclusion_of, task_progress
from shared.changes.known import Known
from shared.changes.options import PendingChange
from shared.changes.timing import FIRST_POLL_S, LONGEST_POLL_S, QUICK_S
from shared.changes.transitions import Answer
from shared.results.outcome import Outcome
from shared.runtime.errors import Ambiguous

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
    known, answer = _polled(known, delivery, task, here_s)
    if give is None or answer is not Answer.RUNNING:
        return known, answer
    pending = known.conclusion(Outcome.PENDING)
    if give(PendingChange(pending, known.before, task, unclear=known.calls.unclear > 0)):
        return replace(known, handed_on=pending), Answer.HANDED_ON
    known = known.noted("follow_change: not reached, waited here instead")
    return _polled(known, delivery, task, delivery.left_s())


def _polled(known: Known, delivery: Delivery, task: Task, for_s: float) -> tuple[Known, Answer]:
    left_at_end_s = delivery.deadline.left() - for_s
    wait_s = FIRST_POLL_S
    while (wait_s := min(wait_s, delivery.deadline.left() - left_at_end_s)) > 0:
        delivery.ports.sleep(wait_s)
        wait_s = min(LONGEST_POLL_S, wait_s * 1.5)
        state, evidence, error = task_progress(known.credential, task)
        if state in _ENDED:
            _, ended = conclusion_of(state, error, known.request_id)
            return known.noted(*evidence).failed(ended), _ENDED[state]
    named = f"task {task.task_id}" if task.task_id is not None else "the account's status"
    text = f"the cloud accepted the change, and {named} did not end within this invocation: ask for it later"
    return known.failed(Ambiguous(text, code="TaskNotEnded", request_id=known.request_id)), Answer.RUNNING
