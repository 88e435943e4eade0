"""Refusals that are about who calls, from where and when, and say nothing of what was asked."""

from __future__ import annotations

from typing import Literal

Complaint = Literal["keys", "rights", "region", "clock", ""]
_CLOCK = (
    "authfailure.signatureexpire",
    "invalidtimestamp",
    "requesttimetooskewed",
    "requesttimeskewed",
    "requesttimeexpired",
)
_REGION = ("unsupportedregion", "invalidregionid", "regionid.notfound", "invalidregion")
_RIGHTS = (
    "unauthorized",  # SLS' own, and the start of UnauthorizedOperation
    "authfailure.unauthorizedoperation",
    "forbidden.ram",
    "forbidden.nopermission",
    "nopermission",
    "accessdenied",
)
_KEYS = (
    "authfailure",
    "invalidaccesskeyid",
    "invalidaccesskeysecret",
    "signaturedoesnotmatch",
    "signaturenotmatch",
    "incompletesignature",
    "invalidsecuritytoken",
    "missingsecuritytoken",
    "forbidden.accesskey",
    "inactiveaccesskey",
    "securitytokenexpired",
)


_PASSING = (
    "requestlimitexceeded",
    "throttling",
    "resourceexhausted",
    "toomanyrequests",
    "internalerror",
    "internalservererror",
    "serviceunavailable",
    "systemerror",
    "failedoperation.systemerror",
)


def passes(code: str) -> bool:
    """Whether a code is about the moment: the call's rate, or a failure of the service's own."""
    return code.lower().startswith(_PASSING)


_PRODUCTS = {"mns-open": "mns", "eventbridge-console": "eventbridge", "FC": "fc", "r-kvstore": "kvstore"}
"""What policies call a product, where its API is called otherwise."""
_GIVES_ROLES = {"scf": "cam", "fc": "ram"}
_WITH_A_ROLE = ("CreateFunction", "UpdateFunctionConfiguration", "UpdateFunction")


Person = Literal["deployer", "bootstrap"]
"""Whose policy `make bootstrap PRINT=1` writes: of who deploys, or of who runs bootstrap."""


def missing_right(cloud: str, service: str, action: str, code: str, person: Person = "deployer") -> str:
    """Which right a refused call wants, and who grants it; empty for a code that is not about rights."""
    if complaint(code) != "rights":
        return ""
    product = _PRODUCTS.get(service, service)
    right = f"{product}:{action}"
    if product in _GIVES_ROLES and action in _WITH_A_ROLE:
        right += f" (or {_GIVES_ROLES[product]}:PassRole for the function's role)"
    return f"these keys lack the right {right}; {who_grants(cloud, person)}"


def who_grants(cloud: str, person: Person = "deployer") -> str:
    """Whom to ask for a right, and what to show them."""
    policy = f"`make bootstrap CLOUD={cloud} PRINT=1` writes the whole policy to dist/bootstrap/{cloud}/{person}.json"
    return f"whoever administers the account must grant it: {policy}"


class Refusal(Exception):
    """What a cloud answers to a call that it does not take; `code` is its own, `status` HTTP's. Never what was sent."""

    def __init__(self, action: str, code: str, status: int, service: str = "") -> None:
        super().__init__(f"{action}: {code}")
        self.action = action
        self.service = service
        self.code = code
        self.status = status


class CallerRefused(Refusal):
    """A call with the caller's own keys was refused for who calls, its rights, the region or the clock."""


def complaint(code: str) -> Complaint:
    """What a code complains of, if it is about the caller; empty for any other code."""
    code = code.lower()
    kinds: tuple[tuple[Complaint, tuple[str, ...]], ...] = (
        ("clock", _CLOCK),
        ("region", _REGION),
        ("rights", _RIGHTS),
        ("keys", _KEYS),
    )
    return next((kind for kind, starts in kinds if code.startswith(starts)), "")
