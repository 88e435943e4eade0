"""The refusals of services whose first use nobody has agreed to in the console."""

from __future__ import annotations

from collections.abc import Mapping

from tests.cloud.identity.identities import Identities
from tests.cloud.state.api_error import ApiError
from tests.cloud.state.world import World

_REFUSALS: Mapping[str, tuple[str, ApiError]] = {
    # Service -> its switch, and its refusal. The codes of SSM and CLS are in their SDKs' lists; the others are not
    # published.
    "ssm": ("ssm", ApiError("ResourceUnavailable.NotPurchased", "The service is not activated.")),
    "cls": ("cls", ApiError("OperationDenied.AccountNotExists", "The account does not exist.")),
    "fc": ("fc", ApiError("ServiceNotActivated", "Function Compute is not activated on this account.", 403)),
    "kms": ("kms", ApiError("Forbidden.KmsServiceNotEnabled", "KMS is not activated on this account.", 403)),
    "mns": ("smq", ApiError("AccessDenied", "The service is not activated on this account.", 403)),
    "mns-open": ("smq", ApiError("ServiceNotActivated", "The service is not activated on this account.", 403)),
    "log": ("sls", ApiError("ServiceNotOpened", "Log Service is not activated on this account.", 403)),
}


def check_consent(identities: Identities, world: World, service: str) -> None:
    """Check that somebody agreed to this service's first use, or that it needs no consent. Raises: ApiError."""
    if service in _REFUSALS and world.holds("I4"):
        switch, refusal = _REFUSALS[service]
        if not getattr(identities.activated, switch):
            raise ApiError(refusal.code, refusal.message, refusal.status)
