"""A followed change, and a task that came after its own: another delivery of its command, or another change.

The cloud's reads and the store show the two alike, and only in one of them is the change's secret in force. So both end
`unknown`, and of the command's results the one in force stands.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from shared.workbench.bundle.operations import operations
from shared.workbench.report.ledger import FORCE, STANDS, Ledger
from tests.conftest import ACCOUNT, PASSWORD, House, outcome, result
from tests.support import platform_events
from tests.support.commands import ACTION, VALID_COMMANDS
from tests.support.store_contents import store_contents
from tests.support.stored_commands import KEPT, opens, send, stored_command

OTHER = "Other-Passw0rd1"
TASK_S = 12.0


def follow(house: House, message: dict[str, Any]) -> dict[str, Any]:
    """The end of the change that a message to follow_change is about."""
    house.cloud.advance_to(message["notbefore"])
    house.cloud.advance(2 * TASK_S)
    return result(house.deliver("follow_change", platform_events.event(json.dumps(message), "scf", "queue")))


def end_of(house: House, function: str, command: dict[str, Any], name: str) -> str:
    """The outcome of one more delivery, followed to its end."""
    waited = [one["id"] for one in house.commands()]
    told = outcome(send(house, function, command, name=name))
    for message in [one for one in house.commands() if one["id"] not in waited]:
        told = follow(house, message)["Outcome"]
    house.cloud.advance(2 * TASK_S)
    return told


def by_another_command(house: House, function: str) -> dict[str, Any]:
    """A command for the same account by the same role, with its secrets in clear and no store."""
    if function == ACCOUNT:
        return {**VALID_COMMANDS[ACCOUNT], "AccountPassword": OTHER, "CommandId": "c-2"}
    old = store_contents(house.cloud, KEPT[PASSWORD][1]).current
    return {**VALID_COMMANDS[PASSWORD], "OldPassword": old, "Password": OTHER, "CommandId": "c-2"}


def assert_in_force_stands(house: House) -> None:
    """Of the command's results a report counts the one in force."""
    with Ledger() as ledger:
        for event in house.results():
            ledger.add(event)
        assert ledger.number(f"SELECT count(*) {STANDS} AND outcome = 'unknown'") == 0
        assert ledger.number(f"SELECT count(*) FROM results WHERE {FORCE} AND command_id = 'c-1'") == 1


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("function", [ACCOUNT, PASSWORD])
def test_a_task_of_another_delivery_looks_like_another_change_s(house: House, function: str, own: bool) -> None:
    house.cloud.reset(task_s=TASK_S)
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    command = stored_command(function)
    assert outcome(send(house, function, command)) == "pending"
    (message,) = house.commands()
    house.cloud.advance(2 * TASK_S)
    if own:
        assert end_of(house, function, command, "again") in ("changed", "already_changed")
    else:  # the message itself came twice, and another command in between
        assert follow(house, message)["Outcome"] == "changed"
        assert end_of(house, function, by_another_command(house, function), "c-2") == "changed"

    data = follow(house, message)
    assert (data["Outcome"], data["Error"]["Code"]) == ("unknown", "Superseded")
    assert "another change, or another delivery of this command, came after it" in data["Error"]["Message"]

    held = store_contents(house.cloud, KEPT[function][1])
    seen = [re.sub(r"\d{4,}|kt-\S+", "-", line) for line in data["Evidence"]]
    password = " with AccountPassword" if function == ACCOUNT else ""
    begun = f"{operations()[function].action}{password}: task -"
    assert seen == [begun, "DescribeTaskInfo -: succeed", "store: version - left pending"]
    assert len(house.cloud.state()["redis"]["tasks"]) == 2
    assert held.versions[data["Stored"]["Version"]] == held.current
    assert opens(house, function, held.current) is own

    assert_in_force_stands(house)


@pytest.mark.parametrize("function", [ACCOUNT, PASSWORD])
def test_it_also_looks_so_to_a_change_whose_answers_were_lost(house: House, function: str) -> None:
    house.cloud.reset(task_s=TASK_S)
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    command = stored_command(function)
    house.cloud.faults([{"Action": ACTION[function], "Fault": "drop_after", "Times": 99}])
    assert outcome(send(house, function, command, timeout_s=6.0)) == "pending"
    house.cloud.clear_faults()
    (message,) = house.commands()
    house.cloud.advance(2 * TASK_S)
    assert end_of(house, function, command, "again") in ("changed", "already_changed")
    data = follow(house, message)
    assert (data["Outcome"], data["Error"]["Code"]) == ("unknown", "Superseded")
    assert "another change, or another delivery of this command, was seen since" in data["Error"]["Message"]
    assert opens(house, function, store_contents(house.cloud, KEPT[function][1]).current)
    assert_in_force_stands(house)
