"""The examples in events/: each is what its platform delivers, and asks for one change that its function takes."""

import hashlib
import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from pydantic.alias_generators import to_snake

from shared.commands.command import Command
from shared.commands.parsing import parse_command, parse_model
from shared.handlers.declaration import Operation
from shared.handlers.follow_message import FollowChange
from shared.rotation.policy import PlanRotation
from shared.runtime.settings import handoff_keys
from shared.triggers import Delivery, Message, read
from shared.workbench.bundle.operations import FOLLOW, PLAN, functions, operations
from shared.workbench.scaffold.event_files import EXAMPLES_KEY, signature
from tests.cloud.state.world import load_world

ROOT = Path(__file__).parents[2]
EVENTS = ROOT / "events"
OPERATIONS = list(operations())
IN_ORDER = ["scf-http", "scf-timer", "scf-queue", "fc-http", "fc-timer", "fc-queue"]
FILES = sorted(path.relative_to(EVENTS) for path in EVENTS.rglob("*") if "schemas" not in (path.name, path.parent.name))
EVENT_FILES = [str(path) for path in FILES if len(path.parts) > 1]
REQUEST_ID = "request-1"
WORLD = load_world()
COMMANDS = {name: one.command for name, one in operations().items()}
FENCED = [(name, one.old_field, one.new_field) for name, one in COMMANDS.items() if one.old_field]


def delivery_of(file: str, key: str = "") -> Delivery:
    """As the platform passes the event: SCF parses it, FC hands over the bytes."""
    raw = (EVENTS / file).read_bytes()
    function, name = Path(file).parts
    fields = import_module(f"functions.{function}").main_handler.fields
    event = json.loads(raw) if name.startswith("scf-") else raw
    return read(event, fields=fields, request_id=REQUEST_ID, keys=handoff_keys(key))


def message_of(file: str) -> Message:
    (message,) = delivery_of(file).messages
    return message


def operation_of(function: str) -> Operation[Any]:
    return operations()[function]


def commands_of(function: str) -> Iterator[Command]:
    """The commands of one function's examples, in the order in which they can be tried one after another."""
    for name in IN_ORDER:
        yield parse_command(operation_of(function).command, message_of(f"{function}/{name}.json").data)


def resource_of(command: Command) -> str:
    resource: str = getattr(command, to_snake(command.resource_field))
    return resource


def revealed(command: Command, field: str) -> str:
    value: str = getattr(command, field).reveal()
    return value


@pytest.mark.parametrize("function", functions())
def test_each_function_has_an_example_of_each_trigger_on_each_platform(function: str) -> None:
    kinds = ("scf-queue", "fc-queue") if function == FOLLOW else IN_ORDER
    for kind in kinds:
        file = f"{function}/{kind}.json"
        assert file in EVENT_FILES, f"functions/{function}.py: no event events/{file}"
    assert len([file for file in EVENT_FILES if Path(file).parts[0] == function]) == len(kinds)


def test_every_example_is_a_functions() -> None:
    for file in EVENT_FILES:
        assert Path(file).parts[0] in functions(), f"events/{file}: there is no such function"


@pytest.mark.parametrize("file", EVENT_FILES)
def test_an_example_is_read_as_one_command_of_the_trigger_that_it_is_named_for(file: str) -> None:
    delivery = delivery_of(file)
    assert delivery.trigger.value == Path(file).stem.partition("-")[2]
    assert delivery.refused is None and not delivery.asynchronous
    assert [message.problem for message in delivery.messages] == [None]
    function = Path(file).parts[0]
    assert delivery.messages[0].type in (None, f"keyturn.command.{function}")


@pytest.mark.parametrize("file", [file for file in EVENT_FILES if not file.startswith((FOLLOW, PLAN))])
def test_an_example_holds_a_command_that_its_operation_takes(file: str) -> None:
    operation, message = operation_of(Path(file).parts[0]), message_of(file)
    command = parse_command(operation.command, message.data)
    assert command.region is not None
    # The value of a Random is shown to a caller who waits, and to nobody else.
    assert not command.returns_secret or delivery_of(file).trigger.value == "http"


@pytest.mark.parametrize("file", [file for file in EVENT_FILES if file.startswith(FOLLOW)])
def test_an_example_of_follow_change_is_what_keyturn_itself_would_send(file: str) -> None:
    message = message_of(file)
    assert (message.type, message.hop, message.notbefore is not None) == ("keyturn.command.follow_change", 1, True)
    command = parse_model(FollowChange, message.data, frozenset())
    assert (command.cloud, command.service) == (("tencent", "redis") if "scf" in file else ("alibaba", "tair"))


