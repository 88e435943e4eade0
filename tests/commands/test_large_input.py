"""What a sender makes large costs a bounded amount of memory, and is refused in a line or ten."""

from __future__ import annotations

import base64
import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from functions.alibaba_tair_modify_account_password import main_handler as tair
from functions.follow_change import main_handler as follow
from functions.plan_rotation import main_handler as plan
from shared.commands.parsing import parse_command
from shared.runtime.errors import Refused
from shared.triggers import Delivery, read
from tests.conftest import TAIR, House, result
from tests.support import platform_events
from tests.support.commands import VALID_COMMANDS

MANY = {f"k{n:07}": 0 for n in range(190_000)}  # 2.3 MB as JSON


def peak_mb(work: Callable[[], object]) -> float:
    """What some work holds at its worst, in megabytes."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def parsed(command: dict[str, Any]) -> Refused:
    with pytest.raises(Refused) as caught:
        parse_command(tair.operation.command, command)
    return caught.value


@pytest.mark.parametrize(
    "command", [MANY, VALID_COMMANDS[TAIR] | MANY, VALID_COMMANDS[TAIR] | {"Deliver": MANY}, {"Reason": [MANY] * 9}]
)
def test_a_command_of_nothing_but_names_is_refused_without_looking_at_each(command: dict[str, Any]) -> None:
    errors: list[Refused] = []
    assert peak_mb(lambda: errors.append(parsed(command))) < 10
    assert len(errors[0].message) < 300
    assert "k0000001" not in errors[0].message


def test_an_error_lists_ten_lines_at_most() -> None:
    message = parsed(VALID_COMMANDS[TAIR] | {f"Unknown{chr(65 + n)}": 0 for n in range(26)}).message
    assert message.count("is not a field of this command") == 10


@pytest.mark.parametrize("platform", ["scf", "fc"])
@pytest.mark.parametrize("trigger", ["http", "timer", "queue"])
def test_a_body_larger_than_any_command_is_refused_early(platform: str, trigger: str) -> None:
    event = platform_events.event(json.dumps(VALID_COMMANDS[TAIR] | MANY), platform, trigger)
    read_as: list[Delivery] = []
    assert peak_mb(lambda: read_as.append(read(event, fields=VALID_COMMANDS[TAIR], request_id="r"))) < 20
    (delivery,) = read_as
    said = delivery.refused[1] if delivery.refused else delivery.messages[0].problem
    assert said is not None
    assert said.endswith("is too large")


def test_a_body_just_below_the_limit_holds_too_many_values(house: House) -> None:
    command = VALID_COMMANDS[TAIR] | dict.fromkeys(list(MANY)[:60_000], 0)
    error = result(house.send(TAIR, command, "fc"))["Error"]
    assert (error["Class"], error["Message"]) == ("invalid_command", "body holds too many values")
    assert house.cloud.calls() == []


def test_the_largest_body_that_is_read_takes_a_bounded_memory() -> None:
    command = dict.fromkeys([f"{n:x}" for n in range(200_000)], 0)
    event = platform_events.event(json.dumps(command, separators=(",", ":")), "scf", "http")
    assert peak_mb(lambda: read(event, fields=VALID_COMMANDS[TAIR], request_id="r")) < 70


def test_a_large_bare_message_of_fc_is_refused_too(house: House) -> None:
    event = json.dumps(VALID_COMMANDS[TAIR] | MANY).encode()
    returned = house.deliver(TAIR, event, "fc")
    assert result(returned)["Error"]["Message"] == "message holds too many values"


def test_base64_is_not_opened_where_it_is_too_large() -> None:
    packed = base64.b64encode(json.dumps(MANY).encode()).decode()
    event = platform_events.event(packed, "scf", "http") | {"isBase64Encoded": True}
    delivery = read(event, fields=(), request_id="r")
    assert delivery.refused == (400, "body is too large")


def test_the_largest_commands_that_there_are_still_pass() -> None:
    """A policy with every list full, and what follow_change carries at most."""
    tags = {f"t{n}": "x" * 256 for n in range(20)}
    policy = {
        "Policy": "p",
        "Function": TAIR,
        "Region": "cn-hangzhou",
        "Resources": {"Tags": tags, "Patterns": [f"r-{n}{'x' * 90}" for n in range(50)]},
        "Accounts": [f"a{n}" for n in range(50)],
        "MaxAgeDays": 1,
        "Store": "kms://x-{resource}-{account}",
    }
    body = json.dumps([policy] * 100)
    delivery = read(platform_events.event(body, "fc", "http"), fields=plan.fields, request_id="r")
    assert [message.problem for message in delivery.messages] == [None] * 100
    event = {"specversion": "1.0", "id": "e", "source": "s", "type": "keyturn.command.follow_change"}
    data = {"Evidence": ["x" * 200] * 40, "Sealed": "x" * 16_000}
    text = json.dumps(event | {"data": data})
    (message,) = read(platform_events.event(text, "fc", "queue"), fields=follow.fields, request_id="r").messages
    assert message.problem is None
