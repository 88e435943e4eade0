"""What FC asks of an account before it takes a function's role or an EventBridge trigger.

Which codes it gives is not published; these are chosen here.
"""

from __future__ import annotations

from tests.cloud.identity.identities import Identities
from tests.cloud.state.accounts import ALIBABA_ACCOUNT
from tests.cloud.state.world import World
from tests.cloud.wire.service import ApiError, Call

LINKED_ROLES = {
    "AliyunServiceRoleForEventBridgeSendToFC": "sendevent-fc.eventbridge.aliyuncs.com",
    "AliyunServiceRoleForEventBridgeSourceMNS": "source-mns.eventbridge.aliyuncs.com",
    "AliyunServiceRoleForEventBridgeSendToMNS": "sendevent-mns.eventbridge.aliyuncs.com",
}
"""EventBridge's service-linked roles that a trigger on an SMQ queue may need, and whom each trusts."""
NEEDED = ("AliyunServiceRoleForEventBridgeSendToFC", "AliyunServiceRoleForEventBridgeSourceMNS")
"""Those that this stand-in's EventBridge works with."""


def check_role(identities: Identities, call: Call, arn: str) -> None:
    """A function may have this role, or none. Raises: ApiError."""
    # claims: D10
    if not arn:
        return
    account, name = arn.split(":")[3], arn.rpartition("/")[2]
    if account != ALIBABA_ACCOUNT or identities.roles["alibaba"].find(name) is None:
        raise ApiError("InvalidArgument", f"the role {arn} does not exist")
    if not identities.can_run_as("alibaba", name):
        raise ApiError("InvalidArgument", f"the role {arn} does not trust fc.aliyuncs.com")
    if call.caller is not None and not identities.may_pass(call.caller, arn):
        text = f"the caller is not authorized to perform 'ram:PassRole' on resource '{arn}'"
        raise ApiError("AccessDenied", text, 403)


def check_eventbridge(identities: Identities, world: World) -> None:
    """EventBridge is open and has its roles. Raises: ApiError."""
    if not world.holds("E1"):
        return
    if not identities.activated.eventbridge:
        raise ApiError("EventBridgeNotActivated", "EventBridge is not activated on this account", 403)
    missing = [name for name in NEEDED if identities.roles["alibaba"].find(name) is None]
    if missing:
        raise ApiError("ServiceLinkedRoleNotExist", f"the service-linked role {missing[0]} does not exist", 403)
