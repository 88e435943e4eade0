"""The desk of Alibaba's checks, and how they note what the cloud says to a call."""

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
    """What the cloud said to a call: its code and HTTP's status, or no code, and the call was taken."""

    code: str = ""
    status: int = 200

    @property
    def taken(self) -> bool:
        return not self.code

    def __str__(self) -> str:
        return f"{self.code} ({self.status})" if self.code else "taken"


def said(call: Callable[[], object]) -> Said:
    """Make a call and note whether it was taken. Raises: CallLost."""
    try:
        call()
    except CallRefused as refused:
        return Said(refused.code or "no code", refused.status)
    return Said()
