"""Refusals because of the caller, the place or the time of a call. They say nothing about the request itself."""

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
    "unauthorized",  # a code of SLS, and the beginning of UnauthorizedOperation
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
    """Whether a code means a temporary condition: too many calls, or a failure of the service."""
    return code.lower().startswith(_PASSING)


_PRODUCTS = {"mns-open": "mns", "eventbridge-console": "eventbridge", "FC": "fc", "r-kvstore": "kvstore"}
"""The names of products in policies, where they differ from those in the API."""
_GIVES_ROLES = {"scf": "cam", "fc": "ram"}
_WITH_A_ROLE = ("CreateFunction", "UpdateFunctionConfiguration", "UpdateFunction")


Person = Literal["deployer", "bootstrap"]
"""The policy that `make bootstrap PRINT=1` writes: for the person who deploys, or the person who runs bootstrap."""


def missing_right(cloud: str, service: str, action: str, code: str, person: Person = "deployer") -> str:
    """The right that a refused call lacks, and who can grant it. Empty: the code is not about rights."""
    if complaint(code) != "rights":
        return ""
    product = _PRODUCTS.get(service, service)
    right = f"{product}:{action}"
    if product in _GIVES_ROLES and action in _WITH_A_ROLE:
        right += f" (or {_GIVES_ROLES[product]}:PassRole for the function's role)"
    return f"these keys lack the right {right}; {who_grants(cloud, person)}"


def who_grants(cloud: str, person: Person = "deployer") -> str:
    """Whom to ask for a right, and what to show that person."""
    policy = f"`make bootstrap CLOUD={cloud} PRINT=1` writes the whole policy to dist/bootstrap/{cloud}/{person}.json"
    return f"whoever administers the account must grant it: {policy}"


class Refusal(Exception):
    """A cloud's refusal of a call: its own `code` and HTTP's `status`, and nothing of the request."""

    def __init__(self, action: str, code: str, status: int, service: str = "") -> None:
        super().__init__(f"{action}: {code}")
        self.action = action
        self.service = service
        self.code = code
        self.status = status


class CallerRefused(Refusal):
    """The cloud refused a call because of the caller's keys or rights, the region or the clock."""


def complaint(code: str) -> Complaint:
    """What a code complains about, if it is about the caller. Empty: any other code."""
    code = code.lower()
    kinds: tuple[tuple[Complaint, tuple[str, ...]], ...] = (
        ("clock", _CLOCK),
        ("region", _REGION),
        ("rights", _RIGHTS),
        ("keys", _KEYS),
    )
    return next((kind for kind, starts in kinds if code.startswith(starts)), "")
