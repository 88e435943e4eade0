"""What an answer can make the vendors' clients do beside: nothing. Each call goes to its own host, once, and alone."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from shared.clouds.alibaba.session import AlibabaSession
from shared.clouds.session import Session
from shared.clouds.tencent.redis import _client_class
from shared.clouds.tencent.session import TencentSession
from shared.runtime.cloud_access import CloudAccess, RoleKeys
from shared.runtime.deadline import Deadline
from shared.runtime.errors import Ambiguous, ErrorClass, RetryLater
from shared.runtime.secret import Secret
from shared.workbench.apis.alibaba import AlibabaApi
from shared.workbench.apis.calls import CallLost
from shared.workbench.apis.tencent import TencentApi
from tests.cloud.backends.child_processes import free_port
from tests.clouds.scripted import raised

GOOD = {"RequestId": "r", "Response": {"RequestId": "r", "TaskId": 7}}


@dataclass
class Detour:
    """A server, what it answers, and the headers of each request."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = field(default_factory=lambda: GOOD)
    seen: list[dict[str, str]] = field(default_factory=list)
    endpoint: str = ""

    def access(self) -> CloudAccess:
        keys = RoleKeys("id", Secret("some-role-key"), Secret("some-role-token"))
        return CloudAccess(keys, self.endpoint, 1000.0, Deadline(time.monotonic() + 20), sleep=lambda _: None)


@pytest.fixture
def server() -> Iterator[Callable[[Detour], Detour]]:
    running: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start(detour: Detour) -> Detour:
        class Answers(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"] or 0))
                self.do_GET()

            def do_GET(self) -> None:
                detour.seen.append({name.lower(): value for name, value in self.headers.items()})
                raw = json.dumps(detour.body).encode()
                self.send_response(detour.status)
                for name, value in {"Content-Type": "application/json", **detour.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        made = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        detour.endpoint = f"http://127.0.0.1:{made.server_port}"
        running.append((made, threading.Thread(target=made.serve_forever, args=(0.01,))))
        running[-1][1].start()
        return detour

    yield start
    for made, thread in running:
        made.shutdown()
        thread.join()
        made.server_close()


def tencent(access: CloudAccess) -> Session:
    return TencentSession(access, "ap-guangzhou", "domestic", "redis", _client_class)


def alibaba(access: CloudAccess) -> Session:
    return AlibabaSession(access, "cn-hangzhou")


SESSIONS = pytest.mark.parametrize("session_of", [tencent, alibaba])
STATUSES = pytest.mark.parametrize("status", [301, 302, 303, 307, 308])


@STATUSES
@SESSIONS
def test_a_change_that_is_answered_with_a_redirect_was_sent_and_goes_nowhere_else(
    session_of: Callable[[CloudAccess], Session], status: int, server: Callable[[Detour], Detour]
) -> None:
    other = server(Detour())
    places = (other.endpoint, f"http://127.0.0.1:{free_port()}", "https://127.0.0.1:1", "/again")
    for place in places:
        first = server(Detour(status, {"Location": place}))
        session = session_of(first.access())
        error = raised(Ambiguous, partial(session.change, "Go", {}, {"Password": "p"}))
        assert (error.error_class, len(first.seen), other.seen) == (ErrorClass.AMBIGUOUS, 1, [])


@SESSIONS
def test_a_read_that_is_answered_with_a_redirect_is_unavailable(
    session_of: Callable[[CloudAccess], Session], server: Callable[[Detour], Detour]
) -> None:
    other = server(Detour())
    first = server(Detour(307, {"Location": other.endpoint}))
    error = raised(RetryLater, lambda: session_of(first.access()).read("DescribeX", {}))
    assert (error.error_class, len(first.seen), other.seen) == (ErrorClass.UNAVAILABLE, 4, [])


@SESSIONS
def test_a_cookie_of_one_answer_goes_with_no_other_call(
    session_of: Callable[[CloudAccess], Session], server: Callable[[Detour], Detour]
) -> None:
    one = server(Detour(headers={"Set-Cookie": "SERVERID=first; Path=/"}))
    for _ in range(2):
        session_of(one.access()).read("DescribeX", {})
    assert len(one.seen) == 2
    assert not [seen for seen in one.seen if "cookie" in seen]


@STATUSES
def test_the_workbench_follows_none_either(status: int, server: Callable[[Detour], Detour]) -> None:
    other = server(Detour())
    keys = {"id": "id", "key": "some-role-key", "token": "some-role-token"}
    first = server(Detour(status, {"Location": other.endpoint}))
    with pytest.raises(CallLost):
        TencentApi(keys, "ap-guangzhou", "domestic", first.endpoint).call("scf", "CreateFunction", {"A": "b"})
    with pytest.raises(CallLost):
        AlibabaApi(keys, "cn-hangzhou", first.endpoint).call("r-kvstore", "DescribeRegions", {})
    assert other.seen == []
