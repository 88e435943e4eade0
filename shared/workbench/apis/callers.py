"""Refusals that are about who calls, from where and when, and say nothing of what was asked."""

from __future__ import annotations

from typing import Literal

Complaint = Literal["keys", "rights", "region", "clock", ""]
_CLOCK = ("authfailure.signatureexpire", "invalidtimestamp", "requesttimetooskewed", "requesttimeskewed")
_REGION = ("unsupportedregion", "invalidregionid", "regionid.notfound", "invalidregion")
_RIGHTS = (
    "unauthorizedoperation",
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


class CallerRefused(Exception):
    """A call with the caller's own keys was refused for who calls, its rights, the region or the clock."""

    def __init__(self, action: str, code: str, status: int) -> None:
        super().__init__(f"{action}: {code}")
        self.action = action
        self.code = code
        self.status = status


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
