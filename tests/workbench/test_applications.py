"""The manual's chapter for applications: each of its blocks at work."""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import amqp
import pytest
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


def test_many_refused_at_once_ask_the_store_once(shop: Shop) -> None:
    reads = []

    def read() -> tuple[str, ...]:
        reads.append(time.monotonic())
        return ("app", f"{len(reads)}")

    login = shop.shown.StoredLogin(read)
    assert login.get_credentials() == ("app", "1")
    for _ in range(50):
        login.refused()
        login.get_credentials()
    assert len(reads) == 1, "a second had not passed"
    time.sleep(1.05)
    assert {login.get_credentials() for _ in range(50)} == {("app", "2")}


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
