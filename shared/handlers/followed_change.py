"""One pending change: how follow_change reads it, and how each answer ends it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from shared.changes.credential import Follower, LoginAnswer, StateBefore, Task, TaskState
from shared.changes.evidence import conclusion_of, failure_unproven, task_progress
from shared.changes.settling import SETTLING_S, LostCall, Verdict, settle
from shared.handlers.follow_message import FollowChange, seconds
from shared.results.outcome import SUPERSEDED, CommandContext, Conclusion, Outcome, Stage
from shared.runtime.deadline import Deadline
from shared.runtime.errors import Ambiguous, ErrorClass, KeyturnError, Refused
from shared.runtime.secret import Secret
from shared.runtime.tls import CERTIFICATE_REFUSED
from shared.stores.alternating import AlternatingSecret
from shared.stores.promotion import not_promoted, promote
from shared.stores.store import Store

_GIVE_UP_S = 1800.0  # a change that still runs so long after its start is given up
_SKEW_S = 300.0  # between the cloud's clock and this one: the most that its signatures allow
_KEPT_BACK_S = 10.0  # of the deadline, while a refused login is repeated
_NO_LOGIN = "login: not made"


@dataclass(frozen=True)
class Ended:
    """How a pending change ended."""

    outcome: Outcome
    error: KeyturnError | None = None


@dataclass(frozen=True, eq=False)
class Clocks:
    """The deadline, the clock and the sleep, passed in so that tests need not wait."""

    deadline: Deadline
    now: Callable[[], float] = time.time  # Unix seconds
    sleep: Callable[[float], None] = time.sleep


class LoginCheck:
    """The login that a command asks for, with the new secret that its store holds."""

    def __init__(self, command: FollowChange, follower: Follower, store: Store, clocks: Clocks) -> None:
        self._command, self._follower, self._store, self._clocks = command, follower, store, clocks
        self._answer: LoginAnswer | None = None

    def answer(self, evidence: list[str]) -> LoginAnswer:
        """The server's answer, asked for once; a refused login is repeated while time is left.

        Raises: RetryLater, Refused.
        """
        if self._answer is None:
            self._answer = self._ask(self._secret())
            evidence.append(f"login with the new secret: {self._answer.value}")
        return self._answer

    def _ask(self, secret: Secret) -> LoginAnswer:
        deadline = self._clocks.deadline
        timeout_s = max(0.3, min(3.0, deadline.left() / 3))
        answer = self._follower.login(secret, timeout_s)
        while answer is LoginAnswer.REFUSED and deadline.left() > _KEPT_BACK_S:
            self._clocks.sleep(1.0)
            answer = self._follower.login(secret, timeout_s)
        return answer

    def _secret(self) -> Secret:
        version = self._command.store.version if self._command.store is not None else None
        kept = self._store.read(version)
        pair = AlternatingSecret.from_stored(kept)
        return pair.password if pair is not None and pair.account == self._command.account else kept


@dataclass(eq=False)
class FollowedChange:
    """A pending change: its message, what reads it, and what is known so far."""

    command: FollowChange
    context: CommandContext
    authentic: bool  # keyturn signed the message
    clocks: Clocks
    conclusion: Conclusion  # pending; its evidence grows
    lost_call: LostCall | None = None  # no task is known: reads must show what happened
    follower: Follower | None = None  # None: only a promotion is missing, or the cloud was not reached
    store: Store | None = None
    proven: bool = False
    believed: bool = True  # False: the message is unsigned, and the cloud does not confirm it
    again_s: float = 0.0  # seconds until the next read can show more
    last_error: KeyturnError | None = None  # why the last read or promotion failed
    _login: LoginCheck | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if self.command.login and self.follower is not None and self.store is not None:
            self._login = LoginCheck(self.command, self.follower, self.store, self.clocks)

    @property
    def task(self) -> Task:
        return Task(self.command.task_id)

    @property
    def before(self) -> StateBefore:
        return self.command.before.before if self.command.before else StateBefore()

    def ask(self) -> Ended | None:
        """Read the change once. Returns how it ended; None: still pending. Never raises a KeyturnError."""
        self.again_s = 0.0
        try:
            return self._ask() or self._given_up()
        except KeyturnError as error:
            self.last_error = error
            if error.retryable or error.code == CERTIFICATE_REFUSED:  # e.g. expired keys: new next time
                return self._given_up()
            return self._ended_by(error)

    def kept_away(self) -> Ended | None:
        """How the change ends if its last read failed by a refused certificate, which a later read rarely mends."""
        error = self.last_error
        return self._ended_by(error) if error is not None and error.code == CERTIFICATE_REFUSED else None

    def _ended_by(self, error: KeyturnError) -> Ended:
        kept = self.conclusion.stored
        if self.proven and kept is not None:
            return Ended(Outcome.UNKNOWN, not_promoted(kept.name, kept.version, error))
        return Ended(Outcome.UNKNOWN, unreadable(error))

    def _ask(self) -> Ended | None:
        """Raises: KeyturnError."""
        if self.proven:
            ended = self._superseded() or self._login_refused()
            if ended is not None:  # another change was made since, or the server refuses the secret
                return ended
        elif self.follower is None:
            raise self.last_error or Ambiguous("the change cannot be read: look at the instance", code="NotFollowed")
        else:
            lost, self.last_error = self.lost_call, None
            ended = self._by_reads(self.follower, lost) if lost is not None else self._by_task(self.follower)
            if ended is None or ended.outcome is not Outcome.CHANGED:
                return ended
            if (refused := self._login_refused()) is not None:
                return refused
            self.proven = True
        self._promote()
        return Ended(Outcome.CHANGED)

    def _promote(self) -> None:
        """Promote the new secret's version, if a store holds it. Raises: KeyturnError."""
        kept = self.conclusion.stored
        if kept is None:
            return
        if self.store is None:  # it is in another account, and STS gave no keys this time
            raise self.last_error or Ambiguous("the store of the new secret cannot be reached", code="NotFollowed")
        self.conclusion.evidence += promote(self.store, kept.version, self._is_still_last, (), kept.current)
        self.conclusion.stored = replace(kept, stage=Stage.CURRENT.value)

    def _by_task(self, follower: Follower) -> Ended | None:
        """What the cloud's task, or the account's status, says."""
        state, evidence, error = task_progress(follower, self.task)
        self.last_error = error
        if state is TaskState.RUNNING:
            return None
        self.conclusion.evidence += evidence
        if not self.authentic and (state is TaskState.UNPROVEN or not self._began_since(follower)):
            self.believed = False
        if state is TaskState.SUCCEEDED and (superseded := self._superseded()) is not None:
            return superseded
        request_id = self.conclusion.request_id
        if state is TaskState.FAILED and self.command.unclear:
            text = "the cloud's task failed, and an earlier call of this change may have worked: log in to find out"
            return Ended(Outcome.UNKNOWN, Ambiguous(text, code="TaskFailed", request_id=request_id))
        if state is TaskState.FAILED:
            return self._after_failure(follower, error)
        return Ended(*conclusion_of(state, error, request_id))

    def _after_failure(self, follower: Follower, error: KeyturnError | None) -> Ended:
        """The end after a failed task: no page says that the old secret is then in force. Raises: KeyturnError."""
        request_id, answer = self.conclusion.request_id, self._login_answer()
        if answer is LoginAnswer.ACCEPTED:
            return Ended(Outcome.CHANGED)
        is_believed = answer is LoginAnswer.REFUSED
        if not is_believed and self.command.before is not None:
            reading = follower.observe(self.before)
            self.conclusion.evidence += [line for line in reading.evidence if line not in self.conclusion.evidence]
            is_believed = reading.shows_nothing(of_secret=self.before.secret)
        if is_believed:
            return Ended(*conclusion_of(TaskState.FAILED, error, request_id))
        return Ended(Outcome.UNKNOWN, failure_unproven(request_id))

    def _by_reads(self, follower: Follower, lost: LostCall) -> Ended | None:
        """What reads prove about a call whose answer was lost."""
        observation, request_id = follower.observe(lost.before), self.conclusion.request_id
        settlement = settle(lost, observation, self.clocks.now(), SETTLING_S[self.command.cloud])
        verdict, evidence = settlement.verdict, self.conclusion.evidence
        if verdict is Verdict.WAIT:
            self.lost_call = replace(lost, quiet=settlement.quiet)
            self.again_s = settlement.again_s
            return None
        evidence += [line for line in observation.evidence if line not in evidence]
        evidence.append(f"settled by reads: {verdict.value}")
        if verdict is Verdict.IN_FORCE:
            return Ended(Outcome.CHANGED)
        if verdict is Verdict.NOT_HAPPENED:
            return Ended(Outcome.NOT_CHANGED, self.command.refused.error if self.command.refused else _not_happened())
        if self._login_answer() is LoginAnswer.ACCEPTED:
            return Ended(Outcome.CHANGED)
        if verdict is Verdict.THEIRS:
            text = "the call got no answer, and another change, or another delivery of this command, was seen since: "
            text += "it is not known which secret is in force"
            return Ended(Outcome.UNKNOWN, Ambiguous(text, code=SUPERSEDED, request_id=request_id))
        text = "the call got no answer, and no read shows whether it took effect: "
        return Ended(Outcome.UNKNOWN, Ambiguous(text + "log in to find out", code="NotSettled", request_id=request_id))

    def _superseded(self) -> Ended | None:
        """How the change ends if another task came after its own. A task does not tell what it set, nor for whom.

        So a task of another delivery of this command, which sets the same secret, looks like somebody else's.
        """
        if self.follower is None or self.command.task_id is None:
            return None
        if not self.follower.newer_change_exists(self.task, self.before):
            return None
        text = "the change was made, and another change, or another delivery of this command, came after it: "
        text += "it is not known which secret is in force"
        return Ended(Outcome.UNKNOWN, Ambiguous(text, code=SUPERSEDED, request_id=self.conclusion.request_id))

    def _login_refused(self) -> Ended | None:
        """How the change ends if the server refuses the login that the command asks for."""
        if self._login_answer() is not LoginAnswer.REFUSED:
            return None
        text = "the cloud reports the change as done, but the server refuses the new secret: look at the instance"
        return Ended(Outcome.UNKNOWN, Ambiguous(text, code="LoginRefused", request_id=self.conclusion.request_id))

    def _login_answer(self) -> LoginAnswer | None:
        """The server's answer to the new secret; None: no login is asked for, or keyturn no longer knows the secret."""
        evidence = self.conclusion.evidence
        if self._login is not None:
            return self._login.answer(evidence)
        if self.command.login and _NO_LOGIN not in evidence:
            evidence.append(_NO_LOGIN)
        return None

    def _began_since(self, follower: Follower) -> bool:
        """Whether the cloud shows a task that sets a secret and began after the change. For unsigned messages."""
        at = follower.began_at(self.task)
        return at is not None and at >= seconds(self.command.started_at) - _SKEW_S

    def _is_still_last(self) -> bool:
        """Whether the change's secret is the last that was set, as far as the cloud shows it."""
        if self.follower is None or self.command.task_id is None:
            return False
        try:
            newer = self.follower.newer_change_exists(self.task, self.before)
        except KeyturnError:
            return False
        return newer is False  # None: another change may have come since

    def _given_up(self) -> Ended | None:
        """How a change ends that is still pending after 30 minutes; None: it began less than 30 minutes ago."""
        if self.clocks.now() - seconds(self.command.started_at) <= _GIVE_UP_S:
            return None
        error = self.last_error
        if error is not None and (self.proven or self.lost_call is not None):
            return self._ended_by(error)
        text = "the change was accepted and did not end within 30 minutes: look at the instance's tasks"
        return Ended(Outcome.UNKNOWN, Ambiguous(text, code="TaskNotEnded", request_id=self.conclusion.request_id))


def unreadable(error: KeyturnError) -> KeyturnError:
    """The error of a change that could not be read because of `error`."""
    if isinstance(error, Ambiguous):
        return error
    why = error.code or error.error_class.value
    text = f"keyturn could not read how the change ended ({why}): look at the instance's tasks"
    return Ambiguous(text, code=error.code or why, request_id=error.request_id)


def _not_happened() -> KeyturnError:
    text = "the call got no answer, and the cloud shows that it had no effect and can have none: send it again"
    failed = Refused(ErrorClass.FAILED, text, code="NotHappened")
    failed.retryable = True
    return failed
