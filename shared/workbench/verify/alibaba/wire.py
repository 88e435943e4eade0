"""Signatures, keys and rates: claims that any read shows."""

from __future__ import annotations

from shared.workbench.verify.alibaba.desk import AlibabaCheck, AlibabaDesk
from shared.workbench.verify.apis import CallRefused
from shared.workbench.verify.findings import Differs, Finding, Holds

_EXPECTED = "a 4xx code about the token or key"


def _refused_first(desk: AlibabaDesk) -> Finding:
    """A bad token is refused with a code that says so."""
    try:
        desk.api.call("r-kvstore", "DescribeInstances", {"RegionId": desk.api.region}, keys={"token": "no-token"})
    except CallRefused as refused:
        seen = f"a made-up token: {refused.code} ({refused.status})"
        told = any(word in refused.code for word in ("SecurityToken", "AccessKey", "Signature", "Forbidden"))
        return Holds(seen) if told and 400 <= refused.status < 500 else Differs(_EXPECTED, seen)
    return Differs(_EXPECTED, "a made-up token was taken")


CHECKS: tuple[AlibabaCheck, ...] = (AlibabaCheck("W2", _refused_first),)
