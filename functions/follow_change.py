"""follow_change: brings a pending change to its end. It reads a task or a status and never changes anything.

Promise: each pending change ends in one terminal result: what the task says, or `unknown` 30 minutes after its start.
"""

from __future__ import annotations

from shared.changes.credential import Follower
from shared.handlers.follow import Following
from shared.results.outcome import Subject
from shared.runtime.cloud_access import CloudAccess


def _redis(access: CloudAccess, subject: Subject) -> Follower:
    from shared.clouds.tencent.redis import RedisInstance

    return RedisInstance(access, subject, access.site)


def _tair(access: CloudAccess, subject: Subject) -> Follower:
    from shared.clouds.alibaba.tair import TairInstance

    return TairInstance(access, subject)


main_handler = Following(
    followers={("tencent", "redis"): _redis, ("alibaba", "tair"): _tair},
    rights=(
        "redis:DescribeTaskInfo",
        "redis:DescribeTaskList",
        "redis:DescribeInstanceAccount",
        "redis:DescribeInstances",
        "redis:DescribeSSLStatus",
        "kvstore:DescribeAccounts",
        "kvstore:DescribeInstanceAttribute",
        "kvstore:DescribeInstanceSSL",
    ),
)
