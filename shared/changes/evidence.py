"""What an answer of the cloud says: an error as a value, the state of a task, and how that ends a delivery."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from shared.changes.credential import Follower, Task, TaskState
from shared.changes.transitions import Answer
from shared.results.outcome import Outcome
from shared.runtime.errors import Ambiguous, ErrorClass, KeyturnError, OldSecretRefused, Refused, RetryLater

T = TypeVar("T")


def answer_of(error: KeyturnError) -> Answer:
    """What an answer that is no acceptance says."""
    if isinstance(error, RetryLater):
        return Answer.LATER
    if isinstance(error, OldSecretRefused):
        return Answer.OF_OLD
    if isinstance(error, Ambiguous):
        return Answer.UNLISTED if error.refused and not error.passing else Answer.LOST
    return Answer.OF_VALUE if isinstance(error, Refused) and error.of_value else Answer.REFUSED


def task_progress(follower: Follower, task: Task) -> tuple[TaskState, list[str], KeyturnError | None]:
    """One question about a task; a question that could not be asked, or a task not listed yet, leaves it running."""
    answer = value_or_error(lambda: follower.progress(task))
    if not isinstance(answer, KeyturnError):
        return answer.state, answer.evidence, None
    why = answer.code or answer.error_class.value
    if answer.error_class is not ErrorClass.FORBIDDEN or answer.retryable:
        return TaskState.RUNNING, [f"task: {why}"], answer
    text = f"the change was accepted, and how it ended could not be read ({why}): ask for its task later"
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
    text = "nothing shows that the task was this change's, or how it ended: look at the instance's tasks"
    return Outcome.UNKNOWN, error or Ambiguous(text, code="TaskUnproven", request_id=request_id)


def failure_unproven(request_id: str | None) -> KeyturnError:
    """A task that failed, of a change that may be in force all the same."""
    text = "the cloud's task failed, and nothing shows that its change is not in force: log in to find out"
    return Ambiguous(text, code="TaskFailed", request_id=request_id)


def value_or_error(call: Callable[[], T]) -> T | KeyturnError:
    """What a call gives, or the error that it raises."""
    # Handled as values: an exception raised while another is handled would carry it along as its context.
    try:
        return call()
    except KeyturnError as error:
        return error
