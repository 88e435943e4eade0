"""How clouds, stores and queues are reached: whose keys, which region, which adapter, and what is refused."""

from __future__ import annotations

import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from shared.clouds.alibaba.kms import KmsStore
from shared.clouds.tencent.ckafka import CkafkaQueue
from shared.clouds.tencent.ssm import SsmStore
from shared.commands.store_reference import StoreRef
from shared.handlers.access import access_to, store_of, store_region
from shared.handlers.adapters import open_inbox, open_queue, open_store
from shared.queues.amqp import AmqpQueue
from shared.queues.memory import MemoryQueue
from shared.queues.port import QueueAccess, QueueMessage
from shared.queues.smq import SmqQueue
from shared.queues.sqlite import SqliteQueue
from shared.runtime.errors import ErrorClass, Refused
from shared.runtime.settings import ALIBABA_RATE
from tests.support.scripted_world import World

SSM, KMS = StoreRef("ssm", "s"), StoreRef("kms", "k", "v2")


def test_access_is_by_the_role_s_keys_at_the_settings_endpoint_and_pace() -> None:
    world = World().set(tencent_endpoint="http://127.0.0.1:1", rate=7.0, site="intl")
    invocation = world.invocation
    access = access_to(invocation, "tencent")
    assert (access.keys.id, access.endpoint, access.calls_per_s) == ("AKIDTEST", "http://127.0.0.1:1", 7.0)
    assert (access.deadline, access.operator, access.site) == (invocation.deadline, "100000000001", "intl")
    assert access_to(invocation, "tencent", "domestic").site == "domestic"


def test_the_other_cloud_s_calls_are_made_by_nobody_that_this_platform_knows() -> None:
    access = access_to(World().invocation, "alibaba")
    assert (access.keys.id, access.endpoint, access.calls_per_s, access.operator) == (
        "LTAITEST",
        None,
        ALIBABA_RATE,
        None,
    )


def test_missing_keys_are_a_refusal() -> None:
    with pytest.raises(Refused) as refused:
        access_to(World(environ={}).invocation, "tencent")
    assert refused.value.code == "NoCredentials"


def test_a_store_s_region_is_the_credential_s_in_its_cloud_else_the_platform_s() -> None:
    tencent = World(region="ap-tokyo").invocation
    assert store_region(tencent, SSM, "tencent", "ap-guangzhou") == "ap-guangzhou"
    assert store_region(tencent, SSM, "alibaba", "cn-hangzhou") == "ap-tokyo"
    for invocation, ref, cloud in (
        (tencent, KMS, "tencent"),
        (World(region=None).invocation, SSM, "alibaba"),
        (World(cloud="alibaba", region="cn-beijing").invocation, SSM, "alibaba"),
    ):
        with pytest.raises(Refused, match="the region of a store in another cloud is not known") as refused:
            store_region(invocation, ref, cloud, "cn-hangzhou")
        assert refused.value.error_class is ErrorClass.INVALID_COMMAND
        assert ref.place in refused.value.message


@pytest.mark.parametrize(
    ("allow", "opens"),
    [
        (None, True),
        ((("tencent", "ssm", "ap-tokyo", "s", "*"),), True),
        ((("alibaba", "ssm", "ap-tokyo", "s", "*"),), False),
        ((("tencent", "kms", "ap-tokyo", "s", "*"),), False),
        ((("tencent", "ssm", "ap-guangzhou", "s", "*"),), False),
        ((("tencent", "ssm", "ap-tokyo", "t", "*"),), False),
    ],
)
def test_a_store_is_opened_where_settings_allow_it(allow: tuple[tuple[str, ...], ...] | None, opens: bool) -> None:
    invocation = World().set(allow=allow).invocation
    if opens:
        store = store_of(invocation, SSM, "ap-tokyo", "intl")
        assert isinstance(store, SsmStore)
        assert (store.name, store._session.region, store._session.access.site) == ("ssm://s", "ap-tokyo", "intl")
        return
    with pytest.raises(Refused, match="KEYTURN_ALLOW does not name ssm://s") as refused:
        store_of(invocation, SSM, "ap-tokyo")
    assert refused.value.error_class is ErrorClass.FORBIDDEN


def test_a_store_whose_client_the_package_does_not_carry_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "shared.clouds.tencent.ssm", None)  # as in a zip of the other cloud
    with pytest.raises(Refused, match="package it for that cloud") as refused:
        store_of(World().invocation, SSM, "ap-tokyo")
    assert (refused.value.error_class, refused.value.code) == (ErrorClass.FAILED, "NotPackaged")


def test_each_kind_of_store_has_its_adapter_and_its_cloud_s_access() -> None:
    asked: list[str] = []
    invocation = World().invocation
    for ref, kind, name in ((SSM, SsmStore, "ssm://s"), (KMS, KmsStore, "kms://k")):
        store = open_store(ref, lambda cloud: asked.append(cloud) or access_to(invocation, cloud), "cn-hangzhou")  # type: ignore[func-returns-value]
        assert (type(store), store.name) == (kind, name)
    assert asked == ["tencent", "alibaba"]


# --- queues

ACCESS = QueueAccess(World().invocation.keys, lambda _: None)
SMQ, CKAFKA = "smq://1.mns.cn-hangzhou.aliyuncs.com/q", "ckafka://ap-guangzhou/datahub-x"


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("memory://m", MemoryQueue),
        ("sqlite:///tmp/never-opened", SqliteQueue),
        (SMQ, SmqQueue),
        (CKAFKA, CkafkaQueue),
        ("amqp://u:secret-word@127.0.0.1:5672/?queue=q", AmqpQueue),
    ],
)
def test_each_url_has_its_adapter(url: str, kind: Any) -> None:
    assert isinstance(open_queue(url, access=ACCESS), kind)
    if kind is not CkafkaQueue:
        assert isinstance(open_inbox(url, access=ACCESS), kind)


@pytest.mark.parametrize("url", [SMQ, CKAFKA])
def test_a_cloud_s_own_queue_needs_keys(url: str) -> None:
    with pytest.raises(ValueError, match="requires the keys of a role"):
        open_queue(url)


def test_ckafka_has_no_way_to_take_messages() -> None:
    with pytest.raises(ValueError, match="only the platform's own trigger can read"):
        open_inbox(CKAFKA, access=ACCESS)


def test_a_function_s_queue_is_named_by_it() -> None:
    name = uuid.uuid4().hex
    queue = open_queue(f"memory://{name}-{{function}}", function="follow_change")
    queue.send(QueueMessage("1", "t", "k", "{}"), timeout_s=1.0)
    inbox = open_inbox(f"memory://{name}-{{function}}", function="follow_change")
    assert [one.message.id for one in inbox.peek()] == ["1"]
    assert open_inbox(f"memory://{name}-plan-rotation").peek() == []
    with pytest.raises(ValueError, match="no function is named"):
        open_queue(f"memory://{name}-{{function}}")


def test_a_platform_has_no_queue_in_memory() -> None:
    with pytest.raises(ValueError, match="not for a platform"):
        open_queue("memory://m", on_platform=True)
    assert isinstance(open_inbox("memory://m"), MemoryQueue)


def test_a_file_is_the_one_that_is_named(tmp_path: Path) -> None:
    url = f"sqlite://{tmp_path}/queue.db"
    queue = open_queue(url)
    queue.send(QueueMessage("1", "t", "k", "{}"), timeout_s=1.0)
    queue.close()
    assert (tmp_path / "queue.db").exists()
