"""The manual's chapter for applications: each of its blocks at work."""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import re
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import amqp
import pytest
import redis
import yaml

from tests.cloud.backends.rabbitmq import RabbitMq
from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import kms_client, ssm_client, stored_value
from tests.cloud.demo.six_ways import endpoints
from tests.cloud.functions.platform_names import SCF
from tests.cloud.functions.trigger_events import timer_event
from tests.cloud.invocation.runtime import run_function
from tests.support.chapter_module import chapter_module
from tests.workbench.applications import CHAPTER, FIRST, REDIS, REGISTRY, world

S = TypeVar("S", bound=socketserver.BaseServer)


@dataclass(frozen=True)
class Shop:
    """The stand-in as it starts, and the chapter's module."""

    cloud: Standin
    shown: Any

    def address(self, name: str) -> tuple[str, int]:
        host, _, port = self.cloud.redis[name].rpartition(":")
        return host, int(port)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    with Standin(world(folder / "world.toml")) as cloud:
        yield Shop(cloud, chapter_module("applications"))


def test_its_two_applications_reach_their_servers(shop: Shop) -> None:
    shown, cloud = shop.shown, shop.cloud
    assert shown.orders(ssm_client(cloud), *shop.address("crs-demo0001")).ping()
    assert shown.orders_in_turn(kms_client(cloud), *shop.address("r-demo0001")).ping()


