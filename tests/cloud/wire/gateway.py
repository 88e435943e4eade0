"""The gateway of a cloud: it stands before the services and speaks the cloud's protocol (TC3 and JSON, ACS3 and RPC,
REST and
XML).
"""

from __future__ import annotations

from typing import Any, Literal, Protocol

from tests.cloud.wire.http import HttpReply, HttpRequest
from tests.cloud.wire.service import Action, Answer, ApiError, Call, Service


class ApiGateway(Protocol):
    """One cloud's gateway. It finds the caller, the action and its parameters, and forms the answer."""

    def call_record(self, request: HttpRequest) -> dict[str, str]:
        """What a request claims about itself, checked or not: Action, Version, Region, Host."""

    def read_call(self, request: HttpRequest, request_id: str) -> tuple[Call, Service]:
        """Check everything but the parameters. Raises: ApiError."""

    def parameters(self, request: HttpRequest, action: Action) -> dict[str, Any]:
        """The action's parameters in their published types. Raises: ApiError."""

    def forget_request(self, request: HttpRequest) -> None:
        """Forget a request as if it had not arrived: a nonce may be used again."""

    def error_for(self, kind: Literal["throttle", "expire_token"]) -> ApiError:
        """A refusal that every action can give."""

    def success_reply(self, call: Call, answer: Answer) -> HttpReply:
        """The reply to a call that succeeded."""

    def error_reply(self, request: HttpRequest, request_id: str, error: ApiError) -> HttpReply:
        """The reply to a call that was refused."""
