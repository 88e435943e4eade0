"""make results and make rotate over a real RabbitMQ: a queue of the reader's own, and nobody's messages taken."""

from __future__ import annotations

import io
import itertools
import re
import threading
import time
from collections.abc import Iterator

import pytest

from shared.handlers.adapters import open_inbox
from shared.workbench.environment.terminal import Terminal
from shared.workbench.results.__main__ import main
from shared.workbench.results.errors import SourceError
from shared.workbench.results.source import Source, open_source
from shared.workbench.rotate.watching import Watcher, is_over
from tests.cloud.backends.rabbitmq import RabbitMq
from tests.workbench.results_queue import event, page, publish

NAMES = itertools.count()
FIRING = "rotate-yearly-1"


@pytest.fixture
def results(rabbitmq: RabbitMq) -> str:
    """The URL of a results queue that is bound to an exchange of its name, with `x-` before it."""
    name = f"told-{next(NAMES)}"
    rabbitmq.declare(name)
    with rabbitmq.connection() as client:
        channel = client.channel()
        channel.exchange_declare(f"x-{name}", "direct", durable=True, auto_delete=False)
        channel.queue_bind(name, f"x-{name}", name)
    return f"{rabbitmq.url(name)}&exchange=x-{name}"


def opened(url: str) -> Source:
    return open_source(url, {"id": "", "key": ""}, {}, since=0)


def consumed(url: str) -> Iterator[str]:
    """What the queue's consumer takes."""
    inbox = open_inbox(url)
    while batch := inbox.receive(10, 30):
        assert {one.receives for one in batch} == {1} and all(inbox.ack(one) for one in batch)
        yield from (one.message.body for one in batch)
    inbox.close()


def test_a_rotation_is_watched_to_its_end_though_consumers_take_each_result(results: str) -> None:
    environ = {"KEYTURN_RESULTS": results}
    source, taken = opened(results), list[str]()

    def functions_and_consumer() -> None:
        for one in (page(FIRING, [1, 2]), event(1), page("nightly-1", [3]), event(3), event(2)):
            publish(environ, one)
            taken.extend(consumed(results))

    told = io.StringIO()
    at_work = threading.Thread(target=functions_and_consumer)
    at_work.start()
    tally = Watcher(source, Terminal(told), sleep=lambda _: time.sleep(0.05)).watch(FIRING, silent_s=20)
    at_work.join()
    source.close()
    assert is_over(tally, commands=True)
    assert re.findall(r"redis/crs-\d/app", told.getvalue()) == ["redis/crs-1/app", "redis/crs-2/app"]
    assert len(taken) == 5  # the consumer got each of them


def test_what_waits_is_shown_and_stays(results: str, capsys: pytest.CaptureFixture[str]) -> None:
    environ = {"KEYTURN_RESULTS": results}
    publish(environ, event(1), event(2))
    for _ in range(2):
        assert main(["tencent"], environ) == 0
        shown = capsys.readouterr()
        assert [line.split()[3] for line in shown.out.splitlines()] == ["redis/crs-1/app", "redis/crs-2/app"]
        assert "a queue of its own" in shown.err
    assert len(list(consumed(results))) == 2


def test_without_an_exchange_what_waits_is_put_back(results: str, capsys: pytest.CaptureFixture[str]) -> None:
    environ = {"KEYTURN_RESULTS": results.partition("&")[0]}
    publish(environ, event(1))
    assert main(["tencent"], environ) == 0
    shown = capsys.readouterr()
    assert "changed   redis/crs-1/app" in shown.out.splitlines()[0] and "&exchange=<name>" in shown.err
    assert len(list(consumed(results))) == 1


def test_the_readers_queue_is_gone_with_it(results: str, rabbitmq: RabbitMq) -> None:
    source = opened(results)
    name = results.partition("queue=")[2].partition("&")[0]
    with rabbitmq.connection() as client:
        channel = client.channel()
        channel.queue_delete(name)
        publish({"KEYTURN_RESULTS": results}, event(1))  # to the reader's alone
        assert len(list(_first_look(source))) == 0
        source.close()
        channel.exchange_delete(f"x-{name}", if_unused=True)  # refused while a queue is bound


def _first_look(source: Source) -> Iterator[str]:
    with pytest.raises(SourceError, match="cannot be looked at"):
        yield from source.read()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("exchange=x-", "exchange=no-"), "there is no such exchange"),
        (("keyturn:", "keyturn:not"), "refuses the user"),
        (("127.0.0.1:", "127.0.0.2:"), "bound beside the results queue"),
    ],
)
def test_what_cannot_be_read_is_said_with_the_log_search(
    results: str, change: tuple[str, str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tencent"], {"KEYTURN_RESULTS": results.replace(*change)}) == 1
    told = capsys.readouterr().err
    assert why in told and 'event:"result"' in told
    assert "Br0ker" not in told
