"""The handler of follow_change: it reads pending changes until they end, and publishes their results.

It reads the changes of a batch in turn, once each and over again, so that many take as long as one.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any

from shared.commands.parsing import parse_model
from shared.commands.store_reference import parse_ref
from shared.handlers.access import access_to, check_role, store_of
from shared.handlers.adapters import as_role
from shared.handlers.declaration import Operation
from shared.handlers.entry import handle
from shared.handlers.follow_message import FIELDS, FUNCTION, FollowChange, follow_command, seconds
from shared.handlers.followed_change import Clocks, Ended, FollowedChange, unreadable
from shared.handlers.request import Handled, Request, refused_result
from shared.results.outcome import CommandContext, Conclusion, Outcome, Stage, StoredSecret, Subject
from shared.results.result_event import result_event
from shared.runtime.cloud_access import CloudAccess
from shared.runtime.errors import Ambiguous, ErrorClass, KeyturnError, Refused
from shared.runtime.message_signing import COMMAND_TYPE
from shared.runtime.settings import is_allowed
from shared.runtime.times import now_text
from shared.runtime.tracing import trace_id
from shared.stores.store import Store
from shared.triggers import Message, Trigger

log = logging.getLogger("keyturn")

_OLDEST_S = 7200.0  # follow_change does not act on a change that began longer ago
_MOST_HOPS = 1000
_WAIT_HERE_S = 4.0  # if the queue can delay a message, or the batch has others
_WAIT_HERE_UNDELAYED_S = 30.0  # if it cannot, so that a message does not come back at once
_POLL_S = 0.5
_RESERVE_S = 1.5
_LONGEST_DELAY_S = 30.0


@dataclass(frozen=True)
class FollowChangeHandler:
    """The handler of follow_change; `load` gives the declaration of the operation that a message names."""

    load: Callable[[str], Operation[Any]]
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.time

    def __call__(self, event: object, context: object) -> Any:
        """The entry point of both runtimes."""
        return handle(self, event, context)

    @property
    def function(self) -> str:
        return FUNCTION

    @property
    def action(self) -> str:
        return FUNCTION

    @property
    def fields(self) -> Collection[str]:
        return frozenset({"TaskId", "Operation", "StartedAt", "Resource"})

    @property
    def unknown_subject(self) -> Subject:
        return Subject("-", "-", "-")

    def context_of(self, request: Request, message: Message) -> CommandContext:
        """The context of a message that is not followed: its own id, and nothing that it claims about a change."""
        return CommandContext(
            self.unknown_subject,
            FUNCTION,
            message.command_id,
            now_text(),
            traceparent=message.traceparent,
            tracestate=message.tracestate,
        )

    def process(self, request: Request) -> list[Handled]:
        clocks = Clocks(request.invocation.deadline, self.clock, self.sleep)
        handled: dict[int, Handled] = {}
        going: dict[int, tuple[Message, FollowedChange]] = {}
        for index, message in enumerate(request.delivery.messages):
            begun = self._begin(request, message, clocks)
            if isinstance(begun, FollowedChange):
                going[index] = message, begun
            else:
                handled[index] = begun
        can_delay = request.publisher.longest_delay_s(FUNCTION) > 0
        here_s = _WAIT_HERE_S if can_delay or len(going) > 1 else _WAIT_HERE_UNDELAYED_S
        changes = {index: change for index, (_, change) in going.items()}
        handled |= _ask_in_turn(request, changes, clocks, here_s)
        for index in list(changes):
            if (handed := _hand_on(request, *going[index])) is not None:
                handled[index] = handed
                del changes[index]
        handled |= _ask_in_turn(request, changes, clocks, clocks.deadline.left())
        for index, change in changes.items():
            text = "the change is still pending, and keyturn could not hand it on: look at the instance's tasks later"
            ended = Ended(Outcome.UNKNOWN, Ambiguous(text, code="NotHandedOn"))
            handled[index] = _end(request, change, ended)
        return [handled[index] for index in range(len(request.delivery.messages))]

    # --- whose message it is

    def _begin(self, request: Request, message: Message, clocks: Clocks) -> FollowedChange | Handled:
        if request.delivery.trigger is Trigger.HTTP:
            text = "follow_change takes only keyturn's own messages, by queue: send a command to its own function"
            event = refused_result(self, request, message, Refused(ErrorClass.INVALID_COMMAND, text))
            return Handled(event, request.publish(event, request.began))
        if request.is_for_another_function(message, FUNCTION):
            return Handled(None)
        if request.delivery.trigger is not Trigger.QUEUE:
            message = replace(message, authentic=False, type=None)
        keyed = bool(request.invocation.settings.handoff_keys)
        command = _read(message, keyed)
        if command is None:
            return _left(message.traceparent)
        operation: Operation[Any] | None = None
        try:
            operation = self.load(command.function)
            command.check(operation)
        except (LookupError, ImportError):  # a package carries only the operations of its own platform
            pass
        except Refused as refused:
            if keyed:
                _log_unread(refused)
            return _left(message.traceparent)
        if not keyed and not _can_be_verified(command, operation):
            return _left(message.traceparent)
        return self._follow(request, message, command, operation, clocks)

    def _follow(
        self,
        request: Request,
        message: Message,
        command: FollowChange,
        operation: Operation[Any] | None,
        clocks: Clocks,
    ) -> FollowedChange | Handled:
        change = _pending(message, command, clocks)
        subject = change.context.subject
        try:
            if self.clock() - seconds(command.started_at) > _OLDEST_S:
                text = "the change began more than two hours ago and was not followed: look at the instance's tasks"
                raise Ambiguous(text, code="TooOld")
            if not is_allowed(request.invocation.settings.allow, subject.name):
                raise Ambiguous("KEYTURN_ALLOW does not name this credential, nothing was called", code="Forbidden")
            if operation is None:
                missing = f"this package has no {command.function}: deploy follow_change beside that function"
                raise Ambiguous(missing, code="NotPackaged")
            check_role(request.invocation, command.role)
            access = access_to(request.invocation, command.cloud, command.site)
            access = as_role(access, command.cloud, command.region, command.role, FUNCTION)
            follower = operation.follower(access, subject) if operation.follower is not None else None
            return replace(change, follower=follower, store=_store(request, command, access))
        except KeyturnError as error:
            if error.retryable:
                return replace(change, last_error=error)
            change.believed = message.authentic
            return _end(request, change, Ended(Outcome.UNKNOWN, unreadable(error)))


def _read(message: Message, keyed: bool) -> FollowChange | None:
    """The message's data, if the message is keyturn's own as far as keyturn can tell; else None."""
    ours = message.authentic if keyed else message.type == COMMAND_TYPE + FUNCTION
    if not ours or message.problem is not None:
        return None
    try:
        return parse_model(FollowChange, message.data, FIELDS)
    except Refused as refused:
        if keyed:  # from another version of keyturn: its change is not known
            _log_unread(refused)
        return None


def _log_unread(refused: Refused) -> None:
    log.error("%s", json.dumps({"event": "unread", "why": refused.message[:500]}))


def _left(traceparent: str | None) -> Handled:
    """Log a message that keyturn cannot recognise as its own. It gets no result."""
    log.warning("%s", json.dumps({"event": "not_ours", "trace_id": trace_id(traceparent)}))
    return Handled(None)


def _can_be_verified(command: FollowChange, operation: Operation[Any] | None) -> bool:
    """Whether the cloud itself can confirm the message. Only then does keyturn act on an unsigned one."""
    plain = command.store is None and command.settling is None and not command.proven and command.sealed is None
    return plain and operation is not None and operation.reconciles and command.task_id is not None


def _pending(message: Message, command: FollowChange, clocks: Clocks) -> FollowedChange:
    """The change as the message describes it, before anything was read."""
    context = CommandContext(
        Subject(command.cloud, command.region, command.service, command.resource, command.account),
        command.operation,
        command.command_id,
        command.started_at,
        command.attempts,
        False,
        command.actor,
        command.reason,
        message.traceparent,
        message.tracestate,
        command.role,
    )
    evidence = list(command.evidence) if message.authentic else []
    pending = Conclusion(Outcome.PENDING, None, evidence, command.request_id, command.task_id, sealed=command.sealed)
    if (kept := command.store) is not None:
        pending.stored = StoredSecret(kept.name, kept.version, Stage.PENDING.value, kept.region, kept.current)
    return FollowedChange(
        command, context, message.authentic, clocks, pending, command.lost_call(), proven=command.proven
    )


def _store(request: Request, command: FollowChange, access: CloudAccess) -> Store | None:
    """The store that the message names. Raises: Refused."""
    if command.store is None:
        return None
    try:
        ref = parse_ref(command.store.name)
    except ValueError as error:
        rule = str(error)
    else:
        assumed = access if command.role is not None else None
        return store_of(request.invocation, ref, command.store.region, command.site, assumed)
    raise Refused(ErrorClass.INVALID_COMMAND, f"Store.Name: {rule}")


# --- asking, handing on and ending


def _ask_in_turn(
    request: Request, changes: dict[int, FollowedChange], clocks: Clocks, for_s: float
) -> dict[int, Handled]:
    """Read the changes in turn until all have ended or `for_s` seconds are over. Removes those that ended."""
    deadline, handled = clocks.deadline, {}
    until = deadline.left() - min(for_s, deadline.left() - _RESERVE_S)
    while changes:
        for index, change in list(changes.items()):
            if deadline.left() < _RESERVE_S:
                break
            if (ended := change.ask()) is not None:
                handled[index] = _end(request, change, ended)
                del changes[index]
        wait_s = max(_POLL_S, min((change.again_s for change in changes.values()), default=0.0))
        if not changes or deadline.left() - wait_s < until:
            break
        clocks.sleep(wait_s)
    return handled


def _hand_on(request: Request, message: Message, change: FollowedChange) -> Handled | None:
    """Hand the change on to a later invocation, or end it. None: the message could not be sent."""
    if (ended := change.kept_away()) is not None:
        return _end(request, change, ended)
    hop, command = message.hop + 1, change.command
    if hop > _MOST_HOPS:
        error = Ambiguous("the change is pending after 1,000 hops: look at the instance's tasks", code="TooManyHops")
        return _end(request, change, Ended(Outcome.UNKNOWN, error))
    handed = follow_command(
        change.context,
        change.conclusion,
        site=command.site,
        delay_s=max(change.again_s, min(_LONGEST_DELAY_S, 2.0 * hop)),
        login=command.login,
        task=change.task,
        before=change.before if command.before else None,
        settling=change.lost_call,
        refused=command.refused.error if command.refused else None,
        unclear=command.unclear,
        proven=change.proven,
        hop=hop,
    )
    return Handled(None, handed=True) if request.publisher.send_command(handed) else None


def _end(request: Request, change: FollowedChange, ended: Ended) -> Handled:
    if not change.believed:
        return _left(change.context.traceparent)
    conclusion = change.conclusion
    conclusion.outcome, conclusion.error = ended.outcome, ended.error
    kept = conclusion.stored
    if kept is not None and kept.stage == Stage.PENDING.value:
        conclusion.evidence.append(f"store: version {kept.version} left pending")
    event = result_event(change.context, conclusion)
    # This invocation only reads: if no result can be published, the platform should repeat it.
    return Handled(event, request.publish(event, request.began))
