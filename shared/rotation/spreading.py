"""One policy for several regions and accounts: each region of each account gets a firing of its own.

So each firing keeps the rate limits of its account and region, and has its own report. If one account refuses, its
report says so, and the other firings go on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from shared.results.outcome import Subject
from shared.results.publisher import OutgoingCommand, Publisher
from shared.results.result_event import event_id
from shared.rotation.firing import FiringEnd
from shared.rotation.policy import FUNCTION, PlanRotation, Policy
from shared.rotation.report import Counts, FiringReport
from shared.runtime.errors import ErrorClass, RetryLater
from shared.runtime.lanes import run
from shared.runtime.times import now_text
from shared.triggers import Message, fit_id

_AT_ONCE = 8  # messages that are sent at the same time
_OF_THE_WHOLE = ("Regions", "Roles", "Region", "Role", "CommandId")


def name_of_place(firing: str, number: int) -> str:
    """The name of the firing for one region of one account. `number`: from 1."""
    return fit_id(f"{firing}-{number}")


def spread_firing(policy: Policy, firing: str, publisher: Publisher, message: Message, default: str) -> FiringEnd:
    """Send one message for each region of each account. `default`: the region if the policy names none."""
    plans = [_plan_of(policy.plan, region or default, role) for region, role in policy.plan.places]
    commands = [_command(policy, one, name_of_place(firing, n), message) for n, one in enumerate(plans, 1)]
    sent: dict[int, bool] = {}

    def send(index: int, about_to_wait: Callable[[], None]) -> None:
        about_to_wait()
        sent[index] = publisher.send_command(commands[index])

    run([[index] for index in range(len(commands))], send, at_once=_AT_ONCE)
    delivered = [_tell(policy, one, commands[index], publisher) for index, one in enumerate(plans) if not sent[index]]
    some = any(sent.values())
    return FiringEnd(all(delivered), some or any(delivered), some, Counts())


def _plan_of(plan: PlanRotation, region: str, role: str | None) -> PlanRotation:
    return plan.model_copy(update={"region": region, "role": role, "regions": None, "roles": None})


def _command(policy: Policy, plan: PlanRotation, name: str, message: Message) -> OutgoingCommand:
    assert isinstance(message.data, Mapping)  # noqa: S101 - it was read as a policy
    given = {name: value for name, value in message.data.items() if name not in _OF_THE_WHOLE}
    given |= {"Region": plan.region, "CommandId": name} | ({"Role": plan.role} if plan.role else {})
    subject = _subject(policy, plan)
    return OutgoingCommand(
        FUNCTION,
        event_id(subject.source, str(subject), FUNCTION, name, "place"),
        subject.source,
        str(subject),
        given,
        hop=message.hop + 1,
        traceparent=message.traceparent,
        tracestate=message.tracestate,
    )


def _tell(policy: Policy, plan: PlanRotation, command: OutgoingCommand, publisher: Publisher) -> bool:
    """Report a region of an account that nobody will list. Returns: whether the report was published."""
    name, now = str(command.data["CommandId"]), now_text()
    report = FiringReport(plan, _subject(policy, plan), name, now, [], publisher.publish_result)
    report.traceparent, report.tracestate = command.traceparent, command.tracestate
    text = "the commands queue did not accept the message for this region and account, nothing was listed: fire again"
    report.end(RetryLater(ErrorClass.UNAVAILABLE, text, code="NotContinued"))
    return report.delivered


def _subject(policy: Policy, plan: PlanRotation) -> Subject:
    return Subject(policy.spelling.cloud, plan.region or "-", policy.spelling.service)
