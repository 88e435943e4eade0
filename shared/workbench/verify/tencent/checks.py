"""Every check on Tencent Cloud (checks that only read come first), and how each kind of change is undone."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from shared.workbench.apis.tencent import TencentApi
from shared.workbench.verify.put_back import PutBack
from shared.workbench.verify.tencent import (
    ckafka,
    redis,
    redis_account,
    redis_root,
    scf,
    scf_story,
    ssm,
    tcr,
    wire,
)
from shared.workbench.verify.tencent.desk import TencentCheck

CHECKS: tuple[TencentCheck, ...] = (
    *wire.READS,
    *redis.READS,
    *tcr.READS,
    *ckafka.CHANGES,
    *ssm.CHANGES,
    *wire.CHANGES,
    *tcr.CHANGES,
    *redis.CHANGES,
    *scf.CHANGES,
)


def ways(api: TencentApi, environ: Mapping[str, str]) -> Mapping[str, PutBack]:
    """Kind of a change -> the function that undoes it."""
    return {
        redis_account.KIND: partial(redis_account.put_back, api, environ),
        redis_root.KIND: partial(redis_root.put_back, api, environ),
        tcr.KIND: partial(tcr.put_back, api, environ),
        ssm.KIND: partial(ssm.put_back, api),
        scf_story.KIND: partial(scf_story.put_back, api),
    }