@pytest.mark.parametrize("file", [file for file in EVENT_FILES if file.startswith((FOLLOW, PLAN)) and "queue" in file])
def test_an_example_of_keyturns_own_message_is_signed_with_the_examples_key(file: str) -> None:
    (message,) = delivery_of(file, EXAMPLES_KEY).messages
    assert message.authentic, "its data has changed: put into `mac` what shapes.signed(event, EXAMPLES_KEY) gives"


@pytest.mark.parametrize("file", [file for file in EVENT_FILES if file.startswith(PLAN)])
def test_an_example_of_plan_rotation_is_a_policy_for_the_default_world(file: str) -> None:
    message = message_of(file)
    policy = parse_model(PlanRotation, message.data, PlanRotation.names)
    resources = getattr(WORLD, {"scf": "redis", "fc": "tair"}[Path(file).name.partition("-")[0]])
    assert any(policy.region == one.region and policy.resources.selects(name, {}) for name, one in resources.items())
    assert (policy.begun is not None) == (message.type is not None) == file.endswith("-queue.json")


def test_no_two_examples_ask_for_the_same_change() -> None:
    ids = []
    for file in EVENT_FILES:
        message = message_of(file)
        assert isinstance(message.data, dict)
        ids.append(message.data.get("CommandId", message.command_id))
    assert len(set(ids)) == len(ids) and REQUEST_ID not in ids


@pytest.mark.parametrize("function", OPERATIONS)
def test_the_examples_name_instances_and_accounts_of_the_default_world(function: str) -> None:
    operation = operation_of(function)
    for command in commands_of(function):
        instance = getattr(WORLD, operation_of(function).service)[resource_of(command)]
        assert (command.region, getattr(command, "site", None) or "domestic") == (
            instance.region,
            getattr(instance, "site", "domestic"),
        )
        given = getattr(command, to_snake(operation.command.account_field or ""), operation.command.account_default)
        assert operation.command.bare_account(given) in instance.accounts


@pytest.mark.parametrize(("function", "old_field", "new_field"), FENCED)
def test_every_fenced_example_starts_from_the_default_world(function: str, old_field: str, new_field: str) -> None:
    for command in commands_of(function):
        account = getattr(command, "account_name", "root")
        first = getattr(WORLD, operation_of(function).service)[resource_of(command)].accounts[account].password
        assert revealed(command, old_field) == first
        # One new password for all: run one after another on one world, each finds it in force or brings it about.
        assert revealed(command, new_field).startswith("Example-")


@pytest.mark.parametrize("function", OPERATIONS)
def test_every_new_password_is_clearly_an_example(function: str) -> None:
    for command in commands_of(function):
        new = getattr(command, command.new_field)
        assert new is None or new.reveal().startswith("Example-")
        assert (new is None) == command.returns_secret


@pytest.mark.parametrize("file", [file for file in EVENT_FILES if file.endswith("-http.json")])
def test_the_headers_of_an_http_example_agree_with_its_body(file: str) -> None:
    event = json.loads((EVENTS / file).read_text())
    headers = {name.lower(): value for name, value in event["headers"].items()}
    body = event["body"].encode()
    anew = f"python -m shared.workbench.scaffold --sign {Path(file).parts[0]}"
    assert headers["content-length"] == str(len(body)), f"events/{file}: was edited and not signed: {anew}"
    if "fc-" in file:
        assert headers["x-acs-content-sha256"] == hashlib.sha256(body).hexdigest()
    given = headers["authorization"]
    assert given.startswith("ACS3-HMAC-SHA256 " if "fc-" in file else "TC3-HMAC-SHA256 ")
    signed = signature(given, headers, hashlib.sha256(body).hexdigest())
    assert given.rpartition("=")[2] == signed, f"events/{file}: was edited and not signed: {anew}"


def test_no_example_holds_a_key_or_token_of_any_account() -> None:
    keys = (WORLD.credentials.tencent, WORLD.credentials.alibaba)
    for file in EVENT_FILES:
        text = (EVENTS / file).read_text()
        assert not any(secret in text for key in keys for secret in (key.id, key.key, key.token)), file
