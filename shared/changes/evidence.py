"""Reads the cloud's answers: what an error means, how far a task has come, and how that ends a delivery."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from shared.changes.credential import Follower, Task, TaskState
from shared.changes.transitions import Answer
from shared.results.outcome import Outcome
from shared.runtime.errors import Ambiguous, ErrorClass, KeyturnError, OldSecretRefused, Refused, RetryLater

T = TypeVar("T")


def answer_of(error: KeyturnError) -> Answer:
    """What an error of the cloud says about a call."""
    if isinstance(error, RetryLater):
        return Answer.LATER
    if isinstance(error, OldSecretRefused):
        return Answer.OF_OLD
    if isinstance(error, Ambiguous):
        return Answer.UNLISTED if error.refused and not error.passing else Answer.LOST
    return Answer.OF_VALUE if isinstance(error, Refused) and error.of_value else Answer.REFUSED


def task_progress(follower: Follower, task: Task) -> tuple[TaskState, list[str], KeyturnError | None]:
    """Read a task once. If the read fails, or does not list the task yet, the task counts as running.

    If the cloud forbids the read, the task is unproven.
    """
    answer = value_or_error(lambda: follower.progress(task))
    if not isinstance(answer, KeyturnError):
        return answer.state, answer.evidence, None
    why = answer.code or answer.error_class.value
    if answer.error_class is not ErrorClass.FORBIDDEN or answer.retryable:
        return TaskState.RUNNING, [f"task: {why}"], answer
    text = f"the cloud accepted the change, but keyturn could not read how it ended ({why}): look at its task later"
    return TaskState.UNPROVEN, [f"task: {why}"], Ambiguous(text, code=answer.code, request_id=answer.request_id)


def conclusion_of(
    state: TaskState, error: KeyturnError | None, request_id: str | None
) -> tuple[Outcome, KeyturnError | None]:
    """How a task's last state ends a delivery."""
    if state is TaskState.SUCCEEDED:
        return Outcome.CHANGED, None
    if state is TaskState.FAILED:
        text = "the cloud's task failed, nothing was changed: see the task in the console, then send it again"
        failed = Refused(ErrorClass.FAILED, text, code="TaskFailed", request_id=request_id)
        failed.retryable = True
        return Outcome.NOT_CHANGED, failed
    text = "nothing shows how the task ended, or that it was this change's: look at the instance's tasks"
    return Outcome.UNKNOWN, error or Ambiguous(text, code="TaskUnproven", request_id=request_id)


def failure_unproven(request_id: str | None) -> KeyturnError:
    """The error after a failed task, if the change may be in force all the same."""
    text = "the cloud's task failed, but the change may be in force all the same: log in to find out"
    return Ambiguous(text, code="TaskFailed", request_id=request_id)


def value_or_error(call: Callable[[], T]) -> T | KeyturnError:
    """The value of a call, or the KeyturnError that it raises."""
    # Errors are values: an exception raised while another is handled would carry that one as its context.
    try:
        return call()
    except KeyturnError as error:
        return error
