"""A command's whole way on each kind of queue: in by HTTP, pending, followed from the commands queue, changed, out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from shared.handlers.adapters import open_queue
from shared.queues.port import Inbox, QueueMessage
from shared.runtime.times import now_text
from tests.cloud.backends.rabbitmq import RabbitMq
from tests.cloud.client.inboxes import open_any_inbox, queue_access
from tests.cloud.functions.trigger_events import queue_event
from tests.cloud.invocation.invoke import function_names
from tests.cloud.state.checkout import ROOT
from tests.conftest import ACCOUNT, TAIR, House, outcome, result
from tests.support import platform_events
from tests.support.commands import VALID_COMMANDS

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SMQ = "smq://1000000000000001.mns.cn-hangzhou.aliyuncs.com/keyturn-"
NOTHING_WAITS = 3
KEY = "a2V5dHVybiB0ZXN0IGtleSBvbmUsIDMyIGJ5dGVzISE"


@pytest.fixture
def broker(rabbitmq: RabbitMq) -> RabbitMq:
    for name in ("results", *(f"to-{function.replace('_', '-')}" for function in function_names())):
        rabbitmq.declare(name)
    return rabbitmq


@dataclass
class Chain:
    """A house whose queues are of one kind, and the platform's trigger on them as a process of its own."""

    house: House
    kind: str
    results_url: str
    commands_url: str
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.house.settings |= {"KEYTURN_RESULTS": self.results_url, "KEYTURN_COMMANDS": self.commands_url}
        self.environ = {**os.environ, **self.house.settings}

    def run(self, *arguments: str) -> int:
        """`run --once`; its exit code."""
        command = [sys.executable, "-m", "tests.cloud", "run", "--once", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.environ, capture_output=True, text=True, timeout=120)
        assert done.returncode in (0, NOTHING_WAITS), done.stderr
        return done.returncode

    def run_until_something_was_delivered(self) -> None:
        until = time.monotonic() + 30
        while self.run() == NOTHING_WAITS:
            assert time.monotonic() < until, "nothing came"

    def results(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self.waiting(self.results_url)]

    def waiting(self, url: str, function: str | None = None) -> list[str]:
        opened: Inbox = open_any_inbox(url, function=function, environ=self.environ)
        try:
            return [stored.message.body for stored in opened.peek()]
        finally:
            opened.close()

    def put(self, body: dict[str, Any], function: str, name: str = "m-1", *, delay_s: float = 0.0) -> None:
        """A message on the queue from which the function takes its commands, held back as far as the queue can."""
        queue = open_queue(self.commands_url, function=function, access=queue_access(self.environ))
        message = QueueMessage(name, str(body.get("type", "")), "", json.dumps(body, ensure_ascii=False))
        queue.send(message, timeout_s=5, delay_s=min(delay_s, queue.max_delay_s))
        queue.close()


@pytest.fixture
def chain(request: pytest.FixtureRequest, house: House, tmp_path: Path) -> Chain:
    kind: str = getattr(request, "param", "sqlite")
    house.cloud.reset(task_s=2.5, settle_s=2.5)  # longer than an invocation waits for a task itself
    broker: RabbitMq | None = request.getfixturevalue("broker") if kind == "amqp" else None
    return Chain(
        house,
        kind,
        *{
            "sqlite": (house.results_url, house.commands_url),
            "ckafka": ("ckafka://ap-guangzhou/datahub-demo01", "ckafka://ap-guangzhou/datahub-demo02"),
            "smq": (f"{SMQ}results", f"{SMQ}to-{{function}}"),
            "amqp": (broker.url("results"), broker.url("to-{function}")) if broker else ("", ""),
        }[kind],
    )


