"""Every check on Tencent Cloud, those that only read first, and how each kind of change is put back."""

from __future__ import annotations

from collections.abc import Mapping

from shared.workbench.verify.apis import TencentApi
from shared.workbench.verify.put_back import PutBack
from shared.workbench.verify.tencent import wire
from shared.workbench.verify.tencent.desk import TencentCheck

CHECKS: tuple[TencentCheck, ...] = (*wire.CHECKS,)


def ways(api: TencentApi, environ: Mapping[str, str]) -> Mapping[str, PutBack]:
    """Kind of a change -> how it is put back."""
    _ = api, environ
    return {}