def test_its_clients_are_the_vendors(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY"):
        monkeypatch.setenv(name, "x")
    assert shop.shown.ssm_client("ap-guangzhou").GetSecretValue
    monkeypatch.setenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")
    assert shop.shown.kms_client("cn-hangzhou").call_api


def reader(answers: Iterator[Any]) -> tuple[Callable[[], tuple[str, ...]], list[float]]:
    """A store that answers so, or raises so, one time after the other; and when it was read."""
    reads: list[float] = []

    def read() -> tuple[str, ...]:
        reads.append(time.monotonic())
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return ("app", str(answer))

    return read, reads


def test_many_refused_at_once_ask_the_store_once_a_second(shop: Shop) -> None:
    read, reads = reader(iter((1, 2)))
    login = shop.shown.StoredLogin(read)
    for _ in range(50):
        assert login.get_credentials() == ("app", "1")
        login.refused()
    assert len(reads) == 1, "a second had not passed"
    time.sleep(1.05)
    assert {login.get_credentials() for _ in range(50)} == {("app", "2")}


def test_a_store_that_is_away_is_asked_once_a_second_and_costs_nobody_the_login_that_is_kept(shop: Shop) -> None:
    away = OSError("canary-of-the-store")
    read, reads = reader(iter((away, 1, away)))
    login = shop.shown.StoredLogin(read)
    for _ in range(20):
        with pytest.raises(redis.ConnectionError, match="not read yet"):
            login.get_credentials()
    assert len(reads) == 1
    time.sleep(1.05)
    assert login.get_credentials() == ("app", "1")
    time.sleep(1.05)
    login.refused()
    assert login.get_credentials() == ("app", "1")
    assert len(reads) == 3


def test_a_store_that_is_slow_keeps_nobody_waiting_who_has_a_login(shop: Shop) -> None:
    go, begun = threading.Event(), threading.Event()
    login = shop.shown.StoredLogin(lambda: ("app", "1"))
    assert login.get_credentials() == ("app", "1")

    def slow() -> tuple[str, ...]:
        begun.set()
        assert go.wait(10)
        return ("app", "2")

    login._read, login._next_read = slow, 0.0
    login.refused()
    thread = threading.Thread(target=login.get_credentials)
    thread.start()
    assert begun.wait(10)
    assert login.get_credentials() == ("app", "1")
    go.set()
    thread.join(10)
    assert login.get_credentials() == ("app", "2")


@pytest.mark.parametrize(
    "words",
    [
        "WRONGPASS invalid username-password pair or user is disabled.",
        "ERR invalid password",
        "ERR invalid username-password pair or user is disabled.",
        "ERR the password is wrong",
    ],
)
def test_a_refusal_in_any_words_makes_it_ask_the_store_again(shop: Shop, words: str) -> None:
    read, reads = reader(iter(("wrong", "right")))
    with serving(RefusingRedis(words, b"app:right")) as server:
        login = shop.shown.StoredLogin(lambda: (":".join(read()),))
        with shop.shown.connect("127.0.0.1", server.port, login) as client:
            assert client.ping()
    assert len(reads) == 2


@contextmanager
def serving(server: S) -> Iterator[S]:
    """A server at work, in a thread, while the block runs."""
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class RefusingRedis(socketserver.ThreadingTCPServer):
    """A server that takes one password and refuses each other one in words of its own."""

    daemon_threads = True

    def __init__(self, words: str, password: bytes) -> None:
        self.words, self.password = words.encode(), password
        super().__init__(("127.0.0.1", 0), _RefusingConnection)
        self.port = self.server_address[1]


class _RefusingConnection(socketserver.StreamRequestHandler):
    server: RefusingRedis

    def handle(self) -> None:
        while head := self.rfile.readline():
            words = [self.rfile.read(int(self.rfile.readline()[1:]) + 2)[:-2] for _ in range(int(head[1:]))]
            wrong = words[0] == b"AUTH" and words[1:] != [self.server.password]
            good = b"+PONG" if words[0] == b"PING" else b"+OK"
            self.wfile.write((b"-" + self.server.words if wrong else good) + b"\r\n")


def test_its_consumer_at_a_broker_asks_the_store_again_after_changed(shop: Shop, rabbitmq: RabbitMq) -> None:
    """keyturn's own results on a real broker, for one subject of two."""
    asked = []

    def login(subject: str) -> Any:
        found = shop.shown.StoredLogin(lambda: ("app", FIRST))
        found.refused = lambda: asked.append(subject)
        return found

    rabbitmq.declare("keyturn-results")
    with rabbitmq.connection() as client, rabbitmq.connection() as listener:
        client.channel().exchange_declare("keyturn", "direct", durable=True, auto_delete=False)
        logins = {subject: login(subject) for subject in (f"redis/{REDIS[0]}/app", f"redis/{REDIS[1]}/app")}
        thread = threading.Thread(target=stopped_by_its_connection, args=(shop.shown.listen, listener, logins))
        thread.start()
        settings = {"KEYTURN_RESULTS": f"{rabbitmq.url('keyturn-results')}&exchange=keyturn", **endpoints(shop.cloud)}
        until = time.monotonic() + 60
        number = 0
        while not asked and time.monotonic() < until:  # the listener's queue may not be there yet
            number += 1
            command = {
                "InstanceId": REDIS[0],
                "AccountName": "app",
                "AccountPassword": f"Next-Passw0rd{number}",
                "CommandId": f"next-{number}",
            }
            event = timer_event(SCF, "once", "2026-01-01T00:00:00Z", json.dumps(command))
            run_function("tencent_redis_modify_instance_account", event, SCF, settings=settings)
        listener.collect()
        thread.join(10)
    assert set(asked) == {f"redis/{REDIS[0]}/app"}


def stopped_by_its_connection(listen: Any, broker: amqp.Connection, logins: dict[str, Any]) -> None:
    with contextlib.suppress(AttributeError, OSError, amqp.AMQPError):
        listen(broker, logins)


def test_a_registrys_client_asks_again_after_a_refused_login(shop: Shop) -> None:
    told = iter([("tcr$robot", "Wrong-Passw0rd1"), ("tcr$robot", FIRST)])
    login = shop.shown.StoredLogin(lambda: next(told))
    url = f"http://{shop.cloud.registry[REGISTRY]}/v2/"
    assert shop.shown.pull(url, login, tries=1).status_code == 401
    assert shop.shown.pull(url, login).status_code == 200
    assert shop.shown.pull(url, shop.shown.robot(ssm_client(shop.cloud))).status_code == 200


def test_a_registrys_client_follows_a_token_service(shop: Shop) -> None:
    """As the distribution's own specification of token authentication has it, and as TCR is believed to do."""
    told = iter([("robot", "wrong"), ("robot", "right")])
    with serving(TokenRegistry()) as registry:
        answer = shop.shown.pull(registry.url, shop.shown.StoredLogin(lambda: next(told)))
    assert answer.status_code == 200


class TokenRegistry(http.server.ThreadingHTTPServer):
    """A registry that wants a token, and the service that gives it for the right password."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _TokenCall)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/v2/"


class _TokenCall(http.server.BaseHTTPRequestHandler):
    server: TokenRegistry

    def do_GET(self) -> None:
        given, status, body = self.headers.get("Authorization", ""), 200, b"{}"
        right = "Basic " + base64.b64encode(b"robot:right").decode()
        if self.path.startswith("/token?"):
            asked = parse_qs(urlsplit(self.path).query) == {"service": ["r"], "scope": ["registry:catalog:*"]}
            status, body = (200, b'{"token": "t-1"}') if given == right and asked else (401, b"{}")
        elif given != "Bearer t-1":
            status = 401
        self.send_response(status)
        if status == 401:
            realm = self.server.url.replace("/v2/", "/token")
            challenge = f'Bearer realm="{realm}",service="r",scope="registry:catalog:*"'
            self.send_header("WWW-Authenticate", challenge)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the library's name
        """Nothing."""


def test_what_kubernetes_makes_of_the_pair_is_a_login(shop: Shop, tmp_path: Path) -> None:
    """The object's own field names are those of ack-secret-manager's types; nothing here runs it."""
    (block,) = re.findall(r"^```yaml\n(.*?)^```", CHAPTER.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    spec = yaml.safe_load(block)["spec"]
    (source,) = spec["data"]
    held = json.loads(stored_value(shop.cloud, f"{spec['provider']}://{source['key']}"))
    for one in source["jmesPath"]:
        (tmp_path / one["objectAlias"]).write_text(held[one["path"]])
    assert shop.shown.connect(
        *shop.address("r-demo0001"), shop.shown.StoredLogin(lambda: shop.shown.from_files(tmp_path))
    ).ping()
