"""The desk of Alibaba's checks, and how the checks note the cloud's answer to a call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.workbench.apis.alibaba import AlibabaApi
from shared.workbench.apis.calls import CallRefused
from shared.workbench.verify.check import Check, Desk
from shared.workbench.verify.sandbox import AlibabaSandbox

AlibabaDesk = Desk[AlibabaApi, AlibabaSandbox]
AlibabaCheck = Check[AlibabaDesk]


@dataclass(frozen=True)
class Said:
    """The cloud's answer to a call: its code and the HTTP status. No code means that the call was accepted."""

    code: str = ""
    status: int = 200

    @property
    def taken(self) -> bool:
        return not self.code

    def __str__(self) -> str:
        return f"{self.code} ({self.status})" if self.code else "accepted"


def said(call: Callable[[], object]) -> Said:
    """Make a call and note the answer. Raises: CallLost."""
    try:
        call()
    except CallRefused as refused:
        return Said(refused.code or "no code", refused.status)
    return Said()
