"""Signatures, keys and rates: claims that any read shows."""

from __future__ import annotations

from shared.workbench.verify.apis import CallRefused
from shared.workbench.verify.findings import Differs, Finding, Holds
from shared.workbench.verify.tencent.desk import TencentCheck, TencentDesk

_READ = ("redis", "DescribeInstances", {"Limit": 1, "Offset": 0})
_EXPECTED = "a code of AuthFailure"


def _refused_first(desk: TencentDesk) -> Finding:
    """A bad token is refused with a code that says so."""
    try:
        desk.api.call(*_READ, keys={"token": "no-token"})
    except CallRefused as refused:
        seen = f"a made-up token: {refused.code}"
        return Holds(seen) if refused.code.startswith("AuthFailure") else Differs(_EXPECTED, seen)
    return Differs(_EXPECTED, "a made-up token was taken")


CHECKS: tuple[TencentCheck, ...] = (TencentCheck("W2", _refused_first),)
