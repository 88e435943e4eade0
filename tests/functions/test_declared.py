"""What every operation has to have, and does, whoever wrote it: what is missing is named with its file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from shared.commands.parsing import parse_command
from shared.workbench.bundle.function_text import story, unread
from shared.workbench.bundle.operations import PLATFORMS, event_file, example_command, operations
from shared.workbench.schemas import __main__ as schemas
from shared.workbench.schemas import schema_files
from tests.cloud.state.world import load_world
from tests.conftest import House, outcome, result

ROOT = Path(__file__).parents[2]
EACH = pytest.mark.parametrize("function", operations())


def credential_of(function: str, command: dict[str, Any]) -> tuple[str, str]:
    """The resource and the account that a command names."""
    model = operations()[function].command
    account = command.get(model.account_field or "", model.account_default)
    return command[model.resource_field], model.bare_account(account)


@EACH
def test_its_file_was_written_from_the_apis_page(function: str) -> None:
    """Nothing in it waits for somebody who reads the page; the page and its date are named."""
    assert not (waiting := unread(function)), "\n".join(waiting)
    told, action = story(function), operations()[function].action
    assert told.title == action
    dated = re.search(rf"{action}\b.*\d{{4}}-\d\d-\d\d", told.source, re.DOTALL)
    wanted = f"Source: {action}, <API and version>, <date of its page>"
    assert dated, f"functions/{function}.py: its docstring must say `{wanted}`"


@EACH
def test_its_schemas_are_those_that_the_code_makes(function: str) -> None:
    stale = [
        name
        for name in schema_files.stale_files(schemas.FOLDER, schema_files.generate_files())
        if name.startswith(f"{function}.")
    ]
    assert stale == [], f"events/schemas/{stale[0]}: run make schemas"


@EACH
def test_the_stand_in_answers_its_action(function: str) -> None:
    """By the service's own table, or by a file that is found by its name."""
    action, file = operations()[function].action, ROOT / "tests" / "cloud" / "actions" / f"{function}.py"
    service = ROOT / "tests" / "cloud" / operations()[function].cloud
    known = file.is_file() or any(f'"{action}": Action(' in path.read_text() for path in service.glob("*.py"))
    assert known, f"the stand-in does not know {action}: write tests/cloud/actions/{function}.py"
    waits = file.is_file() and "raise not_written(" in file.read_text()
    assert not waits, f"tests/cloud/actions/{function}.py: {action} is not written yet"


@EACH
def test_its_http_event_changes_the_real_server(house: House, function: str) -> None:
    """On its own platform: the old password is refused, the new one accepted, and one result says so."""
    operation, path = operations()[function], event_file(function)
    raw = path.read_bytes()
    platform, command = PLATFORMS[operation.cloud], example_command(function)
    returned = house.deliver(function, raw if platform == "fc" else json.loads(raw), platform)
    data = result(returned)
    assert data["Outcome"] == "changed", f"events/{function}/{path.name}: {data['Outcome']}: {data['Error']}"
    resource, account = credential_of(function, command)
    first = getattr(load_world(), operation.service)[resource].accounts[account].password
    new = command.get(operation.command.model_fields[operation.command.new_field].alias or "")
    assert not house.accepts(resource, account, first)
    assert house.accepts(resource, account, new or returned.body["Password"])
    assert [event["data"]["Operation"] for event in house.results()] == [operation.action]


@EACH
@pytest.mark.parametrize("trigger", ["http", "timer", "queue"])
@pytest.mark.parametrize("platform", ["scf", "fc"])
def test_a_wrong_command_is_refused_by_name_and_nothing_is_called(
    house: House, function: str, platform: str, trigger: str
) -> None:
    resource = operations()[function].command.resource_field
    wrong: list[tuple[dict[str, Any], str]] = [({resource: "no/id"}, resource), ({"Unheard": 1}, "Unheard: is not a")]
    for change, words in wrong:
        data = result(house.send(function, example_command(function) | change, platform, trigger))
        assert (data["Outcome"], data["Error"]["Class"]) == ("not_changed", "invalid_command")
        assert words in data["Error"]["Message"]
    assert house.cloud.calls() == []


@EACH
def test_a_repeat_of_its_command_does_no_harm(house: House, function: str) -> None:
    """The same command twice, as platforms may deliver it: in force both times. A Random makes a new one each time."""
    operation, command = operations()[function], example_command(function)
    times = 1 if parse_command(operation.command, command).returns_secret else 2
    for _ in range(times):
        returned = house.send(function, command, PLATFORMS[operation.cloud])
        assert outcome(returned) in ("changed", "already_changed")