def on(*kinds: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("chain", kinds, indirect=True)


@on("sqlite", "ckafka", "smq", "amqp")
@pytest.mark.parametrize(("function", "platform"), [(ACCOUNT, "scf"), (TAIR, "fc")])
def test_a_command_ends_as_one_terminal_result_on_every_kind_of_queue(
    chain: Chain, function: str, platform: str
) -> None:
    command = VALID_COMMANDS[function] | {"CommandId": f"chain-{chain.kind}-{platform}"}
    earlier = len(chain.results())
    pending = chain.house.send(function, command, platform, headers={"traceparent": TRACE})
    assert (outcome(pending), pending.value["statusCode"], pending.body["Delivered"]) == ("pending", 202, True)
    chain.run_until_something_was_delivered()
    events = chain.results()[earlier:]
    assert [event["type"] for event in events] == ["keyturn.credential.pending", "keyturn.credential.changed"]
    assert {event["data"]["CommandId"] for event in events} == {command["CommandId"]}
    assert chain.house.accepts(command["InstanceId"], command["AccountName"], "New-Passw0rd1")
    assert chain.run() == NOTHING_WAITS
    assert "New-Passw0rd1" not in json.dumps(events)


@on("sqlite", "smq")
def test_a_trace_passes_through_every_hop(chain: Chain) -> None:
    event = {"specversion": "1.0", "id": "t-1", "source": "ops", "type": f"keyturn.command.{ACCOUNT}"}
    chain.put(event | {"traceparent": TRACE, "data": VALID_COMMANDS[ACCOUNT]}, ACCOUNT)
    assert chain.run() == 0
    (handed,) = [json.loads(body) for body in chain.waiting(chain.commands_url, "follow_change")]
    chain.run_until_something_was_delivered()
    events = chain.results()
    assert [one["data"]["Outcome"] for one in events] == ["pending", "changed"]
    assert {one["traceparent"] for one in [handed, *events]} == {TRACE}


@on("smq")
def test_a_change_that_never_ends_is_given_up_after_the_last_hop(chain: Chain) -> None:
    chain.house.cloud.reset(task_s=600.0)
    chain.house.settings["KEYTURN_HANDOFF_KEY"] = chain.environ["KEYTURN_HANDOFF_KEY"] = KEY
    chain.house.send(ACCOUNT, VALID_COMMANDS[ACCOUNT] | {"CommandId": "loop"})
    (handed,) = [json.loads(body) for body in chain.waiting(chain.commands_url, "follow_change")]
    chain.run("--skip-delays")
    (next_hop,) = [json.loads(body) for body in chain.waiting(chain.commands_url, "follow_change")]
    assert (handed["hop"], next_hop["hop"]) == (1, 2)
    last_hop = json.dumps(platform_events.signed(handed | {"hop": 1000}, KEY))
    chain.house.deliver("follow_change", json.loads(queue_event(last_hop, "scf", "last")))
    last = chain.results()[-1]
    assert (last["data"]["Outcome"], last["data"]["Error"]["Code"]) == ("unknown", "TooManyHops")
    assert len(chain.waiting(chain.commands_url, "follow_change")) == 1


@on("sqlite", "ckafka", "smq", "amqp")
def test_a_command_that_is_not_due_yet_comes_when_the_worlds_clock_is_moved_to_it(chain: Chain) -> None:
    chain.house.cloud.reset()
    earlier = len(chain.results())
    event = {"specversion": "1.0", "id": "d-1", "source": "ops", "type": f"keyturn.command.{ACCOUNT}"}
    due = now_text(datetime.now(timezone.utc) + timedelta(minutes=10))
    chain.put(event | {"notbefore": due, "data": VALID_COMMANDS[ACCOUNT]}, ACCOUNT, delay_s=600)
    assert chain.run("--skip-delays") == 0
    assert 590 < chain.house.cloud.offset < 610
    (ended,) = chain.results()[earlier:]
    assert (ended["data"]["Outcome"], ended["time"] >= due) == ("changed", True)
    assert chain.run("--skip-delays") == NOTHING_WAITS


@on("smq", "amqp")
def test_an_event_of_another_type_on_a_functions_own_queue_is_left_without_a_result(chain: Chain) -> None:
    earlier = len(chain.results())
    event = {"specversion": "1.0", "id": "e-1", "source": "keyturn/tencent/-", "type": "keyturn.credential.changed"}
    chain.put(event | {"data": {}}, ACCOUNT, "e-1")
    chain.put(event | {"type": f"keyturn.command.{TAIR}", "data": VALID_COMMANDS[TAIR]}, ACCOUNT, "e-2")
    calls = len(chain.house.cloud.calls())
    assert chain.run() == 0
    assert chain.run() == NOTHING_WAITS
    assert len(chain.results()) == earlier
    actions = {call["Action"] for call in chain.house.cloud.calls()[calls:]}
    assert not actions - {"ReceiveMessage", "PeekMessage", "DeleteMessage"}


@on("sqlite", "ckafka")
def test_a_shared_topics_message_goes_to_the_function_that_it_names_and_to_no_other(chain: Chain) -> None:
    event = {"specversion": "1.0", "id": "s-1", "source": "ops", "type": f"keyturn.command.{TAIR}"}
    chain.put(event | {"data": VALID_COMMANDS[TAIR]}, TAIR, "s-1")
    for name, kind in (("s-2", "keyturn.credential.changed"), ("s-3", "keyturn.command.other")):
        chain.put(event | {"id": name, "type": kind, "data": {}}, TAIR, name)
    chain.put(VALID_COMMANDS[ACCOUNT], ACCOUNT, "s-4")
    assert chain.run("--skip-delays") == 0
    (first,) = chain.results()
    assert (first["data"]["CommandId"], first["data"]["Outcome"]) == ("s-1", "pending")
    left = [json.loads(body) for body in chain.waiting(chain.commands_url)]
    assert [one.get("type") for one in left] == [
        "keyturn.credential.changed", "keyturn.command.other", None, "keyturn.command.follow_change",
    ]  # fmt: skip
    chain.run("--skip-delays")
    assert chain.run() == NOTHING_WAITS
    assert len(chain.waiting(chain.commands_url)) == 3


@on("smq", "amqp")
def test_a_bare_command_on_a_functions_own_queue_is_its_own_and_the_message_names_it(chain: Chain) -> None:
    chain.house.cloud.reset(settle_s=0.2)
    earlier = len(chain.results())
    chain.put(VALID_COMMANDS[TAIR], TAIR, "bare-1")
    assert chain.run() == 0
    (event,) = chain.results()[earlier:]
    assert event["data"]["Outcome"] == "changed"
    if chain.kind == "amqp":
        assert event["data"]["CommandId"] == "bare-1"
    else:
        assert len(event["data"]["CommandId"]) == 32  # the message id that SMQ gave it


@on("sqlite", "amqp")
def test_what_is_no_command_on_a_functions_own_queue_ends_once_and_is_gone(chain: Chain, tmp_path: Path) -> None:
    if chain.kind == "sqlite":
        chain.commands_url = f"sqlite://{tmp_path}/{{function}}.db"
        chain.__post_init__()
    earlier = len(chain.results())
    queue = open_queue(chain.commands_url, function=ACCOUNT)
    queue.send(QueueMessage("junk", "", "", "no JSON at all"), timeout_s=5)
    queue.close()
    assert chain.run() == 0
    assert chain.run() == NOTHING_WAITS
    (event,) = chain.results()[earlier:]
    assert (event["data"]["Outcome"], event["data"]["Error"]["Class"]) == ("not_changed", "invalid_command")


@pytest.mark.parametrize(("platform", "amqp"), [("scf", False), ("fc", False), ("scf", True), ("fc", True)])
def test_each_trigger_shape_is_read_as_one_message_with_its_brokers_name(
    house: House, platform: str, amqp: bool
) -> None:
    command = VALID_COMMANDS[TAIR] | {"DryRun": True}
    event = queue_event(json.dumps(command), platform, "name-1", amqp=amqp)
    returned = house.deliver(TAIR, json.loads(event) if platform == platform_events.SCF else event, platform)
    data = result(returned)
    assert data["Outcome"] == "would_change"
    if platform == "fc" or amqp:
        assert data["CommandId"] == "name-1"
    else:
        assert data["CommandId"].startswith("keyturn-commands-0-")


@on("ckafka", "smq")
@pytest.mark.parametrize("fault", ["drop_after", "throttle", "html_500"])
def test_a_result_whose_confirmation_was_lost_is_sent_again_under_the_same_id(chain: Chain, fault: str) -> None:
    chain.house.cloud.reset()
    queue = "datahub-demo01" if chain.kind == "ckafka" else "keyturn-results"
    chain.house.cloud.faults([{"Action": "SendMessage", "Fault": fault, "InstanceId": queue}])
    returned = chain.house.send(ACCOUNT, VALID_COMMANDS[ACCOUNT])
    assert (outcome(returned), returned.body["Delivered"]) == ("changed", True)
    events = chain.results()
    assert len(events) == (1 if fault == "throttle" else 2)
    assert len({event["id"] for event in events}) == 1
