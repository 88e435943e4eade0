"""A change of one kind of credential, as a function file declares it, and how its messages are worked through.

One bad message never stops its neighbours. Commands of one resource run one after another, those of different
resources beside each other; a command is validated only when its turn comes.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any, Generic

from shared.changes.change import Change
from shared.changes.credential import CredentialChange
from shared.changes.options import ChangeOptions, ChangePorts, PendingChange
from shared.changes.settling import SETTLING_S, LostCall
from shared.commands.command import C, Command, admit_delivery, attributes, field_or_none, parse_command
from shared.commands.store_reference import StoreRef
from shared.handlers.access import access_to, store_of, store_region
from shared.handlers.entry import Handled, Request, handle, log_unexpected
from shared.results.outcome import CommandContext, Conclusion, Outcome, Stage, Subject
from shared.results.publisher import OutgoingCommand
from shared.results.result_event import result_event
from shared.runtime.backoff import backoff_s
from shared.runtime.cloud_access import CloudAccess
from shared.runtime.errors import Ambiguous, ErrorClass, KeyturnError, Refused, RetryLater
from shared.runtime.message_signing import MOST_ATTEMPTS, MOST_HOPS
from shared.runtime.regions import check_region
from shared.runtime.secret import Secret
from shared.runtime.settings import is_allowed
from shared.runtime.times import now_text
from shared.stores.resolving import ResolvedSecrets, SecretResolver
from shared.stores.store import Store
from shared.stores.versions import ChangeIdentity, change_identity
from shared.stores.write_ahead import WriteAhead
from shared.triggers import Message, Trigger, fit_id, parse_time

AT_ONCE = 64  # resources worked on beside each other: 20 calls a second, over the 3 s that a change with a store takes
_FOLLOW_DELAY_S = 2.0
# A command that came before its time is waited for at most so long, where others wait in its batch.
_WAIT_AMONG_OTHERS_S = 5.0
_KEPT_BACK_S = 10.0  # of the deadline, of one that waits alone


@dataclass(frozen=True, eq=False)
class Operation(Generic[C]):
    """What a function file says: the action, the command it takes, and the adapter that makes the call."""

    name: str  # as results name it: the API's action
    function: str
    cloud: str
    service: str
    command: type[C]
    credential: Callable[[C, Subject, CloudAccess], CredentialChange]
    rights: tuple[str, ...] = field(default=())  # every cloud action that this function calls

    def __post_init__(self) -> None:
        self.command.model_rebuild()  # here, so that no two threads do it at once

    def __call__(self, event: object, context: object) -> Any:
        """The entry point of both runtimes."""
        return handle(self, event, context)

    @property
    def fields(self) -> Collection[str]:
        return self.command.names()

    @property
    def unknown_subject(self) -> Subject:
        return Subject(self.cloud, "-", self.service)

    def process(self, request: Request) -> list[Handled]:
        lanes: dict[str, list[int]] = {}
        messages = request.delivery.messages
        for index, message in enumerate(messages):
            lanes.setdefault(self._lane(message, index), []).append(index)
        reports: dict[int, Handled] = {}

        def work(index: int) -> None:
            reports[index] = _One(self, request, messages[index]).report()

        if len(lanes) == 1:
            for index in next(iter(lanes.values())):
                work(index)
        elif lanes:
            from shared.runtime.lanes import run

            run(list(lanes.values()), work, at_once=AT_ONCE)
        return [reports[index] for index in range(len(messages))]

    def _lane(self, message: Message, index: int) -> str:
        value = message.data.get(self.command.resource_field) if isinstance(message.data, Mapping) else None
        return value if isinstance(value, str) else f"#{index}"

    def origin(self, request: Request, message: Message, command: C | None = None) -> CommandContext:
        """Whose result it is. Of a command that failed, only the fields that are valid by themselves are named."""
        model, data, invocation = self.command, message.data, request.invocation

        pasted = [] if command is not None else model.raw_secrets(data)

        def known(name: str) -> str | None:
            if command is None:
                value = field_or_none(model, data, name)
                return None if value and any(secret in value for secret in pasted) else value
            value = getattr(command, attributes(model)[name])
            return value if isinstance(value, str) else None

        region = known("Region")
        if region is None and not (isinstance(data, Mapping) and data.get("Region") is not None):
            region = invocation.settings.region or (invocation.region if invocation.cloud == self.cloud else None)
        account = known(model.account_field) if model.account_field else None
        subject = Subject(
            self.cloud,
            region or "-",
            self.service,
            known(model.resource_field) or "-",
            model.bare_account(account) if account else model.account_default,
        )
        given = known("CommandId")
        command_id = message.command_id if given is None else given
        if given is not None and message.prefix:
            command_id = fit_id(f"{message.prefix}-{given}")
        return CommandContext(
            subject,
            self.name,
            command_id,
            now_text(),
            message.attempt,
            command is not None and command.dry_run,
            known("Actor"),
            known("Reason"),
            message.traceparent,
        )


class _One:
    """One message of a delivery, from its data to its report."""

    def __init__(self, operation: Operation[Any], request: Request, message: Message) -> None:
        self.operation = operation
        self.request = request
        self.message = message
        self.origin: CommandContext | None = None
        self.change: Change | None = None
        self.command: Command | None = None
        self.resolved: ResolvedSecrets[Any] | None = None
        self.sealed: str | None = None  # the new secret, for the holder of a key

    def report(self) -> Handled:
        started = time.monotonic()
        if self.request.is_for_another_function(self.message, self.operation.function):
            return Handled(None)
        conclusion: Conclusion | None
        try:
            conclusion = self._ending()
        # A defect of ours must not turn into a repeated change, nor stop the other messages of the batch.
        except Exception as defect:
            log_unexpected(defect, self.message)
            conclusion = self._unexpected()
        if conclusion is None:
            return Handled(None, handed=True)
        assert self.origin is not None  # noqa: S101 - set by _ending and by _unexpected
        event = result_event(self.origin, conclusion)
        called = self.change is not None and self.change.called
        delivered = self.request.publish(event, started, conclusion.calls)
        return Handled(event, delivered, called, password=self._for_reply(conclusion))

    def _ending(self) -> Conclusion | None:
        """None: the command was handed back to the commands queue, and ends in a later delivery."""
        operation, message = self.operation, self.message
        try:
            if message.problem is not None:
                raise Refused(ErrorClass.INVALID_COMMAND, message.problem)
            command = parse_command(operation.command, message.data)
            self.origin = operation.origin(self.request, message, command)
            self._admit(command)
            access = access_to(self.request.invocation, operation.cloud, getattr(command, "site", None))
        except KeyturnError as error:
            self.origin = self.origin or operation.origin(self.request, message)
            return Conclusion(Outcome.NOT_CHANGED, error)
        self.command = command
        early_s = self._early_s()
        if early_s > 0:
            if early_s > self._longest_wait_s():
                return self._put_off(command, early_s)
            time.sleep(early_s)
        source = SecretResolver(command, self._identity, self._store, self._bound_s(), time.time)
        try:
            resolved = self.resolved = source.resolve()
            if resolved.account is not None:
                self.origin = replace(self.origin, subject=replace(self.origin.subject, account=resolved.account))
            self.sealed = self._sealed(command, resolved)
        except KeyturnError as error:
            back = self._handed_back(command, Conclusion(Outcome.NOT_CHANGED, error))
            if back is not None and source.begun is not None:
                back = replace(back, outcome=Outcome.UNKNOWN, stored=source.begun)
            return back
        conclusion = resolved.conclusion or self._changed(command, resolved, access)
        back = self._handed_back(command, self._settled(command, conclusion))
        if back is None:
            return None
        if resolved.keeping is not None and not resolved.finished:
            back = self._concluded(resolved.keeping, back)
        return self._with_seal(back, command)

    def _concluded(self, keeping: WriteAhead, conclusion: Conclusion) -> Conclusion:
        """What a delivery may say that changed nothing, while an earlier one's call may still take effect."""
        dry = self.command is None or self.command.dry_run
        if not keeping.existed or conclusion.outcome is not Outcome.NOT_CHANGED or dry:
            return conclusion
        change = self.change
        if change is not None and change.credential.can_reconcile and self._carries(True):
            pending = replace(conclusion, outcome=Outcome.PENDING, error=None, stored=keeping.stored(Stage.PENDING))
            ours = {change.task.task_id} if change.task is not None and change.task.task_id is not None else set()
            before = replace(change.before, tasks=change.before.tasks | ours)  # what this delivery itself began
            settling = LostCall(time.time(), before)
            if self._follow(pending, before=before, settling=settling, refused=conclusion.error):
                return pending
        return replace(conclusion, outcome=Outcome.UNKNOWN, stored=keeping.stored(Stage.PENDING))

    def _identity(self) -> ChangeIdentity:
        """What tells this change from others in a store. Before it is known whose turn it is."""
        assert self.origin is not None and self.command is not None  # noqa: S101 - set before secrets are fetched
        subject, command = self.origin.subject, self.command
        return change_identity(
            subject.source,
            str(subject),
            command.alternates,
            self.operation.name,
            self.origin.command_id,
            command.identity(),
        )

    def _bound_s(self) -> float:
        return SETTLING_S[self.operation.cloud] + self.request.invocation.limit_s

    def _changed(self, command: Command, resolved: ResolvedSecrets[Any], access: CloudAccess) -> Conclusion:
        """The change itself, with its secrets at hand."""
        assert self.origin is not None  # noqa: S101 - set by the caller
        operation, message, subject = self.operation, self.message, self.origin.subject
        unnamed = self.request.delivery.trigger is Trigger.HTTP and not message.named and command.command_id is None
        keeping, olds = resolved.keeping, resolved.olds
        credential = operation.credential(resolved.command, subject, access)

        def old_at(index: int) -> CredentialChange | None:
            ready = olds.command_at(index) if olds is not None else None
            return operation.credential(ready, subject, access) if ready is not None else None

        def another_value() -> CredentialChange:
            assert keeping is not None and self.change is not None  # noqa: S101 - given to a change that keeps
            resolved.new = keeping.next_value()
            resolved.command = resolved.command.with_secrets(None, resolved.new)
            self.sealed = self._sealed(command, resolved)
            return operation.credential(resolved.command, subject, access)

        ports = ChangePorts(hand_on=self._hand_on_change if self._carries(keeping is not None) else None)
        ports.settles = bool(self.request.invocation.settings.handoff_keys)
        if keeping is not None:
            ports.prepare, ports.recheck, ports.pending = keeping.write_ahead, keeping.recheck, keeping.unresolved
            ports.another_value = another_value if keeping.make is not None else None
            ports.before_repeat = keeping.mark_call_out if not credential.fenced else None
        if olds is not None:
            ports.olds, ports.old_at, ports.old_in_force = len(olds.versions), old_at, olds.found
        fresh = command.generates is not None and (keeping is None or not keeping.existed)
        options = ChangeOptions(
            command.dry_run, command.login, unnamed, keeping is not None, fresh, resolved.finished, resolved.contested
        )
        self.change = Change(credential, options, self.request.invocation.deadline, ports)
        conclusion = self.change.run()
        conclusion.evidence[:0] = resolved.evidence
        return conclusion

    def _settled(self, command: Command, conclusion: Conclusion) -> Conclusion:
        """The same, once the store says what it says. Never raises."""
        keeping = self.resolved.keeping if self.resolved is not None else None
        if keeping is None or command.dry_run or self.change is None:
            return conclusion
        if self.resolved is not None and self.resolved.finished:
            conclusion.stored = keeping.stored(Stage.CURRENT)
            return conclusion
        return keeping.conclude(conclusion, self.change.still, self._hand_on_store if self._carries(True) else None)

    def _carries(self, keeps: bool) -> bool:
        """Whether follow_change can be given a change: what nobody signed it does not believe, but for a Redis task."""
        settings = self.request.invocation.settings
        if settings.results is None or settings.commands is None:
            return False
        return bool(settings.handoff_keys) or (self.operation.service == "redis" and not keeps)

    def _store(self, ref: StoreRef) -> tuple[Store, str]:
        assert self.origin is not None and self.command is not None  # noqa: S101 - set before secrets are fetched
        subject = self.origin.subject
        region = store_region(self.request.invocation, ref, subject.cloud, subject.region)
        return store_of(self.request.invocation, ref, region, getattr(self.command, "site", None)), region

    def _sealed(self, command: Command, resolved: ResolvedSecrets[Any]) -> str | None:
        """The new secret for the holder of a key. Made before the call, so that one which cannot be made stops it."""
        if command.deliver is None or command.deliver.seal is None:
            return None
        new = resolved.new or (self.change.password if self.change else None)
        return self._seal(command.deliver.seal, new or Secret("no secret yet"))

    def _seal(self, key: dict[str, Any], secret: Secret) -> str:
        assert self.origin is not None  # noqa: S101 - set before anything is sealed
        try:
            from shared.stores.sealing import seal

            return seal(key, command_id=self.origin.command_id, subject=str(self.origin.subject), secret=secret)
        except ImportError:
            text = "Seal: this package carries no sealing library: set `seals: true` for the function in serverless.yml"
        raise Refused(ErrorClass.FAILED, text, code="NotPackaged")

    def _with_seal(self, conclusion: Conclusion, command: Command) -> Conclusion:
        if (
            self.sealed is None
            or command.deliver is None
            or command.deliver.seal is None
            or not conclusion.verified_now
        ):
            return conclusion
        if command.dry_run:
            return conclusion
        if conclusion.outcome not in (Outcome.NOT_CHANGED, Outcome.WOULD_CHANGE):
            shown = self.change.password if self.change else None
            if shown is not None:  # only the cloud knew it before
                conclusion.sealed = self._seal(command.deliver.seal, shown)
            elif self.resolved is not None and self.resolved.new is not None:
                conclusion.sealed = self.sealed
        return conclusion

    def _for_reply(self, conclusion: Conclusion) -> Secret | None:
        """The new secret for the HTTP caller who asked for it, if it is in force or may be."""
        command = self.command
        if command is None or self.request.delivery.trigger is not Trigger.HTTP or command.dry_run:
            return None
        if (command.deliver is not None and command.deliver.reply is None) or not conclusion.verified_now:
            return None
        if conclusion.outcome in (Outcome.NOT_CHANGED, Outcome.WOULD_CHANGE):
            return None
        shown = self.change.password if self.change else None
        made = self.resolved.new if self.resolved and command.generates else None
        return shown or made

    def _hand_on_store(self, pending: Conclusion) -> bool:
        """Give a promotion that cannot be made now to follow_change: the change itself is proven."""
        task = self.change.task if self.change is not None else None
        before = self.change.before if self.change is not None else None
        return self._follow(pending, task=task, before=before, proven=True)

    def _hand_on_change(self, pending: PendingChange) -> bool:
        keeping = self.resolved.keeping if self.resolved is not None else None
        if keeping is not None:
            pending.conclusion.stored = keeping.stored(Stage.PENDING)
        unclear = pending.unclear or (keeping is not None and keeping.existed)
        return self._follow(
            pending.conclusion, task=pending.task, before=pending.before, settling=pending.settling, unclear=unclear
        )

    def _admit(self, command: Command) -> None:
        """What is refused before any call, beside the form. Raises: Refused."""
        assert self.origin is not None  # noqa: S101 - set by the caller
        settings, trigger = self.request.invocation.settings, self.request.delivery.trigger
        if self.origin.subject.region == "-":
            raise Refused(ErrorClass.INVALID_COMMAND, "Region: is required, in the command or in KEYTURN_REGION")
        check_region(self.origin.subject.cloud, self.origin.subject.region)
        if not is_allowed(settings.allow, self.origin.subject.name):
            raise Refused(ErrorClass.FORBIDDEN, "KEYTURN_ALLOW does not name this credential, nothing was called")
        command.permit(settings)
        for account in command.alternates:
            if not is_allowed(settings.allow, replace(self.origin.subject, account=account).name):
                raise Refused(ErrorClass.FORBIDDEN, "KEYTURN_ALLOW does not name both accounts, nothing was called")
        waited_for = trigger is Trigger.HTTP and not self.request.delivery.asynchronous
        admit_delivery(command, settings, waited_for=waited_for)

    def _early_s(self) -> float:
        """How many seconds before its `notbefore` the command has come; the triggers let only real times through."""
        due = parse_time(self.message.notbefore)
        return (due - datetime.now(timezone.utc)).total_seconds() if due else 0.0

    def _longest_wait_s(self) -> float:
        if len(self.request.delivery.messages) > 1:
            return _WAIT_AMONG_OTHERS_S
        return max(0.0, self.request.invocation.deadline.left() - _KEPT_BACK_S)

    def _put_off(self, command: Command, early_s: float) -> Conclusion | None:
        """A command that came too early to be waited for goes back as it is, if it may; else it ends here."""
        text = "the command's `notbefore` lies too far ahead to be waited for here, nothing was called: send it then"
        conclusion = Conclusion(Outcome.NOT_CHANGED, RetryLater(ErrorClass.BUSY, text, code="TooEarly"))
        if self.message.hop >= MOST_HOPS or not self._may_go_back(command):
            return conclusion
        return None if self._hand_back(self.message.attempt, self.message.notbefore, early_s) else conclusion

    def _handed_back(self, command: Command, conclusion: Conclusion) -> Conclusion | None:
        """A command refused for a passing reason goes back to the queue, if it came by one and holds no secret."""
        if not isinstance(conclusion.error, RetryLater) or conclusion.outcome is not Outcome.NOT_CHANGED:
            return conclusion
        if command.dry_run or not self._may_go_back(command):
            return conclusion
        attempt = self.message.attempt + 1
        if attempt > MOST_ATTEMPTS:
            text = f"given up after {MOST_ATTEMPTS} deliveries, nothing was changed: {conclusion.error.message}"
            code, request_id = conclusion.error.code, conclusion.error.request_id
            return replace(conclusion, error=Refused(ErrorClass.EXHAUSTED, text, code=code, request_id=request_id))
        # No longer than a receiver waits itself, where the queue cannot hold a message back.
        longest_s = max(15.0, min(120.0, self.request.publisher.longest_delay_s(self.operation.function)))
        wait_s = max(1.0, conclusion.error.after_s, backoff_s(attempt, base_s=2.0, most_s=longest_s))
        due = now_text(datetime.now(timezone.utc) + timedelta(seconds=wait_s))
        return None if self._hand_back(attempt, due, wait_s) else conclusion

    def _may_go_back(self, command: Command) -> bool:
        by_queue = self.request.delivery.trigger is Trigger.QUEUE
        return by_queue and not command.secrets() and self.request.publisher.has_commands

    def _hand_back(self, attempt: int, notbefore: str | None, delay_s: float) -> bool:
        assert self.origin is not None  # noqa: S101 - set before anything is handed back
        hop = self.message.hop + 1
        return self.request.publisher.send_command(
            OutgoingCommand(
                self.operation.function,
                _id(self.origin, "attempt", attempt, hop, self.origin.started_at),
                self.origin.subject.source,
                str(self.origin.subject),
                {**dict(self.message.data), "CommandId": self.origin.command_id},  # type: ignore[call-overload]
                attempt=attempt,
                hop=hop,
                notbefore=notbefore,
                traceparent=self.message.traceparent,
                delay_s=delay_s,
            )
        )

    def _follow(self, pending: Conclusion, **what: Any) -> bool:
        """Give a change to follow_change. The message holds names and times, no secret."""
        from shared.handlers.follow_message import follow_command

        assert self.origin is not None and self.command is not None  # noqa: S101 - set before the change began
        pending.sealed = self.sealed
        command = follow_command(
            self.origin, pending, site=self._site(), delay_s=_FOLLOW_DELAY_S, login=self.command.login, **what
        )
        return self.request.publisher.send_command(command)

    def _site(self) -> str:
        data = self.message.data
        site = data.get("Site") if isinstance(data, Mapping) else None
        return site or self.request.invocation.settings.site

    def _unexpected(self) -> Conclusion:
        """After a defect of ours. The store holds what was made, as before the call, and nothing is taken away."""
        if self.origin is None:
            self.origin = self.operation.origin(self.request, replace(self.message, data=None))
        if self.change is None or not self.change.called:
            return Conclusion(
                Outcome.NOT_CHANGED, Refused(ErrorClass.FAILED, "an unexpected failure before the call; see the log")
            )
        text = "an unexpected failure after the call: whether it had its effect is not known; see the log"
        conclusion = Conclusion(Outcome.UNKNOWN, Ambiguous(text, code="Unexpected"), calls=1)
        keeping = self.resolved.keeping if self.resolved is not None else None
        if keeping is not None and (keeping.written or keeping.existed):
            conclusion.stored = keeping.stored(Stage.PENDING)
        if self.command is not None:
            try:
                conclusion = self._with_seal(conclusion, self.command)
            # A change may have been made: a second defect must not keep its result back.
            except Exception as defect:
                log_unexpected(defect, self.message)
        return conclusion


def _id(origin: CommandContext, *parts: object) -> str:
    """The id of a message that keyturn itself sends: the same for each try to publish it, new for each delivery."""
    text = json.dumps([origin.subject.source, str(origin.subject), origin.operation, origin.command_id, *parts])
    return hashlib.sha256(text.encode()).hexdigest()[:32]
