"""What shows that a secret is in force: a login, the fence, the end of a task. All of it goes into the evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from shared.changes.credential import Accepted, CredentialChange, Follower, LoginAnswer, Task, TaskState
from shared.changes.transitions import Answer
from shared.results.outcome import Outcome
from shared.runtime.backoff import backoff_s
from shared.runtime.deadline import Deadline
from shared.runtime.errors import Ambiguous, ErrorClass, KeyturnError, OldSecretRefused, Refused, RetryLater
from shared.runtime.secret import Secret

T = TypeVar("T")

_MOST_PROBES = 8


@dataclass(eq=False)
class Prover:
    """Asks for one delivery, for as long as its time allows. Never raises a KeyturnError."""

    deadline: Deadline
    reserve_s: float  # kept back for what follows
    sleep: Callable[[float], None]
    evidence: list[str]
    lost_probes: int = 0  # whose answers were lost: the cloud may have taken them for changes, to the same secret

    def login(self, follower: Follower, which: str, secret: Secret) -> LoginAnswer:
        """One login with the new or the old secret."""
        timeout_s = max(0.3, min(3.0, (self.deadline.left() - self.reserve_s) / 3))
        answer, why = value_or_error(lambda: follower.login(secret, timeout_s)), ""
        if isinstance(answer, KeyturnError):  # the cloud did not tell the address
            why = f" ({answer.code or answer.error_class.value})"
            answer = LoginAnswer.UNREACHABLE
        line = f"login with the {which} secret: {answer.value}{why}"
        if self.evidence[-1:] != [line]:
            self.evidence.append(line)
        return answer

    def login_for_long(self, follower: Follower, secret: Secret) -> LoginAnswer:
        """Who refuses may still be taking it over, who hangs up is dialled again: for as long as time is left."""
        tries = 0
        while True:
            tries += 1
            answer = self.login(follower, "new", secret)
            wait_s = backoff_s(tries, base_s=0.6, most_s=3.0)
            settled = answer is LoginAnswer.ACCEPTED or (answer is not LoginAnswer.REFUSED and tries > 1)
            if settled or self.deadline.left() - self.reserve_s - wait_s <= 0.3:
                return answer
            self.sleep(wait_s)

    def probe(self, credential: CredentialChange) -> Accepted | KeyturnError:
        """Ask the fence, which changes nothing, so that a lost answer is asked for again too."""
        for tries in range(1, _MOST_PROBES + 1):
            probed = value_or_error(credential.probe)
            answer = "accepted" if isinstance(probed, Accepted) else (probed.code or probed.error_class.value)
            self.evidence.append(f"fence_probe: {answer}")
            wait_s = backoff_s(tries, base_s=0.4, most_s=3.0)
            said = Answer.ACCEPTED if isinstance(probed, Accepted) else answer_of(probed)
            self.lost_probes += said is Answer.LOST
            again = said in (Answer.LATER, Answer.LOST)
            if not again or self.deadline.left() - wait_s - self.reserve_s < 0.9:
                break
            self.sleep(wait_s)
        return probed


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


def value_or_error(call: Callable[[], T]) -> T | KeyturnError:
    """What a call gives, or the error that it raises."""
    # Handled as values: an exception raised while another is handled would carry it along as its context.
    try:
        return call()
    except KeyturnError as error:
        return error
