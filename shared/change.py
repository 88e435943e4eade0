"""From a valid command to one true ending: look, call once, find out, follow, prove.

The order of things is the promise. Whatever fails before the call has changed nothing. After the call nothing raises:
an ambiguous answer is reconciled before anything is repeated, and what cannot be known is called `unknown`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from shared.credential import Accepted, Credential, Fact, Follower, LoginAnswer, Look, State, Task
from shared.errors import Ambiguous, ErrorClass, KeyturnError, OldSecretRefused, Refused, RetryLater
from shared.pace import backoff_s
from shared.platform import Deadline
from shared.result import Ending, Outcome
from shared.secret import Secret

T = TypeVar("T")

MOST_REPEATS = 2  # of a call that reconciliation proved not to have happened
_MOST_WAITS = 8  # for a lock or a throttle inside one invocation
_LEAST_S = 1.8  # a change is started only with this much time left: to call, to find out, to publish
_LOOK_S = 0.3  # what looking anew before another call takes
_RESERVE_S = 0.9  # kept back for publishing
_KEEP_S = 1.6  # kept back for the store besides, once before the call and once after
_QUICK_S = 1.2  # a task that ends within this is reported at once, without a second invocation
_FIRST_POLL_S = 0.5  # most tasks have ended by then, so that one question is enough
_LONGEST_POLL_S = 2.0
_LOGIN_TRIES = 3


@dataclass(frozen=True, eq=False)
class Wishes:
    """What the command asks of the way, beside the change itself."""

    dry_run: bool = False
    login: bool = False
    # A caller who waits and chose no CommandId: a refused old secret is then most likely a typo.
    unnamed_caller: bool = False
    keeps: bool = False  # a store is written to before the call, and again after it


@dataclass(eq=False)
class Change:
    """One delivery of one command. `run` never raises after `called` has turned true."""

    credential: Credential
    wishes: Wishes
    deadline: Deadline
    hand_on: Callable[[Task, Ending], bool] | None = None  # give the task to follow_change; True once confirmed
    prepare: Callable[[], None] | None = None  # keep the new secret before any call. Raises: RetryLater, Refused
    others: list[Credential] = field(default_factory=list)  # the same change by further old secrets
    in_force: Callable[[int], list[str]] | None = None  # told which of `others` the fence accepted; what it did
    sleep: Callable[[float], None] = time.sleep
    called: bool = False
    password: Secret | None = None  # shown once by the cloud, for the HTTP reply alone
    _evidence: list[str] = field(default_factory=list)
    _calls: int = 0
    # What stood before a call of this delivery that may have had an effect, and how its answer was lost.
    _lost: tuple[Look, Ambiguous] | None = None
    _doubtful: bool = False  # whether that call had its effect is left to the fence, which the repeat asks
    _request_id: str | None = None
    _task_id: int | None = None
    _other: int = -1  # which of `others` is at work; -1 for none

    @property
    def _reserve_s(self) -> float:
        return _RESERVE_S + (_KEEP_S if self.wishes.keeps else 0.0)

    @property
    def _least_s(self) -> float:
        return _LEAST_S + (0.0 if not self.wishes.keeps else _KEEP_S if self.called else 2 * _KEEP_S)

    def run(self) -> Ending:
        """Bring the delivery to its end."""
        look = _value(lambda: self.credential.look(thorough=self.wishes.dry_run))
        if isinstance(look, KeyturnError):
            return self._end(Outcome.NOT_CHANGED, look)
        self._evidence += look.evidence
        if look.in_force:
            return self._end(Outcome.ALREADY_CHANGED)
        if self.wishes.dry_run:
            return self._end(Outcome.NOT_CHANGED if look.obstacle else Outcome.WOULD_CHANGE, look.obstacle)
        if self._opens_already(look):
            return self._end(Outcome.ALREADY_CHANGED)
        return self._change(look)

    def _opens_already(self, look: Look) -> bool:
        """Whether a login shows, before any call, that an earlier delivery has done it all."""
        new = self.credential.new
        if not self.wishes.login or new is None or not look.rest_in_force or look.obstacle is not None:
            return False
        return self._login("new", new) is LoginAnswer.ACCEPTED

    def _change(self, look: Look) -> Ending:
        waits = repeats = 0
        refused: KeyturnError | None = None
        last: KeyturnError | None = look.obstacle
        while True:
            if last is not None:  # locked, throttled, or proved not to have happened: wait, then look anew
                if not isinstance(last, RetryLater | Ambiguous):
                    return self._not_changed(last)
                waits += 1
                wait_s = min(backoff_s(waits, base_s=0.4, most_s=5.0), self.deadline.left() - self._least_s - _LOOK_S)
                if waits > _MOST_WAITS or wait_s <= 0:
                    return self._not_changed(self._gave_up(last))
                refused = last
                self.sleep(wait_s)
                fresh = _value(lambda: self.credential.look(thorough=False))
                if isinstance(fresh, KeyturnError):
                    return self._not_changed(fresh)
                if self._lost and fresh.task_ids - self._lost[0].task_ids:
                    # A task has turned up since: a call that was slow to arrive may have started it after all.
                    ending = self._reconcile(*self._lost)
                    if ending is not None:
                        return ending
                look, last = fresh, fresh.obstacle
                if last is not None:
                    continue
            if self.deadline.left() < self._least_s:
                return self._not_changed(self._gave_up(refused) if refused else _too_late())
            if self.prepare is not None and not self.called:
                kept = _value(self.prepare)
                if isinstance(kept, KeyturnError):
                    return self._not_changed(kept)
            answer = self._call(look)
            if isinstance(answer, Accepted):
                self._tell_which()
                return self._accepted(answer)
            if isinstance(answer, OldSecretRefused):
                if self._other + 1 < len(self.others):
                    # The fence has refused this old secret, so nothing happened: the store knows another.
                    self._other += 1
                    self.credential, last = self.others[self._other], None
                    continue
                return self._old_secret_refused(answer)
            if isinstance(answer, Ambiguous):
                self._lost = self._lost or (look, answer)
                ending = self._reconcile(look, answer)
                if ending is not None:
                    return ending
                repeats += 1
                if repeats > MOST_REPEATS:
                    return self._not_changed(_failed(answer))
            last = answer

    def _call(self, look: Look) -> Accepted | KeyturnError:
        self.called = True
        self._calls += 1
        answer = _value(lambda: self.credential.change(look))
        if isinstance(answer, KeyturnError):
            self._request_id = answer.request_id or self._request_id
            self._evidence.append(f"call {self._calls}: {answer.code or answer.error_class.value}")
        return answer

    def _tell_which(self) -> None:
        """The old secret that the fence accepted was in force: should the change fail now, it still is."""
        if self._other >= 0 and self.in_force is not None:
            index, in_force = self._other, self.in_force
            done = _value(lambda: in_force(index))
            self._evidence += [f"store: {done.code}"] if isinstance(done, KeyturnError) else done

    def _accepted(self, accepted: Accepted) -> Ending:
        self._request_id = accepted.request_id
        self.password = accepted.password
        self._evidence += accepted.evidence
        if accepted.task is None:
            return self._proved(Outcome.CHANGED)
        return self._follow(accepted.task)

    # --- following what was accepted

    def _follow(self, task: Task) -> Ending:
        self._task_id = task.task_id
        whole_s = self.deadline.left() - self._reserve_s
        # A login needs the secret, which no message carries on: wait for the task here as long as it goes.
        quick_s = whole_s if self.hand_on is None or self.wishes.login else min(_QUICK_S, whole_s)
        ending = self._poll(task, quick_s)
        if ending is not None:
            return ending
        if self.hand_on is not None:
            if self.wishes.login:
                self._evidence.append("login: not made, the task outlived the invocation")
            pending = self._end(Outcome.PENDING)
            if self.hand_on(task, pending):
                return pending
            self._evidence.append("follow_change: not reached, waited here instead")
            ending = self._poll(task, self.deadline.left() - self._reserve_s)
            if ending is not None:
                return ending
        named = f"task {task.task_id}" if task.task_id is not None else "the account's status"
        text = f"the cloud accepted the change, and {named} did not end within this invocation: ask for it later"
        return self._end(Outcome.UNKNOWN, Ambiguous(text, code="TaskNotEnded", request_id=self._request_id))

    def _poll(self, task: Task, for_s: float) -> Ending | None:
        until = self.deadline.left() - for_s
        wait_s = _FIRST_POLL_S
        while True:
            wait_s = min(wait_s, self.deadline.left() - until)
            if wait_s <= 0:
                return None
            self.sleep(wait_s)
            wait_s = min(_LONGEST_POLL_S, wait_s * 1.5)
            state, evidence, error = progress(self.credential, task)
            if state is State.RUNNING:
                continue
            self._evidence += evidence
            if state is State.SUCCEEDED:
                return self._proved(Outcome.CHANGED)
            return self._end(*ending_of(state, error, self._request_id))

    def _proved(self, outcome: Outcome) -> Ending:
        """The cloud says that it is so; with `Login` its server must say so too."""
        new = self.password or self.credential.new
        if not self.wishes.login or new is None:
            return self._end(outcome)
        for tries in range(1, _LOGIN_TRIES + 1):
            answer = self._login("new", new)
            # Who refuses may still be taking the change over; who hangs up is dialled once more.
            settled = answer is LoginAnswer.ACCEPTED or (answer is LoginAnswer.UNREACHABLE and tries > 1)
            if settled or self.deadline.left() < self._reserve_s:
                break
            self.sleep(backoff_s(tries, base_s=0.6))
        if answer is LoginAnswer.REFUSED:
            text = "the cloud reports the change as done, and the server refuses the new secret: look at the instance"
            return self._end(Outcome.UNKNOWN, Ambiguous(text, code="LoginRefused", request_id=self._request_id))
        if answer is LoginAnswer.ACCEPTED and self.credential.old is not None:
            self._login("old", self.credential.old)
        return self._end(outcome)

    def _login(self, which: str, secret: Secret) -> LoginAnswer:
        timeout_s = max(0.3, min(3.0, (self.deadline.left() - self._reserve_s) / 3))
        answer, why = _value(lambda: self.credential.login(secret, timeout_s)), ""
        if isinstance(answer, KeyturnError):  # the cloud did not tell the address
            why = f" ({answer.code or answer.error_class.value})"
            answer = LoginAnswer.UNREACHABLE
        self._evidence.append(f"login with the {which} secret: {answer.value}{why}")
        return answer

    # --- finding out

    def _old_secret_refused(self, refused: OldSecretRefused) -> Ending:
        """A typo and a redelivery look the same: a login, if asked, then the fence probe."""
        new = self.credential.new
        if self.wishes.login and new and self._login("new", new) is LoginAnswer.ACCEPTED:
            return self._end(Outcome.ALREADY_CHANGED)
        probed = self._probe()
        if isinstance(probed, Accepted):
            # An earlier call of this very delivery may have been the one that worked.
            return self._end(Outcome.CHANGED if self._lost else Outcome.ALREADY_CHANGED)
        text = "the cloud refuses the old secret, and the new one is not in force: check the old secret"
        wrong = Refused(ErrorClass.WRONG_OLD_SECRET, text, code=refused.code, request_id=refused.request_id)
        if probed.code == refused.code:
            return self._end(Outcome.NOT_CHANGED, wrong)
        if self.wishes.unnamed_caller and not self._lost:
            text = "the cloud refuses the old secret: check it; should this be a repeat, send it with its CommandId"
            wrong = Refused(ErrorClass.WRONG_OLD_SECRET, text, code=refused.code, request_id=refused.request_id)
            return self._end(Outcome.NOT_CHANGED, wrong)
        text = "the cloud refuses the old secret, and whether the new one is in force cannot be told: try a login"
        return self._end(Outcome.UNKNOWN, Ambiguous(text, code=refused.code, request_id=refused.request_id))

    def _probe(self) -> Accepted | KeyturnError:
        for tries in range(1, _MOST_WAITS + 1):
            probed = _value(self.credential.probe)
            answer = "accepted" if isinstance(probed, Accepted) else (probed.code or probed.error_class.value)
            self._evidence.append(f"fence_probe: {answer}")
            wait_s = backoff_s(tries, base_s=0.4, most_s=3.0)
            # It can change nothing, so a lost answer is asked for again too.
            if not isinstance(probed, RetryLater | Ambiguous) or self.deadline.left() - wait_s < self._least_s:
                break
            self.sleep(wait_s)
        return probed

    def _reconcile(self, look: Look, lost: Ambiguous) -> Ending | None:
        """What happened after an ambiguous answer; None if it surely did not happen, so that it may be repeated."""
        found = _value(lambda: self.credential.reconcile(look))
        if isinstance(found, KeyturnError):
            self._evidence.append(f"reconcile: {found.code or found.error_class.value}")
            fact, task = Fact.UNKNOWN, None
        else:
            self._evidence += found.evidence
            fact, task = found.fact, found.task
        if fact is Fact.HAPPENING and task is not None:
            return self._follow(task)
        if fact is Fact.HAPPENED:
            return self._proved(Outcome.CHANGED)
        if fact is Fact.NOT_HAPPENED:
            return None
        new = self.credential.new
        if self.wishes.login and new is not None:
            answer = self._login("new", new)
            if answer is LoginAnswer.ACCEPTED:
                return self._end(Outcome.CHANGED)
            if answer is LoginAnswer.REFUSED and self.credential.immediate:
                return None
        if self.credential.fenced:
            probed = self._probe()
            if isinstance(probed, Accepted):
                return self._end(Outcome.CHANGED)
            if isinstance(probed, OldSecretRefused):
                # The fence makes a repeat safe: it works only if nothing has changed. It proves nothing by itself, for
                # a cloud may refuse a new secret that equals the old one in the same way.
                self._doubtful = True
                return None
        text = "the call got no clear answer, and nothing shows whether it had its effect: log in to find out"
        return self._end(Outcome.UNKNOWN, Ambiguous(text, code=lost.code, request_id=self._request_id))

    def _not_changed(self, error: KeyturnError) -> Ending:
        """The end of a delivery that has changed nothing, as far as it knows."""
        if not self._doubtful:
            return self._end(Outcome.NOT_CHANGED, error)
        text = "a call got no clear answer, and the repeat that would have shown its effect could not be made: "
        code = self._lost[1].code if self._lost else error.code
        lost = Ambiguous(text + "log in to find out", code=code, request_id=self._request_id)
        return self._end(Outcome.UNKNOWN, lost)

    def _gave_up(self, last: KeyturnError) -> KeyturnError:
        return _failed(last) if isinstance(last, Ambiguous) else last

    def _end(self, outcome: Outcome, error: KeyturnError | None = None) -> Ending:
        return Ending(
            outcome,
            error,
            list(self._evidence),
            self._request_id or (error.request_id if error else None),
            self._task_id,
            self._calls,
        )


def progress(follower: Follower, task: Task) -> tuple[State, list[str], KeyturnError | None]:
    """One question about a task; a question that could not be asked leaves it running."""
    answer = _value(lambda: follower.progress(task))
    if isinstance(answer, RetryLater) or (isinstance(answer, Refused) and answer.retryable):  # keys that have run out
        return State.RUNNING, [f"task: {answer.code or answer.error_class.value}"], answer
    if isinstance(answer, KeyturnError):
        why = answer.code or answer.error_class.value
        text = f"the change was accepted, and how it ended could not be read ({why}): ask for its task later"
        return State.UNPROVEN, [f"task: {why}"], Ambiguous(text, code=answer.code, request_id=answer.request_id)
    return answer.state, answer.evidence, None


def ending_of(state: State, error: KeyturnError | None, request_id: str | None) -> tuple[Outcome, KeyturnError | None]:
    """How a task's last state ends a delivery."""
    if state is State.SUCCEEDED:
        return Outcome.CHANGED, None
    if state is State.FAILED:
        text = "the cloud's task failed, nothing was changed: see the task in the console, then send it again"
        failed = Refused(ErrorClass.FAILED, text, code="TaskFailed", request_id=request_id)
        failed.retryable = True
        return Outcome.NOT_CHANGED, failed
    text = "nothing shows that the task was this change's, or how it ended: look at the instance's tasks"
    return Outcome.UNKNOWN, error or Ambiguous(text, code="TaskUnproven", request_id=request_id)


def _value(call: Callable[[], T]) -> T | KeyturnError:
    # Handled as values: an exception raised while another is handled would carry it along as its context.
    try:
        return call()
    except KeyturnError as error:
        return error


def _failed(last: KeyturnError) -> KeyturnError:
    text = "the call failed, and was proved not to have had an effect each time: send it again later"
    failed = Refused(ErrorClass.FAILED, text, code=last.code, request_id=last.request_id)
    failed.retryable = True
    return failed


def _too_late() -> KeyturnError:
    text = "not started: too little time is left to finish it; raise the function's time-out or send it again"
    return RetryLater(ErrorClass.UNAVAILABLE, text, code="TooLittleTime")
