"""What stands before a cloud's services and speaks its protocol: TC3 and JSON, ACS3 and RPC, REST and XML."""

from __future__ import annotations

from typing import Any, Literal, Protocol

from tests.cloud.wire.http import HttpReply, HttpRequest
from tests.cloud.wire.service import Action, Answer, ApiError, Call, Service


class ApiGateway(Protocol):
    """One cloud's front door: who calls, by what name, with which parameters, and how it answers."""

    def call_record(self, request: HttpRequest) -> dict[str, str]:
        """What a request says of itself, true or not: Action, Version, Region, Host."""

    def read_call(self, request: HttpRequest, request_id: str) -> tuple[Call, Service]:
        """Check all but the parameters. Raises: ApiError."""

    def parameters(self, request: HttpRequest, action: Action) -> dict[str, Any]:
        """The action's parameters in their published types. Raises: ApiError."""

    def forget_request(self, request: HttpRequest) -> None:
        """Be as if the request had not come yet: what may be used once may be used."""

    def error_for(self, kind: Literal["throttle", "expire_token"]) -> ApiError:
        """A refusal that any action can get."""

    def success_reply(self, call: Call, answer: Answer) -> HttpReply:
        """The reply to a call that went well."""

    def error_reply(self, request: HttpRequest, request_id: str, error: ApiError) -> HttpReply:
        """The reply to a call that did not."""
