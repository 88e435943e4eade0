"""plan_rotation: which credentials of a fleet are older than a policy allows, and one command for each that is.

Promise: it only reads, and what it sends holds no secret. A credential that is due gets the same CommandId from every
firing until its secret has changed, so a repeat makes no second rotation. What cannot be listed, or has no age, is
reported and never rotated.
"""

from __future__ import annotations

from shared.handlers.rotation import Rotation
from shared.rotation.fleet import Fleet
from shared.runtime.cloud_access import CloudAccess


def _redis(access: CloudAccess, region: str) -> Fleet:
    from shared.clouds.tencent.fleet import RedisFleet

    return RedisFleet(access, region)


def _tcr(access: CloudAccess, region: str) -> Fleet:
    from shared.clouds.tencent.fleet import RegistryFleet

    return RegistryFleet(access, region)


def _tair(access: CloudAccess, region: str) -> Fleet:
    from shared.clouds.alibaba.fleet import TairFleet

    return TairFleet(access, region)


main_handler = Rotation(
    fleets={("tencent", "redis"): _redis, ("tencent", "tcr"): _tcr, ("alibaba", "tair"): _tair},
    rights=(
        "redis:DescribeInstances",
        "redis:DescribeInstanceAccount",
        "tcr:DescribeInstances",
        "tcr:DescribeServiceAccounts",
        "kvstore:DescribeInstances",
        "kvstore:DescribeAccounts",
        "ssm:ListSecretVersionIds",
        "kms:ListSecretVersionIds",
    ),
)
