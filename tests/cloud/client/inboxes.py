"""Any queue of the project as a consumer sees it, also the queues inside the stand-in."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.error import URLError
from urllib.request import Request

from shared.handlers.adapters import open_inbox
from shared.queues.port import (
    Inbox,
    LeasedMessage,
    QueueAccess,
    QueueMessage,
    QueueUnavailable,
    WaitingMessage,
    read_back,
)
from shared.queues.sqlite import SqliteQueue
from shared.runtime.cloud_access import RoleKeys
from shared.runtime.queue_urls import ckafka_place, smq_place, sqlite_path
from shared.runtime.secret import Secret
from shared.runtime.settings import setting
from tests.cloud.client.control_path import opener
from tests.cloud.state.world import load_world


def queue_access(environ: Mapping[str, str] = os.environ) -> QueueAccess:
    """The default world's keys, at the endpoints that an environment names."""

    def keys(cloud: str) -> RoleKeys:
        credentials = load_world().credentials
        given = credentials.tencent if cloud == "tencent" else credentials.alibaba
        return RoleKeys(given.id, Secret(given.key), Secret(given.token))

    ca_file = setting(environ, "KEYTURN_CA_FILE")
    return QueueAccess(keys, lambda cloud: setting(environ, f"KEYTURN_{cloud.upper()}_ENDPOINT"), ca_file=ca_file)


def open_any_inbox(
    url: str,
    *,
    function: str | None = None,
    environ: Mapping[str, str] = os.environ,
    now: Callable[[], float] = time.time,
) -> Inbox:
    """The queue behind `url`, to take messages from. `now`: the clock for the leases and delays of a file.

    Raises: ValueError, as `open_inbox`.
    """
    scheme, _, rest = url.partition("://")
    rest = rest.replace("{function}", (function or "{function}").replace("_", "-"))
    cloud = "TENCENT" if scheme == "ckafka" else "ALIBABA"
    endpoint = setting(environ, f"KEYTURN_{cloud}_ENDPOINT") or ""
    if scheme == "sqlite" and not ("{function}" in url and function is None):
        return SqliteQueue(sqlite_path(rest), now=now)
    if scheme not in ("ckafka", "smq"):
        return open_inbox(url, function=function)
    ca_file = setting(environ, "KEYTURN_CA_FILE")
    if not (endpoint.startswith("http://") or (endpoint and ca_file)):
        rule = "set KEYTURN_..._ENDPOINT to its address, and over TLS KEYTURN_CA_FILE to its CA"
        raise ValueError(f"{scheme}:// can only be read from the stand-in: {rule}")
    if scheme == "ckafka":
        return ControlPathInbox(endpoint, f"ckafka/{ckafka_place(rest).datahub_id}", ca_file)
    place = smq_place(rest)
    behind = ControlPathInbox(endpoint, f"smq/{place.account}/{place.queue}", ca_file)
    return SmqInbox(open_inbox(url, function=function, access=queue_access(environ)), behind)


class ControlPathInbox:
    """An Inbox through the stand-in's control path, for queues that a cloud shows to its own triggers only."""

    def __init__(self, endpoint: str, queue: str, ca_file: str | None = None) -> None:
        self._url = f"{endpoint}/_standin/queue"
        self._queue = queue
        self._opener = opener(ca_file)

    def receive(self, max_messages: int, lease_s: float, *, ignore_delay: bool = False) -> list[LeasedMessage]:
        """See Inbox.receive."""
        if ignore_delay:
            self.hurry()
        found = self._ask("receive", Most=max_messages, LeaseS=lease_s)
        return [LeasedMessage(**{**one, "message": QueueMessage(**one["message"])}) for one in found]

    def ack(self, leased: LeasedMessage) -> bool:
        """See Inbox.ack."""
        return bool(self._ask("ack", Id=leased.message.id, Lease=leased.lease))

    def release(self, leased: LeasedMessage, delay_s: float = 0.0) -> bool:
        """See Inbox.release."""
        return bool(self._ask("release", Id=leased.message.id, Lease=leased.lease, DelayS=delay_s))

    def peek(self) -> list[WaitingMessage]:
        """See Inbox.peek."""
        return [WaitingMessage(**{**one, "message": QueueMessage(**one["message"])}) for one in self._ask("peek")]

    def hurry(self) -> None:
        """Make all delayed messages due."""
        self._ask("hurry")

    def close(self) -> None:
        """Does nothing: no connection is open."""

    def _ask(self, do: str, **arguments: Any) -> Any:
        order = json.dumps({"Queue": self._queue, "Do": do, **arguments}).encode()
        try:
            with self._opener.open(Request(self._url, order, method="POST"), timeout=10) as reply:
                return json.load(reply)["Answer"]
        except (URLError, OSError) as error:
            raise QueueUnavailable(f"the stand-in does not answer ({type(error).__name__})") from None


class SmqInbox:
    """SMQ by its own protocol. The control path shows what the protocol does not, and can ignore delays."""

    def __init__(self, queue: Inbox, behind: ControlPathInbox) -> None:
        self._queue = queue
        self._behind = behind
        self.ack, self.release, self.close = queue.ack, queue.release, queue.close

    def receive(self, max_messages: int, lease_s: float, *, ignore_delay: bool = False) -> list[LeasedMessage]:
        """See Inbox.receive."""
        if ignore_delay:
            self._behind.hurry()
        return self._queue.receive(max_messages, lease_s)

    def peek(self) -> list[WaitingMessage]:
        """See Inbox.peek."""
        return [replace(one, message=read_back(one.message.id, one.message.body)) for one in self._behind.peek()]
