"""`python -m tests.support.traffic_client`: one process of an application that logs in again for each request.

Its login code is the manual's, unchanged. The program reads its orders as one line of JSON, and works until its input
ends. For each request it writes one line of JSON: when it began, how long it took, whether it failed.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.cloud.client.vendor_clients import kms_client, ssm_client
from tests.support.chapter_module import chapter_module
from tests.workbench.pages import AttachedStandin

_THREADS = 6


class Application:
    """Sends requests to each target in turn. Each request has a new connection with its own login."""

    def __init__(self, told: dict[str, Any]) -> None:
        self._cloud = AttachedStandin(Path(told["ready"]))
        self._shown = chapter_module("applications")
        self._once, self._pause_s = told["once"], _THREADS / told["rate"]
        self._requests = [self._request(target) for target in told["targets"]]
        self._said = threading.Lock()

    def _request(self, target: dict[str, str]) -> Callable[[], None]:
        login = self._shown.StoredLogin(self._reader(target["store"], target["account"]))
        login.get_credentials()
        host, _, port = target["address"].rpartition(":")
        if target["store"].startswith("ssm://tcr-"):
            return self._registry_request(f"http://{target['address']}/v2/", login)

        def request() -> None:
            with self._connect(host, int(port), login) as client:
                client.incr("requests")

        return request

    def _registry_request(self, url: str, login: Any) -> Callable[[], None]:
        def request() -> None:
            self._shown.pull(url, login, 1 if self._once else 10).raise_for_status()

        return request

    def _reader(self, store: str, account: str) -> Callable[[], tuple[str, ...]]:
        """How a target's login is read: by the manual's functions each time, or only once."""
        shown, kind, name = self._shown, *store.split("://")
        form = shown.tencent_login if kind == "ssm" else shown.tair_login
        client = ssm_client(self._cloud) if kind == "ssm" else kms_client(self._cloud)
        read = shown.from_ssm if kind == "ssm" else shown.from_kms

        def stored() -> tuple[str, ...]:
            text = read(client, name)
            if name.startswith("tcr-"):
                return account, text
            held = shown.in_turn(text) if name.endswith("-pair") else (account, text)
            return cast("tuple[str, ...]", form(*held))

        kept: list[tuple[str, ...]] = [stored()] if self._once else []
        return (lambda: kept[0]) if kept else stored

    def _connect(self, host: str, port: int, login: Any) -> redis.Redis:
        if not self._once:
            return self._shown.connect(host, port, login)  # type: ignore[no-any-return]
        return redis.Redis(host=host, port=port, protocol=2, credential_provider=login, retry=Retry(NoBackoff(), 0))

    def work(self, first: int, end: threading.Event) -> None:
        """The requests of one thread, at the common pace."""
        due, turn = time.monotonic() + self._pause_s * first / _THREADS, first
        while not end.wait(max(0.0, due - time.monotonic())):
            due, turn = due + self._pause_s, turn + _THREADS
            self._do(self._requests[turn % len(self._requests)])

    def _do(self, request: Callable[[], None]) -> None:
        began, failure = time.time(), ""
        try:
            request()
        except Exception as error:
            failure = type(error).__name__
        line = json.dumps({"began": began, "seconds": time.time() - began, "failure": failure})
        with self._said:
            print(line)


def main() -> None:
    """Work until the input ends."""
    application = Application(json.loads(sys.stdin.readline()))
    end = threading.Event()
    threads = [threading.Thread(target=application.work, args=(first, end)) for first in range(_THREADS)]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    end.set()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
