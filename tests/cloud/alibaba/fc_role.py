"""What FC checks in an account before it accepts a function's role or an EventBridge trigger.

FC's codes for these refusals are not published, so the stand-in chooses them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.cloud.identity.identities import Identities
from tests.cloud.state.accounts import ALIBABA_ACCOUNT
from tests.cloud.state.world import World
from tests.cloud.wire.service import ApiError, Call

NEEDED = ("AliyunServiceRoleForEventBridgeSendToFC", "AliyunServiceRoleForEventBridgeSourceMNS")
"""The service-linked roles that the stand-in's EventBridge needs."""
INTERFACES = ("ecs:CreateNetworkInterface", "ecs:DescribeNetworkInterfaces", "vpc:DescribeVSwitchAttributes")
"""Some of the rights that a private network needs."""


def check_role(identities: Identities, call: Call, arn: str) -> None:
    """Check that a function may have this role, or has none. Raises: ApiError."""
    # claims: D10, I3
    if not arn:
        return
    account, name = arn.split(":")[3], arn.rpartition("/")[2]
    if account != ALIBABA_ACCOUNT or identities.seen("alibaba", name) is None:
        raise ApiError("InvalidArgument", f"the role {arn} does not exist")
    if not identities.can_run_as("alibaba", name):
        raise ApiError("InvalidArgument", f"the role {arn} does not trust fc.aliyuncs.com")
    if call.caller is not None and not identities.may_pass(call.caller, arn):
        text = f"the caller is not authorized to perform 'ram:PassRole' on resource '{arn}'"
        raise ApiError("AccessDenied", text, 403)


def check_network(identities: Identities, world: World, said: Mapping[str, Any]) -> None:
    """Check that the role of a function in a private network may create network interfaces. Raises: ApiError."""
    role = said.get("role", "").rpartition("/")[2]
    if not said.get("vpcConfig", {}).get("vpcId") or not world.holds("E10"):
        return
    keys = identities.keys_of("alibaba", role)
    caller = identities.find("alibaba", keys.id) if keys is not None else None
    denied = [one for one in INTERFACES if caller is None or not identities.may(caller, one)]
    if denied:
        raise ApiError("AccessDenied", f"the role {role} lacks {denied[0]}, which its private network takes", 403)


def check_eventbridge(identities: Identities, world: World) -> None:
    """Check that EventBridge is activated and has its roles. Raises: ApiError."""
    if not world.holds("E1"):
        return
    if not identities.activated.eventbridge:
        raise ApiError("EventBridgeNotActivated", "EventBridge is not activated on this account", 403)
    missing = [name for name in NEEDED if identities.roles["alibaba"].find(name) is None]
    if missing:
        raise ApiError("ServiceLinkedRoleNotExist", f"the service-linked role {missing[0]} does not exist", 403)
