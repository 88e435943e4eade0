"""What stands before a cloud's services and speaks its protocol: TC3 and JSON, ACS3 and RPC, REST and XML."""

from __future__ import annotations

from typing import Any, Literal, Protocol

from tests.cloud.wire.http import HttpReply, HttpRequest
from tests.cloud.wire.service import Action, Answer, ApiError, Call, Service


class ApiGateway(Protocol):
    """One cloud's front door: who calls, by what name, with which parameters, and how it answers."""

    def entry(self, wire: HttpRequest) -> dict[str, str]:
        """What a request says of itself, true or not: Action, Version, Region, Host."""

    def read(self, wire: HttpRequest, request_id: str) -> tuple[Call, Service]:
        """Check all but the parameters. Raises: ApiError."""

    def parameters(self, wire: HttpRequest, action: Action) -> dict[str, Any]:
        """The action's parameters in their published types. Raises: ApiError."""

    def forget(self, wire: HttpRequest) -> None:
        """Be as if the request had not come yet: what may be used once may be used."""

    def refuse(self, kind: Literal["throttle", "expire_token"]) -> ApiError:
        """A refusal that any action can get."""

    def answer(self, call: Call, answer: Answer) -> HttpReply:
        """The reply to a call that went well."""

    def refusal(self, wire: HttpRequest, request_id: str, error: ApiError) -> HttpReply:
        """The reply to a call that did not."""
