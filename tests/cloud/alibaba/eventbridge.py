"""Alibaba EventBridge, 2020-04-01: its service-linked roles.

Sources: the official SDK's models (alibabacloud-eventbridge20200401 8.7.0), whose endpoint table names the hosts, and
the page of CreateServiceLinkedRoleForProduct (2025-12-19): ProductName is the role's name.

Claims: E1, I9, W2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.cloud.identity.identities import Identities
from tests.cloud.identity.roles import LINKED_SERVICES
from tests.cloud.state.world import World
from tests.cloud.wire.service import Action, Answer, ApiError, Call, Cloud, RefusalKind, parameter_table


class AlibabaEventbridge:
    """The part of EventBridge that a caller needs before the first trigger."""

    cloud: Cloud = "alibaba"
    name = "eventbridge-console"
    version = "2020-04-01"
    task_faults: frozenset[str] = frozenset()

    def __init__(self, world: World, identities: Identities) -> None:
        self._world = world
        self._identities, self._roles = identities, identities.roles["alibaba"]
        product = parameter_table("ProductName!")
        self.actions: Mapping[str, Action] = {
            "CreateServiceLinkedRoleForProduct": Action(
                product, self._create, changes=True, right="ram:CreateServiceLinkedRole"
            ),
            "CheckServiceLinkedRoleForProduct": Action(
                product, self._check, right="eventbridge:CheckServiceLinkedRoleForProduct"
            ),
            "ListEventBuses": Action(
                parameter_table("Limit:int NamePrefix NextToken"), self._buses, right="eventbridge:ListEventBuses"
            ),
        }

    def error_for(self, kind: RefusalKind, call: Call) -> ApiError:
        if kind == "denied":
            return ApiError("NoPermission", "You are not authorized to do this action.", 403)
        return ApiError("InternalError", "The request processing has failed.", 500)

    def state(self) -> dict[str, Any]:
        """Empty: this service keeps nothing."""
        return {}

    async def start(self) -> None:
        """Does nothing: this service starts no server."""

    async def reset(self, world: World) -> None:
        """Does nothing: Identities keeps the roles and resets them."""
        self._world = world

    async def close(self) -> None:
        """Does nothing: this service starts no server."""

    async def _create(self, given: Mapping[str, Any], call: Call) -> Answer:
        name = _known(given)
        if self._roles.find(name) is None:
            self._roles.add_linked(LINKED_SERVICES[name])
        return {"Code": "Success", "Message": "", "Success": True, "HttpCode": "200"}

    async def _buses(self, given: Mapping[str, Any], call: Call) -> Answer:
        """The buses of the clouds' own products. Every account that opened EventBridge has them."""
        if not self._identities.activated.eventbridge and self._world.holds("I8"):
            raise ApiError("ServiceNotOpened", "EventBridge is not activated on this account.", 403)
        buses = [{"EventBusName": "default"}]
        return {"Code": "Success", "Message": "", "Data": {"EventBuses": buses, "Total": 1}}

    async def _check(self, given: Mapping[str, Any], call: Call) -> Answer:
        name = _known(given)
        data = {"CheckPass": self._roles.find(name) is not None, "StsRoleName": name}
        return {"Code": "Success", "Message": "", "Success": True, "Data": data}


def _known(given: Mapping[str, Any]) -> str:
    name = str(given["ProductName"])
    if name not in LINKED_SERVICES:
        raise ApiError("InvalidArgument", "The product has no service-linked role.")
    return name
