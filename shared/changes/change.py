"""From a valid command to one true ending: look, call, find out, follow, prove.

`shared.changes.transitions` says what comes next.

Whatever fails before the call has changed nothing. After the call nothing raises, and no `not_changed` is said while
anything that was sent may still take effect.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial

from shared.changes.credential import Accepted, CredentialChange, LoginAnswer, Snapshot, StateBefore, Task, TaskState
from shared.changes.evidence import Prover, answer_of, conclusion_of, task_progress, value_or_error
from shared.changes.options import FRESH_S, ChangeOptions, ChangePorts, PendingChange
from shared.changes.settling import LostCall, Verdict, proven_by
from shared.changes.transitions import MOST_REPEATS, Answer, Facts, Phase, Step, next_step
from shared.results.outcome import SUPERSEDED, Conclusion, Outcome
from shared.runtime.backoff import backoff_s
from shared.runtime.deadline import Deadline
from shared.runtime.errors import Ambiguous, ErrorClass, KeyturnError, Refused, RetryLater
from shared.runtime.secret import Secret

_SOON_S = 15.0  # a task that is seen so soon after a lost call is taken for that call's
_MOST_VALUES = 3  # further new secrets, where a rule of the cloud's refuses those that keep the published one
_MOST_WAITS = 8  # for a lock or a throttle inside one invocation
_LEAST_S = 1.8  # a change is started only with this much time left: to call, to find out, to publish
_LOOK_S = 0.3  # what looking anew before another call takes
_RESERVE_S = 0.9  # kept back for publishing
_KEEP_S = 1.6  # kept back for the store besides, once before the call and once after
_QUICK_S = 1.2  # a task that ends within this is reported at once, without a second invocation
_FIRST_POLL_S = 0.5  # most tasks have ended by then, so that one question is enough
_LONGEST_POLL_S = 2.0


@dataclass(eq=False)
class Change:
    """One delivery of one command. `run` never raises after `called` has turned true."""

    credential: CredentialChange
    options: ChangeOptions
    deadline: Deadline
    ports: ChangePorts = field(default_factory=ChangePorts)
    called: bool = False
    password: Secret | None = None  # shown once by the cloud, for the HTTP reply alone
    _evidence: list[str] = field(default_factory=list)
    _calls: int = 0
    before: StateBefore = field(default_factory=StateBefore)  # what stood before the first call
    _sent: float = 0.0  # when the last call was sent whose answer was lost
    _signed: float = 0.0  # no call whose answer was lost was signed later
    _lost: KeyturnError | None = None
    _lost_calls: int = 0
    _repeats: int = 0
    _waits: int = 0
    _values: int = 0
    _unlisted: bool = False
    _odd: list[str] = field(default_factory=list)  # codes that no table names, of calls that may hide an effect
    _prepared: bool = False
    _looked: float = 0.0  # when, by the deadline's clock
    _seen: frozenset[int] = frozenset()  # tasks that were found to be no obstacle to a repeat
    _free: bool = False
    _request_id: str | None = None
    task: Task | None = None
    _pending: bool = False
    _old: int = -1  # which further old secret is at work; -1 for none

    def __post_init__(self) -> None:
        self._proof = Prover(self.deadline, self._reserve_s, self.ports.sleep, self._evidence)

    @property
    def _unclear(self) -> int:
        """Calls that may have had an effect, or have one yet."""
        return self._lost_calls + len(self._odd) + self._proof.lost_probes

    @property
    def _reserve_s(self) -> float:
        return _RESERVE_S + (_KEEP_S if self.options.keeps else 0.0)

    @property
    def _least_s(self) -> float:
        return _LEAST_S + (0.0 if not self.options.keeps else _KEEP_S if self.called else 2 * _KEEP_S)

    def run(self) -> Conclusion:
        """Bring the delivery to its end."""
        if self.options.finished:
            return self._look_again()
        look = self._look()
        if isinstance(look, KeyturnError):
            return self._end(Outcome.NOT_CHANGED, look)
        self._evidence += look.evidence
        self.before = self._stood(look)
        if look.in_force:
            return self._end(Outcome.ALREADY_CHANGED)
        if self.options.dry_run:
            return self._end(Outcome.NOT_CHANGED if look.obstacle else Outcome.WOULD_CHANGE, look.obstacle)
        if self._opens_already(look):
            return self._end(Outcome.ALREADY_CHANGED)
        return self._go(look)

    def _opens_already(self, look: Snapshot) -> bool:
        """Whether a login shows, before any call, that an earlier delivery has done it all."""
        if self.options.fresh or not look.other_fields_in_force or look.obstacle is not None:
            return False
        return self._opened_by(self.credential.new)

    def _look_again(self) -> Conclusion:
        """An earlier delivery did it. Whether it is so still, a login or the fence can tell."""
        new = self.credential.new
        if self.options.login and new is not None:
            answer = self._proof.login_for_long(self.credential, new)
            if answer is LoginAnswer.ACCEPTED:
                return self._end(Outcome.ALREADY_CHANGED)
            if answer is LoginAnswer.REFUSED:
                text = "an earlier delivery did it, and the server refuses its secret by now: give a new CommandId"
                return self._end(Outcome.NOT_CHANGED, Refused(ErrorClass.FAILED, text, code=SUPERSEDED))
        if self.credential.fenced:
            probed = self._proof.probe(self.credential)
            if isinstance(probed, Accepted):
                return self._end(Outcome.ALREADY_CHANGED)
            if answer_of(probed) in (Answer.OF_OLD, Answer.UNLISTED):
                text = "an earlier delivery did it, and the cloud does not take its secret for the one in force by "
                text += "now: try a login, or give a new CommandId"
                error = Ambiguous(text, code=SUPERSEDED, request_id=probed.request_id)
                return replace(self._end(Outcome.UNKNOWN, error), verified_now=False)
        if self.options.contested:
            text = "an earlier delivery did it, a later change was begun since, and nothing shows what is in force"
            return replace(self._end(Outcome.UNKNOWN, Ambiguous(text, code=SUPERSEDED)), verified_now=False)
        self._evidence.append("earlier delivery; not looked at since")
        conclusion = self._end(Outcome.ALREADY_CHANGED)
        conclusion.verified_now = False
        return conclusion

    # --- the calls

    def _go(self, look: Snapshot) -> Conclusion:
        refused: KeyturnError | None = None
        busy: KeyturnError | None = None  # what the last call was answered
        last: KeyturnError | None = look.obstacle
        while True:
            if last is not None:  # locked or throttled: wait, then look anew
                if not isinstance(last, RetryLater):
                    return self._close(Phase.CALL, Answer.REFUSED, last)
                self._waits += 1
                wait_s = min(
                    backoff_s(self._waits, base_s=0.4, most_s=5.0), self.deadline.left() - self._least_s - _LOOK_S
                )
                if self._waits > _MOST_WAITS or wait_s <= 0:
                    return self._close(Phase.OVER, Answer.LATER, last)
                refused = last
                self.ports.sleep(wait_s)
                fresh = self._look()
                if isinstance(fresh, KeyturnError):
                    return self._close(Phase.OVER, Answer.LATER, fresh)
                self._doubt(busy, fresh)
                busy = None
                look, last = fresh, fresh.obstacle
                if last is None and self._lost is not None and fresh.tasks - self.before.tasks - self._seen:
                    # Something began since: a call of ours that was slow to arrive, or somebody else's.
                    self._seen |= fresh.tasks
                    found = self._find(goes_on=True)
                    if found is not Answer.NOTHING:
                        last, conclusion = self._after(self._step(Phase.FIND, found), self._lost)
                        if conclusion is not None:
                            return conclusion
                continue
            if self.deadline.left() < self._least_s:
                return self._close(Phase.OVER, Answer.LATER, refused or _too_late())
            if isinstance(stale := self._fresh(look), KeyturnError):
                return self._close(Phase.CALL, Answer.REFUSED, stale)
            look = stale
            if look.obstacle is not None:
                last = look.obstacle
                continue
            if not self._prepared and self.ports.prepare is not None:
                kept = value_or_error(self.ports.prepare)
                if isinstance(kept, KeyturnError):
                    return self._close(Phase.CALL, Answer.REFUSED, kept)
                if self.deadline.left() < _LEAST_S:  # the store was slow
                    return self._close(Phase.OVER, Answer.LATER, _too_late())
                self._prepared = True
                continue
            last, conclusion = self._call(look)
            if conclusion is not None:
                return conclusion
            busy = last

    def _doubt(self, refused: KeyturnError | None, fresh: Snapshot) -> None:
        """A request may arrive twice: then the second is refused as busy, by what the first began."""
        asked = refused is not None and refused.error_class is ErrorClass.BUSY and self.credential.can_reconcile
        if refused is None or not asked or not fresh.tasks - self.before.tasks:
            return
        reading = value_or_error(lambda: self.credential.observe(self.before))
        if isinstance(reading, KeyturnError) or reading.ours:
            self._odd.append(refused.code or "")
            self._signed = self.ports.clock()

    def _stood(self, look: Snapshot) -> StateBefore:
        return StateBefore(look.tasks, look.time, self.credential.asked, self.credential.new is not None)

    def _look(self) -> Snapshot | KeyturnError:
        self._looked = self.deadline.clock()
        return value_or_error(lambda: self.credential.snapshot(thorough=self.options.dry_run))

    def _fresh(self, look: Snapshot) -> Snapshot | KeyturnError:
        """The look that allows a call: at store and account, and not long ago."""
        if self.ports.recheck is not None:
            checked = value_or_error(self.ports.recheck)
            if isinstance(checked, KeyturnError):
                return checked
        return look if self.deadline.clock() - self._looked < FRESH_S else self._look()

    def _call(self, look: Snapshot) -> tuple[RetryLater | None, Conclusion | None]:
        """One call, and what follows it: an ending, or why to wait before the next; neither: call at once."""
        if not self._unclear:
            self.before = self._stood(look)
        self.called = True
        self._calls += 1
        sent = self.ports.clock()
        answer = value_or_error(lambda: self.credential.change(look))
        if isinstance(answer, Accepted):
            self._tell_which()
            return None, self._accepted(answer)
        self._request_id = answer.request_id or self._request_id
        self._evidence.append(f"call {self._calls}: {answer.code or answer.error_class.value}")
        said = answer_of(answer)
        if said is Answer.OF_OLD and not self.credential.fenced:
            said = Answer.LOST  # nothing was said of an old secret: what the code means here no table tells
        self._unlisted = said is Answer.UNLISTED
        if said is Answer.UNLISTED and self.credential.fenced:
            self._odd.append(answer.code or "")
            self._signed = self.ports.clock()
        elif said in (Answer.LOST, Answer.UNLISTED):
            said = Answer.LOST
            self._signed, self._lost, self._sent = self.ports.clock(), answer, sent
            self._lost_calls += 1
        return self._after(self._step(Phase.CALL, said), answer)

    def _after(self, step: Step, answer: KeyturnError) -> tuple[RetryLater | None, Conclusion | None]:
        """What the table says, until it is an end, a wait or another call. `answer`: the last call's."""
        while True:
            if step is Step.WAIT and isinstance(answer, RetryLater):
                return answer, None
            if step is Step.NEXT_OLD:
                if isinstance(failed := self._next_old(), KeyturnError):
                    return None, self._close(Phase.CALL, Answer.REFUSED, failed)
                if failed is None:
                    return None, None
                step = Step.PROBE
            if step is Step.NEXT_VALUE:
                assert self.ports.another_value is not None  # noqa: S101 - the table asks for it only where it is
                self._values += 1
                made = value_or_error(self.ports.another_value)
                if isinstance(made, KeyturnError):
                    return None, self._close(Phase.CALL, Answer.REFUSED, made)
                self.credential = made
                return None, None
            if step is Step.CALL:
                self._repeats += 1
                kept = value_or_error(self.ports.before_repeat) if self.ports.before_repeat is not None else None
                if isinstance(kept, KeyturnError):
                    return None, self._close(Phase.OVER, Answer.LATER, kept)
                text = "the call got no clear answer, and the time is over: send the command again"
                return RetryLater(ErrorClass.UNAVAILABLE, text, code=answer.code, request_id=answer.request_id), None
            if step is Step.FIND_AGAIN:
                wait_s = min(_LONGEST_POLL_S, self.deadline.left() - self._least_s)
                if wait_s <= 0:
                    return None, self._close(Phase.OVER, Answer.RUNNING, answer)
                self.ports.sleep(wait_s)
            if step in (Step.FIND, Step.FIND_AGAIN):
                step = self._step(Phase.FIND, self._find())
            elif step is Step.PROBE:
                step = self._step(Phase.PROBE, self._after_refusal(answer))
            else:
                return None, self._ending(step, answer)

    def _next_old(self) -> KeyturnError | bool | None:
        """Go on with the next old secret that was not tried yet; True: there is none."""
        while self._old + 1 < self.ports.olds and self.ports.old_at is not None:
            self._old += 1
            old_at, index = self.ports.old_at, self._old
            found = value_or_error(partial(old_at, index))
            if isinstance(found, KeyturnError):
                return found
            if found is not None:
                self.credential = found
                return None
        return True

    def _facts(self) -> Facts:
        return Facts(
            fenced=self.credential.fenced,
            repeatable=self.credential.repeatable,
            settles=self.credential.can_reconcile and self.ports.hand_on is not None and self.ports.settles,
            lost=self._lost_calls,
            odd=len(self._odd),
            repeats=self._repeats,
            pending=self._pending,
            unnamed=self.options.unnamed_caller,
            olds_left=self._old + 1 < self.ports.olds,
            values_left=self.ports.another_value is not None and self._values < _MOST_VALUES,
            free=self._free,
            unlisted=self._unlisted and len(set(self._odd)) == 1,
            quiet=self._free,
        )

    def _step(self, at: Phase, answer: Answer) -> Step:
        return next_step(at, answer, self._facts())

    def _close(self, at: Phase, answer: Answer, error: KeyturnError) -> Conclusion:
        return self._ending(self._step(at, answer), error)

    def _ending(self, step: Step, error: KeyturnError) -> Conclusion:
        """The end that the table names. `error`: what the last call, or the way to it, was answered."""
        if step is Step.CHANGED:
            return self._proved(Outcome.CHANGED)
        if step is Step.ALREADY:
            return self._proved(Outcome.ALREADY_CHANGED)
        if step is Step.AS_REFUSED:
            return self._end(Outcome.NOT_CHANGED, error)
        if step is Step.TASK_FAILED:
            return self._end(*conclusion_of(TaskState.FAILED, None, self._request_id))
        if step is Step.WRONG_OLD:
            text = "the cloud refuses the old secret: check it; should this be a repeat, send it with its CommandId"
            if not self.options.unnamed_caller:
                text = "the cloud refuses the old secret, and does not take the new one for it: check the old one"
            wrong = Refused(ErrorClass.WRONG_OLD_SECRET, text, code=error.code, request_id=error.request_id)
            return self._end(Outcome.NOT_CHANGED, wrong)
        if step is Step.REFUSED_TWICE:
            text = f"the cloud refuses the change with {error.code}, twice: see its page for the code"
            refused = Refused(ErrorClass.FAILED, text, code=error.code, request_id=error.request_id)
            return self._end(Outcome.NOT_CHANGED, refused)
        if step is Step.SETTLE and self.ports.hand_on is not None:
            if self.before.secret and self._lost is not None and self._find(last=True) is Answer.IN_FORCE:
                return self._proved(Outcome.CHANGED)
            pending = self._end(Outcome.PENDING)
            signed = self._signed or self.ports.clock()
            before = replace(self.before, calls=self._unclear)
            if self.ports.hand_on(PendingChange(pending, before, settling=LostCall(signed, before))):
                return pending
            self._evidence.append("follow_change: not reached")
        code = self._lost.code if self._lost else error.code
        text = "the call got no clear answer, and nothing shows whether it had its effect: log in to find out"
        if self._lost is None:
            text = "the cloud refuses the change, and whether the new secret is in force cannot be told: try a login"
        return self._end(Outcome.UNKNOWN, Ambiguous(text, code=code, request_id=self._request_id))

    def _tell_which(self) -> None:
        """The old secret that the fence accepted was in force: should the change fail now, it still is."""
        if self._old >= 0 and self.ports.old_in_force is not None:
            index, in_force = self._old, self.ports.old_in_force
            done = value_or_error(lambda: in_force(index))
            self._evidence += [f"store: {done.code}"] if isinstance(done, KeyturnError) else done

    # --- following what was accepted

    def _accepted(self, accepted: Accepted) -> Conclusion:
        self._request_id = accepted.request_id
        self.password = accepted.password
        self._evidence += accepted.evidence
        if accepted.task is None:
            return self._proved(Outcome.CHANGED)
        self.task = task = accepted.task
        whole_s = self.deadline.left() - self._reserve_s
        hand_on = self.ports.hand_on
        # A login needs the secret, which no message carries on: wait for the task here as long as it goes.
        conclusion = self._poll(task, whole_s if hand_on is None or self.options.login else min(_QUICK_S, whole_s))
        if conclusion is not None:
            return conclusion
        if hand_on is not None:
            pending = self._end(Outcome.PENDING)
            if hand_on(PendingChange(pending, self.before, task, unclear=self._lost_calls + len(self._odd) > 0)):
                return pending
            self._evidence.append("follow_change: not reached, waited here instead")
            conclusion = self._poll(task, self.deadline.left() - self._reserve_s)
            if conclusion is not None:
                return conclusion
        named = f"task {task.task_id}" if task.task_id is not None else "the account's status"
        text = f"the cloud accepted the change, and {named} did not end within this invocation: ask for it later"
        return self._end(Outcome.UNKNOWN, Ambiguous(text, code="TaskNotEnded", request_id=self._request_id))

    def _poll(self, task: Task, for_s: float) -> Conclusion | None:
        until = self.deadline.left() - for_s
        wait_s = _FIRST_POLL_S
        while True:
            wait_s = min(wait_s, self.deadline.left() - until)
            if wait_s <= 0:
                return None
            self.ports.sleep(wait_s)
            wait_s = min(_LONGEST_POLL_S, wait_s * 1.5)
            state, evidence, error = task_progress(self.credential, task)
            if state is TaskState.RUNNING:
                continue
            self._evidence += evidence
            if state is TaskState.SUCCEEDED:
                return self._proved(Outcome.CHANGED)
            if self._lost is not None:
                return self._close(Phase.TASK, Answer(state.value), self._lost)
            return self._end(*conclusion_of(state, error, self._request_id))

    # --- proof

    def _proved(self, outcome: Outcome) -> Conclusion:
        """The cloud says that it is so; with `Login` its server must say so too."""
        new = self.password or self.credential.new
        if not self.options.login or new is None:
            return self._end(outcome)
        answer = self._proof.login_for_long(self.credential, new)
        if answer is LoginAnswer.REFUSED:
            text = "the cloud reports the change as done, and the server refuses the new secret: look at the instance"
            return self._end(Outcome.UNKNOWN, Ambiguous(text, code="LoginRefused", request_id=self._request_id))
        if answer is LoginAnswer.ACCEPTED and self.credential.old is not None:
            self._proof.login(self.credential, "old", self.credential.old)
        return self._end(outcome)

    def still(self) -> bool | None:
        """Whether this change's secret is the last that was set, as far as anything can tell. Never raises."""
        if self.deadline.left() < self._reserve_s:
            return None
        if self.task is not None:
            task, before = self.task, self.before
            overtaken = value_or_error(lambda: self.credential.newer_change_exists(task, before))
            if isinstance(overtaken, bool):
                return not overtaken
        new = self.password or self.credential.new
        if self.credential.fenced and isinstance(self._proof.probe(self.credential), Accepted):
            return True
        if self.options.login and new is not None:
            return {LoginAnswer.ACCEPTED: True, LoginAnswer.REFUSED: False}.get(
                self._proof.login(self.credential, "new", new)
            )
        return None

    def _opened_by(self, new: Secret | None) -> bool:
        """Whether a login, where one is asked for, shows the secret in force."""
        if not self.options.login or new is None:
            return False
        return self._proof.login(self.credential, "new", new) is LoginAnswer.ACCEPTED

    # --- finding out

    def _find(self, *, goes_on: bool = False, last: bool = False) -> Answer:
        """What reads, and a login where it is asked for, show of a call whose answer was lost.

        `goes_on`: another call is about to be made. `last`: none will be.
        """
        before = replace(self.before, calls=self._unclear)
        reading = value_or_error(lambda: self.credential.observe(before))
        new = self.credential.new
        if (
            self.options.login
            and new is not None
            and self._proof.login(self.credential, "new", new) is LoginAnswer.ACCEPTED
        ):
            return Answer.IN_FORCE
        if isinstance(reading, KeyturnError):
            self._evidence.append(f"read: {reading.code or reading.error_class.value}")
            return Answer.UNREADABLE if self.credential.can_reconcile else Answer.NOTHING
        self._evidence += [line for line in reading.evidence if line not in self._evidence]
        if self.ports.clock() - self._sent <= _SOON_S:
            self.before = replace(self.before, soon=self.before.soon | frozenset(reading.ours))
            before = replace(before, soon=self.before.soon)
        if reading.running:
            return Answer.RUNNING
        verdict = proven_by(before, reading)
        if verdict is Verdict.THEIRS:
            return Answer.THEIRS
        # A task that looks like ours may be another delivery's: the repeat's own answer is the better proof.
        again = (self.credential.repeatable and self._repeats < MOST_REPEATS and before.secret) or goes_on
        again = again and not last
        return Answer.IN_FORCE if verdict is Verdict.IN_FORCE and not again else Answer.NOTHING

    def _after_refusal(self, refused: KeyturnError) -> Answer:
        """A typo and a redelivery look the same: a login, if asked, then the fence probe."""
        new = self.credential.new
        if self._opened_by(new):
            return Answer.ACCEPTED
        # A service that is busy refuses both alike: between them it must be seen at rest.
        look = value_or_error(lambda: self.credential.snapshot(thorough=True))
        self._free = isinstance(look, Snapshot) and look.obstacle is None
        self._pending = self.ports.pending is not None and self.ports.pending()
        probed = self._proof.probe(self.credential)
        if isinstance(probed, Accepted):
            return Answer.ACCEPTED
        if answer_of(probed) is Answer.LOST:
            self._signed = self.ports.clock()
        elif answer_of(probed) in (Answer.OF_OLD, Answer.UNLISTED):
            self.before = replace(self.before, denied=True)
        same = probed.code == refused.code and answer_of(probed) is answer_of(refused)
        return Answer.SAME if same else Answer.OTHER

    def _end(self, outcome: Outcome, error: KeyturnError | None = None) -> Conclusion:
        return Conclusion(
            outcome,
            error,
            list(self._evidence),
            self._request_id or (error.request_id if error else None),
            self.task.task_id if self.task else None,
            self._calls,
        )


def _too_late() -> KeyturnError:
    text = "not started: too little time is left to finish it; raise the function's time-out or send it again"
    return RetryLater(ErrorClass.UNAVAILABLE, text, code="TooLittleTime")
