"""Runs one admitted command, from its secrets to its conclusion. This combines the stores and the change."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic

from shared.changes.change import Change
from shared.changes.credential import CredentialChange, StateBefore
from shared.changes.options import ChangeOptions, ChangePorts, PendingChange
from shared.changes.settling import SETTLING_S, LostCall
from shared.commands.command import C
from shared.commands.store_reference import StoreRef
from shared.handlers.access import store_of, store_region
from shared.handlers.adapters import as_role
from shared.handlers.admission import AdmittedCommand, site_of
from shared.handlers.declaration import Operation
from shared.handlers.handing_back import HandingBack
from shared.handlers.request import Request, log_unexpected
from shared.handlers.returned_secret import may_be_shown, sealed_for
from shared.results.outcome import Conclusion, Outcome, Stage
from shared.runtime.errors import Ambiguous, ErrorClass, KeyturnError, Refused, RetryLater
from shared.runtime.role_names import session_name
from shared.runtime.secret import Secret
from shared.stores.resolved import ResolvedSecrets, sent_secrets
from shared.triggers import Message, Trigger

if TYPE_CHECKING:
    from shared.stores.resolving import SecretResolver
    from shared.stores.store import Store
    from shared.stores.versions import ChangeIdentity
    from shared.stores.write_ahead import WriteAhead

_FOLLOW_DELAY_S = 2.0


class CommandRun(Generic[C]):
    """One delivery of one command. It records how far the command has come, so that a defect is reported truthfully."""

    def __init__(
        self, operation: Operation[C], request: Request, message: Message, admitted: AdmittedCommand[C]
    ) -> None:
        self.operation, self.request, self.message = operation, request, message
        self.command, self.context, self.access = admitted.command, admitted.context, admitted.access
        self.change: Change | None = None  # set once its secrets are known
        self.write_ahead: WriteAhead | None = None  # set if a store keeps the new secret
        self._resolver: SecretResolver[C] | None = None
        self._made: Secret | None = None  # the new secret, if keyturn knows it
        self._sealed: str | None = None  # the new secret, sealed to a public key

    @property
    def called(self) -> bool:
        """Whether a call that may have had an effect was made."""
        return self.change is not None and self.change.called

    def conclude(self) -> Conclusion | None:
        """Run the command. None: it is on the commands queue again, and a later delivery ends it."""
        try:
            if self.request.invocation.deadline.left() <= 0:  # earlier commands of the batch used it up
                text = "this invocation had no time left for the command, nothing was called: send it again"
                raise RetryLater(ErrorClass.UNAVAILABLE, text, code="TooLittleTime")
            assumed = self._assume_role()
            resolved = sent_secrets(self.command) or self._resolve()
            resolved.evidence[:0] = assumed
            self.write_ahead, self._made = resolved.keeping, resolved.new
            if resolved.account is not None:  # the account to change now
                self.context = replace(self.context, subject=replace(self.context.subject, account=resolved.account))
            self._seal_made()
        except KeyturnError as error:
            back = self._unless_handed_back(Conclusion(Outcome.NOT_CHANGED, error))
            begun = self._resolver.begun if self._resolver is not None else None
            if back is not None and begun is not None:
                back = replace(back, outcome=Outcome.UNKNOWN, stored=begun)
            return back
        conclusion = resolved.conclusion or self._changed(resolved)
        back = self._unless_handed_back(self._with_store(resolved, conclusion))
        if back is None:
            return None
        if resolved.keeping is not None and not resolved.finished:
            back = self._beside_earlier_delivery(resolved.keeping, back)
        return self._with_seal(back)

    def after_defect(self) -> Conclusion:
        """The conclusion after a defect of keyturn. A new secret that is in the store stays there."""
        if not self.called:
            text = "an unexpected failure before the call; see the log"
            return Conclusion(Outcome.NOT_CHANGED, Refused(ErrorClass.FAILED, text))
        text = "an unexpected failure after the call: it is not known whether the call took effect; see the log"
        conclusion = Conclusion(Outcome.UNKNOWN, Ambiguous(text, code="Unexpected"), calls=1)
        kept = self.write_ahead
        if kept is not None and (kept.written or kept.existed):
            conclusion.stored = kept.stored(Stage.PENDING)
        try:
            return self._with_seal(conclusion)
        # The change may be in force: a second defect must not suppress its result.
        except Exception as defect:
            log_unexpected(defect, self.message)
            return conclusion

    def for_reply(self, conclusion: Conclusion) -> Secret | None:
        """The new secret for the HTTP caller who asked for it, if it is in force or may be."""
        command = self.command
        if self.request.delivery.trigger is not Trigger.HTTP or command.dry_run or not may_be_shown(conclusion):
            return None
        if command.deliver is not None and command.deliver.reply is None:
            return None
        return self._shown_by_cloud() or (self._made if command.generates else None)

    def _assume_role(self) -> list[str]:
        """Assume the role that the command names, if any. Returns the evidence. Raises: RetryLater, Refused."""
        subject, role, function = self.context.subject, self.command.role, self.operation.function
        if role is None:
            return []
        self.access = as_role(self.access, subject.cloud, subject.region, role, function)
        return [f"role assumed, session {session_name(function)}"]

    # --- the change

    def _changed(self, resolved: ResolvedSecrets[C]) -> Conclusion:
        """Make the change."""
        operation, command, kept, olds = self.operation, self.command, resolved.keeping, resolved.olds
        current = resolved.command

        def change_with(ready: C) -> CredentialChange:
            return operation.change(ready, self.context.subject, self.access)

        def old_at(index: int) -> CredentialChange | None:
            nonlocal current
            ready = olds.command_at(index) if olds is not None else None
            if ready is None:
                return None
            current = ready  # `another_value` combines its new secret with this old one
            return change_with(current)

        def another_value(keeping: WriteAhead) -> CredentialChange:
            nonlocal current
            self._made = keeping.write_another_secret()
            current = current.with_secrets(None, self._made)
            self._seal_made()
            return change_with(current)

        credential = change_with(current)
        ports = ChangePorts(hand_on=self._hand_on_change if self._can_hand_on(kept is not None) else None)
        ports.settles = bool(self.request.invocation.settings.handoff_keys)
        if kept is not None:
            ports.write_ahead, ports.check_store, ports.others_maybe_in_force = (
                kept.write_ahead,
                kept.check_not_superseded,
                kept.others_maybe_in_force,
            )
            ports.another_value = (lambda: another_value(kept)) if kept.make is not None else None
            ports.note_repeat = kept.note_repeat if not credential.fenced else None
        if olds is not None:
            ports.olds, ports.old_at, ports.old_in_force = len(olds.versions), old_at, olds.in_force
        by_http = self.request.delivery.trigger is Trigger.HTTP
        options = ChangeOptions(
            command.dry_run,
            command.login,
            by_http and not self.message.named and command.command_id is None,
            kept is not None,
            command.generates is not None and (kept is None or not kept.existed),
            resolved.finished,
            resolved.contested,
        )
        self.change = Change(credential, options, self.request.invocation.deadline, ports)
        conclusion = self.change.run()
        conclusion.evidence[:0] = resolved.evidence
        return conclusion

    def _with_store(self, resolved: ResolvedSecrets[C], conclusion: Conclusion) -> Conclusion:
        """The conclusion after the store was updated: promoted, or left pending. Never raises."""
        kept, change = resolved.keeping, self.change
        if kept is None or self.command.dry_run or change is None:
            return conclusion
        if resolved.finished:
            conclusion.stored = kept.stored(Stage.CURRENT)
            return conclusion

        def hand_on(pending: Conclusion) -> bool:
            """Give a promotion that cannot be made now to follow_change: the change itself is proven."""
            return self._follow(pending, task=change.task, before=change.before, proven=True)

        return kept.conclude(conclusion, change.still, hand_on if self._can_hand_on(True) else None)

    def _beside_earlier_delivery(self, kept: WriteAhead, conclusion: Conclusion) -> Conclusion:
        """This delivery changed nothing. While an earlier one's call may still take effect: `pending` or `unknown`."""
        if not kept.existed or conclusion.outcome is not Outcome.NOT_CHANGED or self.command.dry_run:
            return conclusion
        change = self.change
        if change is not None and change.credential.can_reconcile and self._can_hand_on(True):
            pending = replace(conclusion, outcome=Outcome.PENDING, error=None, stored=kept.stored(Stage.PENDING))
            began = {change.task.task_id} if change.task is not None and change.task.task_id is not None else set()
            before = replace(change.before, tasks=change.before.tasks | began)  # tasks that this delivery itself began
            if self._follow(pending, before=before, settling=LostCall(time.time(), before), refused=conclusion.error):
                return pending
        return replace(conclusion, outcome=Outcome.UNKNOWN, stored=kept.stored(Stage.PENDING))

    # --- secrets

    def _resolve(self) -> ResolvedSecrets[C]:
        """Read, generate or find the command's secrets. Raises: RetryLater, Refused."""
        from shared.stores.resolving import SecretResolver  # late: many commands need no store

        self._resolver = SecretResolver(self.command, self._identity, self._store, self._bound_s(), time.time)
        return self._resolver.resolve()

    def _identity(self) -> ChangeIdentity:
        """What distinguishes this change from others in a store: of two alternating accounts, it names both."""
        from shared.stores.versions import change_identity

        subject, command = self.context.subject, self.command
        return change_identity(
            subject.source,
            str(subject),
            command.alternates,
            self.operation.action,
            self.context.command_id,
            command.identity(),
        )

    def _bound_s(self) -> float:
        return SETTLING_S[self.operation.cloud] + self.request.invocation.limit_s

    def _store(self, ref: StoreRef) -> tuple[Store, str]:
        subject = self.context.subject
        invocation, role = self.request.invocation, self.command.role
        region = store_region(invocation, ref, subject.cloud, subject.region, role)
        assumed = self.access if role is not None else None
        return store_of(invocation, ref, region, site_of(self.command), assumed), region

    def _shown_by_cloud(self) -> Secret | None:
        return self.change.password if self.change is not None else None

    def _seal_made(self) -> None:
        """Seal the new secret before the call, so that a failure stops the call.

        A secret that the cloud makes does not exist yet: seal a placeholder. Raises: Refused.
        """
        self._sealed = sealed_for(self.command.deliver, self.context, self._made or Secret("no secret yet"))

    def _with_seal(self, conclusion: Conclusion) -> Conclusion:
        if self._sealed is None or self.command.dry_run or not may_be_shown(conclusion):
            return conclusion
        shown = self._shown_by_cloud()
        if shown is not None:  # the cloud made it, so it could not be sealed before
            conclusion.sealed = sealed_for(self.command.deliver, self.context, shown)
        elif self._made is not None:
            conclusion.sealed = self._sealed
        return conclusion

    # --- to another delivery, or to follow_change

    def _unless_handed_back(self, conclusion: Conclusion) -> Conclusion | None:
        back = HandingBack(self.operation.function, self.request, self.message, self.command, self.context)
        return back.unless_handed_back(conclusion)

    def _can_hand_on(self, keeps: bool) -> bool:
        """Whether follow_change can take a change over. Without a key to sign, only one that reads can verify."""
        settings = self.request.invocation.settings
        if settings.results is None or settings.commands is None:
            return False
        return bool(settings.handoff_keys) or (self.operation.reconciles and not keeps)

    def _hand_on_change(self, pending: PendingChange) -> bool:
        kept = self.write_ahead
        if kept is not None:
            pending.conclusion.stored = kept.stored(Stage.PENDING)
        return self._follow(
            pending.conclusion,
            task=pending.task,
            before=pending.before,
            settling=pending.settling,
            unclear=pending.unclear or (kept is not None and kept.existed),
        )

    def _follow(self, pending: Conclusion, *, before: StateBefore, **what: Any) -> bool:
        """Give a change to follow_change. The message holds names and times, no secret."""
        from shared.handlers.follow_message import follow_command  # late: few changes need it

        pending.sealed = self._sealed
        command = follow_command(
            self.context,
            pending,
            site=self._site(),
            delay_s=_FOLLOW_DELAY_S,
            login=self.command.login,
            before=before if self.operation.reconciles else None,
            **what,
        )
        return self.request.publisher.send_command(command)

    def _site(self) -> str:
        return site_of(self.command) or self.request.invocation.settings.site
