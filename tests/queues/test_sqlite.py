"""The file queue between processes: exactly once, through kills, and against a file that fights back."""

import json
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import pytest

from shared.queues.port import QueueMessage, QueueRejected, QueueUnavailable
from shared.queues.sqlite import SqliteQueue

ROOT = Path(__file__).parents[2]
SEND = """
import sys
from shared.handlers.adapters import open_queue
from shared.queues.port import QueueMessage
queue = open_queue(sys.argv[1])
for n in range(int(sys.argv[3])):
    queue.send(QueueMessage(f"{sys.argv[2]}{n}", "t", "k", "{}"), timeout_s=30)
    print(n, flush=True)
if int(sys.argv[3]) < 100: sys.stdin.read()
queue.close()
"""
DRAIN = """
import sys, time
from shared.handlers.adapters import open_inbox
inbox = open_inbox(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
while leased := inbox.receive(3, 60.0):
    for one in leased:
        time.sleep(0.001)
        if inbox.ack(one): print(one.message.id)
inbox.close()
"""
HOLD = """
import sys
from shared.handlers.adapters import open_inbox
print(len(open_inbox(sys.argv[1]).receive(1, 1.0)), flush=True)
sys.stdin.read()
"""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "queue.db"


@pytest.fixture
def queue(path: Path) -> Iterator[SqliteQueue]:
    opened = SqliteQueue(str(path))
    yield opened
    opened.close()


@pytest.fixture
def start(path: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def run(script: str, *arguments: object) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", script, f"sqlite://{path}", *map(str, arguments)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def message(name: str) -> QueueMessage:
    return QueueMessage(name, "t", "k", "{}")


def first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_two_processes_fill_and_four_drain_each_message_exactly_once(start: Start) -> None:
    for producer in [start(SEND, prefix, 250) for prefix in "ab"]:
        assert producer.communicate("", timeout=60)[0].count("\n") == 250
    consumers = [start(DRAIN) for _ in range(4)]
    assert [first_line(consumer) for consumer in consumers] == ["ready\n"] * 4
    for consumer in consumers:
        assert consumer.stdin is not None
        consumer.stdin.write("go\n")
        consumer.stdin.flush()
    shares = [consumer.communicate(timeout=60)[0].split() for consumer in consumers]
    assert [consumer.returncode for consumer in consumers] == [0] * 4
    assert sum(bool(share) for share in shares) > 1  # more than one took some, so they did contend
    sent = [f"{prefix}{n}" for prefix in "ab" for n in range(250)]
    assert sorted(chain.from_iterable(shares)) == sorted(sent)


def test_a_killed_consumers_message_comes_again_after_its_lease(start: Start, queue: SqliteQueue) -> None:
    queue.send(message("a"), timeout_s=5)
    holder = start(HOLD)
    assert first_line(holder) == "1\n"
    holder.send_signal(signal.SIGKILL)
    assert holder.wait(10) == -signal.SIGKILL
    until = queue.peek()[0].leased_until
    before = queue.receive(1, 5.0)
    assert before == [] or time.time() >= until
    while not before and time.time() < until + 5:
        before = queue.receive(1, 5.0)
        time.sleep(0.02)
    assert [(one.message.id, one.receives) for one in before] == [("a", 2)]


def test_what_send_confirmed_survives_the_kill_of_its_sender(start: Start, queue: SqliteQueue) -> None:
    sender = start(SEND, "a", 3)
    for n in range(3):
        assert first_line(sender) == f"{n}\n"
    sender.send_signal(signal.SIGKILL)
    assert sender.wait(10) == -signal.SIGKILL
    assert [stored.message.id for stored in queue.peek()] == ["a0", "a1", "a2"]


def test_the_file_and_its_log_are_for_their_owner_alone(queue: SqliteQueue, path: Path) -> None:
    queue.send(message("a"), timeout_s=5)
    files = list(path.parent.iterdir())
    assert len(files) > 1
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_looking_into_a_queue_that_is_not_there_makes_no_file(queue: SqliteQueue, path: Path) -> None:
    assert queue.peek() == []
    assert queue.receive(1, 1.0) == []
    assert not path.exists()


def test_a_busy_file_is_an_error_within_the_time_given_and_nothing_arrives(queue: SqliteQueue, path: Path) -> None:
    queue.send(message("a"), timeout_s=5)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    with pytest.raises(QueueUnavailable, match="busy") as caught:
        queue.send(message("b"), timeout_s=0.3)
    assert 0.2 < time.monotonic() - began < 2
    assert not caught.value.maybe
    assert [stored.message.id for stored in queue.peek()] == ["a"]
    other.execute("ROLLBACK")
    other.close()
    queue.send(message("b"), timeout_s=5)
    assert len(queue.peek()) == 2


def test_a_full_disk_refuses_the_message_and_keeps_the_rest(queue: SqliteQueue) -> None:
    queue.send(message("a"), timeout_s=5)
    assert queue._connection is not None
    queue._connection.execute("PRAGMA max_page_count = 1")  # never below what is in use
    with pytest.raises(QueueRejected, match="full"):
        for n in range(20):
            queue.send(QueueMessage(f"b{n}", "t", "k", "x" * 40_000), timeout_s=5)
    assert queue.peek()[0].message.id == "a"


def test_a_file_that_is_no_queue_is_unavailable_and_left_alone(queue: SqliteQueue, path: Path) -> None:
    path.write_text("not a database, and longer than one hundred bytes " * 4)
    with pytest.raises(QueueUnavailable):
        queue.send(message("a"), timeout_s=5)
    assert path.read_text().startswith("not a database")
    blocked = SqliteQueue(str(path / "below" / "q.db"))
    with pytest.raises(QueueUnavailable):
        blocked.send(message("a"), timeout_s=5)


def test_nothing_is_confirmed_into_a_deleted_file(queue: SqliteQueue, path: Path) -> None:
    queue.send(message("a"), timeout_s=5)
    for file in path.parent.iterdir():
        file.unlink()
    queue.send(message("b"), timeout_s=5)
    fresh = SqliteQueue(str(path))
    assert [stored.message.id for stored in fresh.peek()] == ["b"]
    fresh.close()


def test_a_closed_queue_opens_again_and_the_acknowledged_body_is_gone(queue: SqliteQueue, path: Path) -> None:
    queue.send(QueueMessage("a", "t", "k", json.dumps({"n": 1})), timeout_s=5)
    queue.close()
    queue.close()
    (leased,) = queue.receive(1, 5.0)
    queue.ack(leased)
    queue.close()
    assert list(path.parent.iterdir()) == [path]
    database = sqlite3.connect(path)
    assert database.execute("SELECT id, body FROM messages").fetchall() == [("a", "")]
    database.close()
