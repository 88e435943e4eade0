"""Chooses the adapter of a store or queue by its name, and imports only that adapter's client."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from shared.queues.port import Inbox, Queue, QueueAccess
from shared.runtime import queue_urls

if TYPE_CHECKING:
    from shared.clouds.tencent.ckafka import CkafkaQueue
    from shared.commands.store_reference import StoreRef
    from shared.queues.amqp import AmqpQueue
    from shared.queues.memory import MemoryQueue
    from shared.queues.smq import SmqQueue
    from shared.queues.sqlite import SqliteQueue
    from shared.runtime.cloud_access import CloudAccess
    from shared.stores.store import Store


def open_store(ref: StoreRef, access_of: Callable[[str], CloudAccess], region: str) -> Store:
    """The store that `ref` names, in a region of its cloud. Imports only that cloud's adapter.

    Raises: ImportError if this package does not carry the adapter.
    """
    access = access_of(ref.cloud)
    if ref.kind == "ssm":
        from shared.clouds.tencent.ssm import SsmStore

        return SsmStore(access, region, ref.name)
    from shared.clouds.alibaba.kms import KmsStore

    return KmsStore(access, region, ref.name)


def as_role(access: CloudAccess, cloud: str, region: str, role: str | None, function: str) -> CloudAccess:
    """The access with the keys of another account's role; `access` itself without one. Raises: RetryLater, Refused."""
    if role is None:
        return access
    from shared.clouds.assumed_roles import assumed

    return assumed(access, cloud, region, role, function)


def open_queue(
    url: str, *, function: str | None = None, on_platform: bool = False, access: QueueAccess | None = None
) -> Queue:
    """The queue that `url` names, to send to. Nothing is opened before the first use.

    `access`: required for the clouds' own queues. Each send asks it for the keys.

    Raises: ValueError, naming the rule, never the URL.
    """
    return _open(url, function, on_platform, access)


def open_inbox(url: str, *, function: str | None = None, access: QueueAccess | None = None) -> Inbox:
    """The same queue, to receive from. CKafka's HTTP API cannot receive. Raises: ValueError, as `open_queue`."""
    opened = _open(url, function, False, access)
    if not isinstance(opened, Inbox):
        raise ValueError("queue URL: only the platform's own trigger can read a ckafka:// queue")
    return opened


def _open(
    url: str, function: str | None, on_platform: bool, access: QueueAccess | None
) -> MemoryQueue | SqliteQueue | CkafkaQueue | SmqQueue | AmqpQueue:
    place = queue_urls.place_of(url, function=function, on_platform=on_platform)
    if isinstance(place, queue_urls.AmqpPlace):
        from shared.queues.amqp import AmqpQueue

        return AmqpQueue(place)
    if isinstance(place, queue_urls.MemoryPlace):
        from shared.queues.memory import MemoryQueue

        return MemoryQueue(place.name)
    if isinstance(place, queue_urls.SqlitePlace):
        from shared.queues.sqlite import SqliteQueue

        return SqliteQueue(place.path)
    if access is None:
        raise ValueError("queue URL: a cloud's own queue requires the keys of a role, and there are none")
    if isinstance(place, queue_urls.CkafkaPlace):
        from shared.clouds.tencent.ckafka import CkafkaQueue

        return CkafkaQueue(place, access)
    from shared.queues.smq import SmqQueue

    return SmqQueue(place, access)
