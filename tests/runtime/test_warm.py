"""Warm: what is kept over invocations is the connection and the settings, never a key."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from shared.handlers.adapters import open_queue
from shared.queues import pool
from shared.queues.port import QueueMessage, QueueRejected
from shared.results.publisher import OutgoingCommand, Publisher
from shared.runtime.deadline import Deadline
from shared.runtime.errors import Refused
from shared.runtime.platform import Invocation
from shared.runtime.settings import Settings
from tests.cloud.client.inboxes import open_any_inbox, queue_access
from tests.cloud.invocation.bootstrap import invocation_context
from tests.cloud.invocation.runtime import role_keys
from tests.conftest import ACCOUNT, House, outcome
from tests.support import platform_events
from tests.support.commands import VALID_COMMANDS
from tests.support.relay import Relay

CKAFKA = "ckafka://ap-guangzhou/datahub-demo01"
SMQ = "smq://1000000000000001.mns.cn-hangzhou.aliyuncs.com/keyturn-results"
INVALID = {"InstanceId": "crs-demo0001"}  # refused before any call: only its result goes out


@pytest.fixture
def relay(house: House) -> Iterator[Relay]:
    """Before both clouds; nothing that rests from another test goes through it."""
    pool.close_all()
    relay = Relay(house.cloud.endpoint)
    house.settings |= {"KEYTURN_TENCENT_ENDPOINT": relay.endpoint, "KEYTURN_ALIBABA_ENDPOINT": relay.endpoint}
    yield relay
    pool.close_all()
    relay.close()


@pytest.fixture(autouse=True)
def nothing_rests_afterwards() -> Iterator[None]:
    yield
    pool.close_all()


def published(house: House, url: str) -> list[dict[str, Any]]:
    environ = {f"KEYTURN_{cloud}_ENDPOINT": house.cloud.endpoint for cloud in ("TENCENT", "ALIBABA")}
    reader = open_any_inbox(url, environ=environ)
    try:
        return [json.loads(stored.message.body) for stored in reader.peek()]
    finally:
        reader.close()


def delivered(house: House, name: str) -> bool:
    returned = house.send(ACCOUNT, INVALID, trigger="queue", name=name)
    return returned.error is None and bool(returned.value["Delivered"])


@pytest.mark.parametrize("url", [CKAFKA, SMQ])
def test_invocations_publish_over_one_connection(house: House, relay: Relay, url: str) -> None:
    house.settings["KEYTURN_RESULTS"] = url
    assert all(delivered(house, f"m-{n}") for n in range(5))
    assert (relay.accepted, len(published(house, url))) == (1, 5)


def test_changes_and_their_results_need_one_connection_for_each_service(house: House, relay: Relay) -> None:
    house.settings["KEYTURN_RESULTS"] = CKAFKA
    for n in range(3):
        command = {**VALID_COMMANDS[ACCOUNT], "AccountPassword": f"Warm-Passw0rd{n}"}
        assert outcome(house.send(ACCOUNT, command, trigger="queue", name=f"m-{n}")) == "changed"
    assert relay.accepted == 2
    assert house.accepts("crs-demo0001", "app", "Warm-Passw0rd2")


@pytest.mark.parametrize("url", [CKAFKA, SMQ])
def test_a_connection_that_died_while_the_process_was_frozen_is_opened_anew_before_sending(
    house: House, relay: Relay, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    house.settings["KEYTURN_RESULTS"] = url
    for n in range(3):
        assert delivered(house, f"m-{n}")
        relay.cut()
    assert relay.accepted == 3
    assert [event["data"]["CommandId"] for event in published(house, url)] == ["m-0-3-7", "m-1-3-7", "m-2-3-7"]
    assert "publish_failed" not in caplog.text


def test_a_connection_that_rested_too_long_is_not_trusted(
    house: House, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.settings["KEYTURN_RESULTS"] = SMQ
    assert delivered(house, "m-0")
    monkeypatch.setattr("shared.queues.smq._MOST_IDLE_S", 0.0)
    assert delivered(house, "m-1")
    assert relay.accepted == 2


def test_each_send_is_signed_with_the_keys_of_its_own_invocation(
    house: House, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.settings["KEYTURN_RESULTS"] = SMQ
    names = [f"KEYTURN_ALIBABA_{name}" for name in ("ACCESS_KEY_ID", "ACCESS_KEY_SECRET", "TOKEN")]

    def send(name: str, **changed: str) -> bool:
        with house.environment(ACCOUNT, "scf") as patch:
            for key, value in changed.items():
                patch.setenv(key, value)
            context = invocation_context("scf", ACCOUNT, 20.0, role_keys("scf"), patch.setenv)
            event = platform_events.event(INVALID, "scf", "http", name=name)
            reply = import_module(f"functions.{ACCOUNT}").main_handler(event, context)
        return bool(json.loads(reply["body"])["Delivered"])

    assert send("m-0")
    assert not send("m-1", **{names[2]: "another-token"})
    assert send("m-2")
    assert len(published(house, SMQ)) == 2


@pytest.mark.parametrize("url", [CKAFKA, SMQ])
def test_a_queue_that_rests_has_no_keys(house: House, url: str) -> None:
    house.settings["KEYTURN_RESULTS"] = url
    pool.close_all()
    assert delivered(house, "m-0")
    (resting,) = pool._resting
    assert resting.borrower.access is None
    with pytest.raises(QueueRejected):
        resting.queue.send(QueueMessage("a", "t", "k", "{}"), timeout_s=2)
    assert len(published(house, url)) == 1


def test_a_queue_is_lent_to_one_invocation_at_a_time(house: House) -> None:
    keys = queue_access({"KEYTURN_ALIBABA_ENDPOINT": house.cloud.endpoint})
    name = pool.QueueKey.of(SMQ, None, False, keys)
    first, second = pool.acquire(name, keys, open_queue), pool.acquire(name, keys, open_queue)
    assert first.queue is not second.queue
    assert pool.release([first, second], lambda _: True) == []
    assert {id(pool.acquire(name, keys, open_queue).queue), id(pool.acquire(name, keys, open_queue).queue)} == {
        id(first.queue),
        id(second.queue),
    }


def held_open(path: Path) -> bool:
    """Whether this process has the file open."""
    targets = set()
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            targets.add(str(link.readlink()))
    return str(path) in targets


def test_another_url_closes_the_old_queue(house: House, tmp_path: Path) -> None:
    first, second = tmp_path / "first.db", tmp_path / "second.db"
    house.settings["KEYTURN_RESULTS"] = f"sqlite://{first}"
    assert delivered(house, "m-0")
    assert held_open(first)
    house.settings["KEYTURN_RESULTS"] = f"sqlite://{second}"
    assert delivered(house, "m-1")
    assert (held_open(first), held_open(second)) == (False, True)
    assert [len(published(house, f"sqlite://{path}")) for path in (first, second)] == [1, 1]


def test_a_deleted_queue_file_is_made_anew_by_the_next_invocation(house: House, tmp_path: Path) -> None:
    path = tmp_path / "results.db"
    for n in range(2):
        assert delivered(house, f"m-{n}")
        path.unlink()
        for beside in tmp_path.glob("results.db-*"):
            beside.unlink()
    assert delivered(house, "m-2")
    assert len(house.results()) == 1


def test_a_queue_that_failed_is_closed_and_the_next_invocation_opens_another(house: House, relay: Relay) -> None:
    house.settings["KEYTURN_RESULTS"] = SMQ
    house.cloud.faults([{"Action": "SendMessage", "Fault": "drop_before", "Times": 1}])
    assert delivered(house, "m-0")  # by the second try
    assert pool._resting == []
    assert delivered(house, "m-1")
    assert len(published(house, SMQ)) == 2


def invocation(results: str | None, commands: str | None = None) -> Invocation:
    given = Settings(results=results, commands=commands)
    return Invocation("tencent", "r-1", Deadline(time.monotonic() + 20), given, None, None, {}, None, False, 20.0)


def test_no_more_than_a_few_queues_rest(tmp_path: Path) -> None:
    publisher = Publisher(invocation(None, f"sqlite://{tmp_path}/{{function}}.db"), open_queue)
    for n in range(pool._MOST + 4):
        assert publisher.send_command(OutgoingCommand(f"function_{n}", f"id-{n}", "s", "redis/crs-1/app", {"n": n}))
    publisher.close()
    assert len(pool._resting) == pool._MOST
    assert [held_open(tmp_path / f"function-{n}.db") for n in (0, 3, 4)] == [False, False, True]


def test_threads_of_one_invocation_publish_at_once(tmp_path: Path) -> None:
    url = f"sqlite://{tmp_path / 'results.db'}"
    publisher = Publisher(invocation(url), open_queue)
    sent: list[bool] = []

    def work(thread: int) -> None:
        for n in range(10):
            event = {"id": f"{thread}-{n}", "source": "s", "type": "t", "subject": "redis/crs-1/app", "data": {}}
            sent.append(publisher.publish_result(event))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    publisher.close()
    assert sent == [True] * 80
    assert len(pool._resting) == 1
    reader = open_any_inbox(url)
    assert len(reader.peek()) == 80
    reader.close()


@pytest.fixture(autouse=True)
def _nothing_rests_of_other_tests() -> None:
    """Connections are kept for a process's whole life: those of other tests go first."""
    while pool._resting:
        pool._resting.pop().queue.close()


def test_a_queue_that_cannot_be_closed_is_told_and_disturbs_nothing() -> None:
    class Stuck:
        max_delay_s = 0.0

        def send(self, message: QueueMessage, *, timeout_s: float, delay_s: float = 0.0) -> None: ...

        def close(self) -> None:
            raise OSError("no")

    name = pool.QueueKey("memory://x", None, False, ())
    lent = pool.PooledQueue(Stuck(), name, pool._Borrower(), failed=True)
    assert [type(error) for error in pool.release([lent], lambda _: True)] == [OSError]
    assert pool._resting == []
    with pytest.raises(Refused):
        lent.borrower.keys("tencent")
