"""Runs one change, from a valid command to a true conclusion: look, call, find out, follow, prove.

`shared.changes.transitions` says which step is next, and in which file each step is.

A failure before the call has changed nothing. After the call nothing raises, and the conclusion is not `not_changed`
while a call that was sent may still take effect.
"""

from __future__ import annotations

from collections.abc import Callable

from shared.changes import after_acceptance, after_lost_answer, after_refusal, before_call
from shared.changes.call import call
from shared.changes.credential import CredentialChange, StateBefore, Task
from shared.changes.delivery import Delivery
from shared.changes.endings import ending
from shared.changes.known import Known
from shared.changes.options import ChangeOptions, ChangePorts
from shared.changes.still_in_force import redelivered, still_last
from shared.changes.transitions import Answer, Facts, Step, next_step
from shared.results.outcome import Conclusion
from shared.runtime.deadline import Deadline
from shared.runtime.secret import Secret

_DOES: dict[Step, Callable[[Known, Delivery], tuple[Known, Answer]]] = {
    Step.LOOK: before_call.look,
    Step.DRY_RUN: before_call.look,
    Step.WAIT: before_call.wait,
    Step.ALLOW: before_call.allow,
    Step.WRITE_AHEAD: before_call.write_ahead,
    Step.CALL: call,
    Step.FIND: after_lost_answer.find,
    Step.FIND_AGAIN: after_lost_answer.find_again,
    Step.FIND_FIRST: after_lost_answer.find_first,
    Step.REPEAT: after_lost_answer.repeat,
    Step.HAND_ON: after_lost_answer.hand_on,
    Step.NEXT_OLD: after_refusal.next_old,
    Step.NEXT_VALUE: after_refusal.next_value,
    Step.PROBE: after_refusal.probe,
    Step.FOLLOW: after_acceptance.follow,
}


class Change:
    """One delivery of one command. `run` never raises once `called` is true."""

    def __init__(
        self,
        credential: CredentialChange,
        options: ChangeOptions,
        deadline: Deadline,
        ports: ChangePorts | None = None,
    ) -> None:
        self._delivery = Delivery(options, deadline, ports or ChangePorts())
        self._known = Known(credential)

    def run(self) -> Conclusion:
        """Run the steps until the delivery has its conclusion."""
        if self._delivery.options.finished:
            return redelivered(self._known, self._delivery)
        step = Step.DRY_RUN if self._delivery.options.dry_run else Step.LOOK
        while step in _DOES:
            if step is Step.CALL:
                self._known = self._known.calling()  # from here on the call may have taken effect
            self._known, answer = _DOES[step](self._known, self._delivery)
            step = next_step(step, answer, facts_of(self._known, self._delivery))
        return ending(step, self._known, self._delivery)

    def still(self) -> bool | None:
        """Whether this change's secret is the last that was set; None: not known. Never raises."""
        return still_last(self._known, self._delivery)

    @property
    def called(self) -> bool:
        """Whether the call that cannot be undone was made, or begun."""
        return self._known.calls.made > 0

    @property
    def credential(self) -> CredentialChange:
        """The change with the secrets that were tried last."""
        return self._known.credential

    @property
    def before(self) -> StateBefore:
        """The state before the first call that has no clear answer."""
        return self._known.before

    @property
    def task(self) -> Task | None:
        """The cloud's task, once it has accepted the change."""
        return self._known.task

    @property
    def password(self) -> Secret | None:
        """A secret that the cloud made and showed once. It goes only into the HTTP reply and the seal."""
        return self._known.password


def facts_of(known: Known, delivery: Delivery) -> Facts:
    """The facts that the table of steps uses."""
    ports, credential, calls = delivery.ports, known.credential, known.calls
    return Facts(
        fenced=credential.fenced,
        repeatable=credential.repeatable,
        settles=credential.can_reconcile and ports.hand_on is not None and ports.settles,
        lost=calls.lost,
        hiding=len(calls.hiding),
        repeats=calls.repeats,
        others_pending=known.others_pending,
        unnamed_caller=delivery.options.unnamed_caller,
        olds_left=known.old_index + 1 < ports.olds,
        values_left=ports.another_value is not None and known.values < after_refusal.MOST_VALUES,
        at_rest=known.at_rest,
        one_unlisted_code=calls.one_unlisted_code,
    )
