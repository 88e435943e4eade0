"""Every check on Alibaba Cloud, those that only read first, and how each kind of change is put back."""

from __future__ import annotations

from collections.abc import Mapping

from shared.workbench.verify.alibaba import wire
from shared.workbench.verify.alibaba.desk import AlibabaCheck
from shared.workbench.verify.apis import AlibabaApi
from shared.workbench.verify.put_back import PutBack

CHECKS: tuple[AlibabaCheck, ...] = (*wire.CHECKS,)


def ways(api: AlibabaApi, environ: Mapping[str, str]) -> Mapping[str, PutBack]:
    """Kind of a change -> how it is put back."""
    _ = api, environ
    return {}
