"""Following: a pending change is brought to its end by what can be read of it.

A batch's changes are asked for together, one question each in turn, so that many cost the time of one.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from shared.changes.credential import Follower, LoginAnswer, StateBefore, Task, TaskState
from shared.changes.evidence import conclusion_of, task_progress
from shared.changes.settling import SETTLING_S, LostCall, Verdict, settle
from shared.commands.command import parse_model
from shared.commands.store_reference import parse_ref
from shared.handlers.access import access_to, store_of
from shared.handlers.entry import Handled, Request, handle, refused_result
from shared.handlers.follow_message import FIELDS, FUNCTION, FollowChange, follow_command, seconds
from shared.results.outcome import SUPERSEDED, CommandContext, Conclusion, Outcome, Stage, StoredSecret, Subject
from shared.results.result_event import result_event
from shared.runtime.cloud_access import CloudAccess
from shared.runtime.errors import Ambiguous, ErrorClass, KeyturnError, Refused
from shared.runtime.secret import Secret
from shared.runtime.settings import is_allowed
from shared.runtime.times import now_text
from shared.runtime.tracing import trace_id
from shared.stores.resolving import AlternatingSecret
from shared.stores.store import Store
from shared.stores.write_ahead import not_promoted, promote
from shared.triggers import Message, Trigger

log = logging.getLogger("keyturn")

_GIVE_UP_S = 1800.0  # after its start a change that still runs is no longer waited for
_OLDEST_S = 7200.0  # a message about a change that began so long ago is not acted on
_MOST_HOPS = 1000
_SKEW_S = 300.0  # between the cloud's clock and ours, as far as its signatures allow
_WAIT_HERE_S = 4.0  # where the queue can hold a message back, or others wait in its batch
_WAIT_HERE_UNDELAYED_S = 30.0  # where it cannot, so that a message does not spin
_KEPT_BACK_S = 10.0  # of the deadline, of one that waits for its time here
_POLL_S = 0.5
_RESERVE_S = 1.5
_LONGEST_DELAY_S = 30.0


@dataclass
class _Following:
    """One pending change in this invocation."""

    index: int
    message: Message
    origin: CommandContext
    command: FollowChange
    follower: Follower | None  # None: the change is proven
    conclusion: Conclusion
    site: str
    settling: LostCall | None = None
    store: Store | None = None
    secret: Secret | None = None  # of the store, for a login
    proven: bool = False
    login: LoginAnswer | None = None  # what the server answered
    ours: bool = True  # False: nobody signed it, and the cloud does not show what it says
    again_s: float = 0.0  # no use in asking again sooner
    last: KeyturnError | None = None  # why it could not be asked, or promoted, this time

    @property
    def task(self) -> Task:
        return Task(self.command.task_id)

    @property
    def before(self) -> StateBefore:
        return self.command.before.before if self.command.before else StateBefore()


@dataclass(frozen=True)
class Following:
    """The work of follow_change; `followers` builds the reader for a cloud and service."""

    followers: Mapping[tuple[str, str], Callable[[CloudAccess, Subject], Follower]]
    rights: tuple[str, ...] = field(default=())
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.time

    def __call__(self, event: object, context: object) -> Any:
        """The entry point of both runtimes."""
        return handle(self, event, context)

    @property
    def function(self) -> str:
        return FUNCTION

    @property
    def fields(self) -> Collection[str]:
        return frozenset({"TaskId", "Operation", "StartedAt", "Resource"})

    @property
    def name(self) -> str:
        return FUNCTION

    @property
    def unknown_subject(self) -> Subject:
        return Subject("-", "-", "-")

    def process(self, request: Request) -> list[Handled]:
        reports: dict[int, Handled] = {}
        going: list[_Following] = []
        for index, message in enumerate(request.delivery.messages):
            started = self._start(request, index, message)
            if isinstance(started, _Following):
                going.append(started)
            else:
                reports[index] = started
        can_delay = request.publisher.longest_delay_s(FUNCTION) > 0
        here_s = _WAIT_HERE_S if can_delay or len(going) > 1 else _WAIT_HERE_UNDELAYED_S
        going = self._ask(request, going, here_s, reports)
        stuck = [one for one in going if not self._hand_on(request, one, reports)]
        for one in self._ask(request, stuck, request.invocation.deadline.left(), reports):
            text = "the change is still pending, and no message could carry it on: ask for the task later"
            reports[one.index] = self._end(request, one, Outcome.UNKNOWN, Ambiguous(text, code="NotHandedOn"))
        return [reports[index] for index in range(len(request.delivery.messages))]

    # --- whose message it is

    def _start(self, request: Request, index: int, message: Message) -> _Following | Handled:
        if request.delivery.trigger is Trigger.HTTP:
            text = "follow_change takes keyturn's own messages from its queue alone: send a command to its function"
            return self._refused(request, message, Refused(ErrorClass.INVALID_COMMAND, text))
        if request.is_for_another_function(message, FUNCTION):
            return Handled(None)
        if request.delivery.trigger is not Trigger.QUEUE:
            message = replace(message, authentic=False, type=None)
        keyed = bool(request.invocation.settings.handoff_keys)
        ours = message.authentic if keyed else message.type == f"keyturn.command.{FUNCTION}"
        command: FollowChange | None = None
        if ours and message.problem is None:
            try:
                command = parse_model(FollowChange, message.data, FIELDS)
            except Refused as refused:
                if keyed:  # of another version of keyturn: what it was about is not known
                    log.error("%s", json.dumps({"event": "unread", "why": refused.message[:500]}))
        if command is None or not (keyed or _verifiable(command)):
            return _left(message)
        return self._followed(request, index, message, command)

    def _followed(self, request: Request, index: int, message: Message, command: FollowChange) -> _Following | Handled:
        subject = Subject(command.cloud, command.region, command.service, command.resource, command.account)
        origin = CommandContext(
            subject,
            command.operation,
            command.command_id,
            command.started_at,
            command.attempts,
            False,
            command.actor,
            command.reason,
            message.traceparent,
            message.tracestate,
        )
        evidence = list(command.evidence) if message.authentic else []
        pending = Conclusion(Outcome.PENDING, None, evidence, command.request_id, command.task_id)
        one = _Following(index, message, origin, command, None, pending, command.site, proven=command.proven)
        one.settling = command.settling_of()
        pending.sealed = command.sealed
        if command.store is not None:
            kept = command.store
            pending.stored = StoredSecret(kept.name, kept.version, Stage.PENDING.value, kept.region, kept.current)
        try:
            if self.clock() - seconds(command.started_at) > _OLDEST_S:
                raise Ambiguous(
                    "the change began more than two hours ago and was not followed: look at it", code="TooOld"
                )
            if not is_allowed(request.invocation.settings.allow, subject.name):
                raise Ambiguous("KEYTURN_ALLOW does not name this credential, nothing was asked", code="Forbidden")
            access = access_to(request.invocation, command.cloud, command.site)
            make = self.followers.get((command.cloud, command.service))
            if make is not None:
                one.follower = make(access, subject)
            elif not command.proven:
                raise Ambiguous(f"{command.service} of {command.cloud} has no tasks to follow", code="NotFollowed")
            one.store = self._store(request, command)
        except KeyturnError as error:
            failed = error
        except ImportError:  # a package carries only the clouds of its own operations
            missing = f"this package cannot follow {command.cloud}: deploy follow_change beside that cloud's operations"
            failed = Ambiguous(missing, code="NotPackaged")
        else:
            return one
        if failed.retryable:
            one.last = failed
            return one
        one.ours = message.authentic
        return self._end(request, one, Outcome.UNKNOWN, _unknown(failed))

    def _store(self, request: Request, command: FollowChange) -> Store | None:
        if command.store is None:
            return None
        try:
            ref = parse_ref(command.store.name)
        except ValueError as error:
            rule = str(error)
        else:
            return store_of(request.invocation, ref, command.store.region, command.site)
        raise Refused(ErrorClass.INVALID_COMMAND, f"Store.Name: {rule}")

    # --- asking

    def _ask(
        self, request: Request, going: list[_Following], for_s: float, reports: dict[int, Handled]
    ) -> list[_Following]:
        """Ask for each in turn until all have ended or the time is over; what still runs is returned."""
        deadline = request.invocation.deadline
        until = deadline.left() - min(for_s, deadline.left() - _RESERVE_S)
        while going:
            still = []
            for one in going:
                if deadline.left() < _RESERVE_S:
                    still.append(one)
                    continue
                ended = self._ended(request, one)
                if ended is None and self._too_old(one):
                    ended = _given_up(one)
                if ended is None:
                    still.append(one)
                else:
                    reports[one.index] = self._end(request, one, *ended)
            going = still
            wait_s = max(_POLL_S, min((one.again_s for one in going), default=0.0))
            if not going or deadline.left() - wait_s < until:
                break
            self.sleep(wait_s)
        return going

    def _ended(self, request: Request, one: _Following) -> tuple[Outcome, KeyturnError | None] | None:
        """One question, and what it ends; None: it goes on. Never raises."""
        one.again_s = 0.0
        try:
            if one.follower is None and not one.proven:
                raise one.last or Ambiguous("the change cannot be asked for", code="NotFollowed")
            if not one.proven:
                ended = self._settled(request, one) if one.settling is not None else self._progress(one)
                if ended is None or ended[0] is not Outcome.CHANGED:
                    return ended
                refused = self._login(request, one)
                if refused is not None:
                    return refused
                one.proven = True
            elif (ended := self._overtaken(one) or self._login(request, one)) is not None:
                return ended  # since it was proven another change was made
            if one.store is not None and one.conclusion.stored is not None:
                kept = one.conclusion.stored
                one.conclusion.evidence += promote(one.store, kept.version, lambda: self._still(one), (), kept.current)
                one.conclusion.stored = replace(kept, stage=Stage.CURRENT.value)
        except KeyturnError as error:
            one.last = error
            if error.retryable:  # or keys that have run out: the next invocation has fresh ones
                return None
            if one.proven and one.conclusion.stored is not None:
                return Outcome.UNKNOWN, not_promoted(one.conclusion.stored.name, one.conclusion.stored.version, error)
            return Outcome.UNKNOWN, _unknown(error)
        return Outcome.CHANGED, None

    def _progress(self, one: _Following) -> tuple[Outcome, KeyturnError | None] | None:
        assert one.follower is not None  # noqa: S101 - the caller's rule
        state, evidence, error = task_progress(one.follower, one.task)
        one.last = error
        if state is TaskState.RUNNING:
            return None
        one.conclusion.evidence += evidence
        if not one.message.authentic and (state is TaskState.UNPROVEN or not self._begun_since(one)):
            one.ours = False
        if state is TaskState.SUCCEEDED and (overtaken := self._overtaken(one)) is not None:
            return overtaken
        if state is TaskState.FAILED and one.command.unclear:
            text = "the cloud's task failed, and an earlier call of this change may have worked: log in to find out"
            return Outcome.UNKNOWN, Ambiguous(text, code="TaskFailed", request_id=one.conclusion.request_id)
        return conclusion_of(state, error, one.conclusion.request_id)

    def _overtaken(self, one: _Following) -> tuple[Outcome, KeyturnError | None] | None:
        if (
            one.follower is None
            or one.command.task_id is None
            or not one.follower.newer_change_exists(one.task, one.before)
        ):
            return None
        text = "the change was made, and another one began after it: what is in force is not known"
        return Outcome.UNKNOWN, Ambiguous(text, code=SUPERSEDED, request_id=one.conclusion.request_id)

    def _begun_since(self, one: _Following) -> bool:
        """Whether the cloud shows a task that sets a secret, begun after the change did: nobody signed the message."""
        assert one.follower is not None  # noqa: S101 - the caller's rule
        at = one.follower.began_at(one.task)
        return at is not None and at >= seconds(one.command.started_at) - _SKEW_S

    def _settled(self, request: Request, one: _Following) -> tuple[Outcome, KeyturnError | None] | None:
        assert one.follower is not None and one.settling is not None  # noqa: S101 - the caller's rule
        reading = one.follower.observe(one.settling.before)
        step = settle(one.settling, reading, self.clock(), SETTLING_S[one.command.cloud])
        if step.verdict is Verdict.WAIT:
            one.settling = replace(one.settling, quiet=step.quiet)
            one.again_s = step.again_s
            return None
        one.conclusion.evidence += [line for line in reading.evidence if line not in one.conclusion.evidence]
        one.conclusion.evidence.append(f"settled by reads: {step.verdict.value}")
        if step.verdict is Verdict.IN_FORCE:
            return Outcome.CHANGED, None
        if step.verdict is Verdict.NOT_HAPPENED and one.command.refused is not None:
            return Outcome.NOT_CHANGED, one.command.refused.error
        if step.verdict is Verdict.NOT_HAPPENED:
            text = "the call got no answer, and the cloud shows that it did nothing and can do nothing any more: "
            failed = Refused(ErrorClass.FAILED, text + "send it again", code="NotHappened")
            failed.retryable = True
            return Outcome.NOT_CHANGED, failed
        if one.command.login and self._opens(request, one) is LoginAnswer.ACCEPTED:
            return Outcome.CHANGED, None
        if step.verdict is Verdict.THEIRS:
            text = "the call got no answer, and another change was seen since: what is in force is not known"
            return Outcome.UNKNOWN, Ambiguous(text, code=SUPERSEDED, request_id=one.conclusion.request_id)
        text = (
            "the call got no answer, and nothing that can be read shows whether it had its effect: log in to find out"
        )
        return Outcome.UNKNOWN, Ambiguous(text, code="NotSettled", request_id=one.conclusion.request_id)

    def _opens(self, request: Request, one: _Following) -> LoginAnswer | None:
        """The login that the command asks for, with the secret that the store holds; None: nobody knows it any more."""
        if one.login is not None:
            return one.login
        secret = self._secret(one)
        if secret is None or one.follower is None:
            one.conclusion.evidence.append("login: not made")
            return None
        timeout_s = max(0.3, min(3.0, request.invocation.deadline.left() / 3))
        answer = one.follower.login(secret, timeout_s)
        while answer is LoginAnswer.REFUSED and request.invocation.deadline.left() > _KEPT_BACK_S:
            self.sleep(1.0)
            answer = one.follower.login(secret, timeout_s)
        one.conclusion.evidence.append(f"login with the new secret: {answer.value}")
        one.login = answer
        return answer

    def _login(self, request: Request, one: _Following) -> tuple[Outcome, KeyturnError | None] | None:
        """How the change ends where the login that the command asks for is refused."""
        if not one.command.login or self._opens(request, one) is not LoginAnswer.REFUSED:
            return None
        text = "the cloud reports the change as done, and the server refuses the new secret: look at the instance"
        return Outcome.UNKNOWN, Ambiguous(text, code="LoginRefused", request_id=one.conclusion.request_id)

    def _secret(self, one: _Following) -> Secret | None:
        if one.store is None or one.command.store is None:
            return None
        if one.secret is None:
            kept = one.store.read(one.command.store.version)
            turn = AlternatingSecret.unpack(kept)
            one.secret = turn.password if turn is not None and turn.account == one.command.account else kept
        return one.secret

    def _still(self, one: _Following) -> bool:
        if one.follower is None or one.command.task_id is None:
            return False
        try:
            overtaken = one.follower.newer_change_exists(one.task, one.before)
        except KeyturnError:
            return False
        return overtaken is False  # what nothing shows may be another change's by now

    def _too_old(self, one: _Following) -> bool:
        return self.clock() - seconds(one.command.started_at) > _GIVE_UP_S

    # --- handing on and ending

    def _hand_on(self, request: Request, one: _Following, reports: dict[int, Handled]) -> bool:
        hop = one.message.hop + 1
        if hop > _MOST_HOPS:
            error = Ambiguous("the change was followed over 1,000 hops and is still pending", code="TooManyHops")
            reports[one.index] = self._end(request, one, Outcome.UNKNOWN, error)
            return True
        command = follow_command(
            one.origin,
            one.conclusion,
            site=one.site,
            delay_s=max(one.again_s, min(_LONGEST_DELAY_S, 2.0 * hop)),
            login=one.command.login,
            task=one.task,
            before=one.before if one.command.before else None,
            settling=one.settling,
            refused=one.command.refused.error if one.command.refused else None,
            unclear=one.command.unclear,
            proven=one.proven,
            hop=hop,
        )
        if not request.publisher.send_command(command):
            return False
        reports[one.index] = Handled(None, handed=True)
        return True

    def _end(self, request: Request, one: _Following, outcome: Outcome, error: KeyturnError | None) -> Handled:
        if not one.ours:
            return _left(one.message)
        one.conclusion.outcome, one.conclusion.error = outcome, error
        kept = one.conclusion.stored
        if kept is not None and kept.stage == Stage.PENDING.value:
            one.conclusion.evidence.append(f"store: version {kept.version} left pending")
        event = result_event(one.origin, one.conclusion)
        # This invocation only reads: if nothing of it can be published, its repeat is wanted.
        return Handled(event, request.publish(event, request.began))

    def _refused(self, request: Request, message: Message, error: KeyturnError) -> Handled:
        event = refused_result(self, request, message, error)
        return Handled(event, request.publish(event, request.began))

    def origin(self, request: Request, message: Message) -> CommandContext:
        """Of a message that is not followed: it is named by itself alone, never by what it says of a change."""
        return CommandContext(
            self.unknown_subject, FUNCTION, message.command_id, now_text(), traceparent=message.traceparent
        )


def _left(message: Message) -> Handled:
    """A message that is not keyturn's own, for all that is known: it has no result."""
    log.warning("%s", json.dumps({"event": "not_ours", "trace_id": trace_id(message.traceparent)}))
    return Handled(None)


def _verifiable(command: FollowChange) -> bool:
    """Whether the cloud itself can show what the message says, so that it may be acted on though nobody signed it."""
    plain = command.store is None and command.settling is None and not command.proven and command.sealed is None
    return plain and command.service == "redis" and command.task_id is not None


def _unknown(error: KeyturnError) -> KeyturnError:
    if isinstance(error, Ambiguous):
        return error
    why = error.code or error.error_class.value
    text = f"how the change ended could not be read ({why}): look at the instance's tasks"
    return Ambiguous(text, code=error.code or why, request_id=error.request_id)


def _given_up(one: _Following) -> tuple[Outcome, KeyturnError]:
    """What is true after 30 minutes: of the change where it has not ended, else of its store."""
    kept = one.conclusion.stored
    if one.proven and kept is not None and one.last is not None:
        return Outcome.UNKNOWN, not_promoted(kept.name, kept.version, one.last)
    if one.last is not None and one.settling is not None:
        return Outcome.UNKNOWN, _unknown(one.last)
    text = "the change was accepted and did not end within 30 minutes: look at the instance's tasks"
    return Outcome.UNKNOWN, Ambiguous(text, code="TaskNotEnded", request_id=one.conclusion.request_id)
