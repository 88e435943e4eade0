"""Every line that the functions log is in the table of lines, as the table says it."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.handlers.request import NothingDone
from shared.workbench.operations.log_lines import LogLine, read_log_lines
from tests.cloud.invocation.runtime import platform_environment
from tests.conftest import ACCOUNT, PASSWORD, REGISTRY, TAIR, House
from tests.support import platform_events
from tests.support.commands import VALID_COMMANDS
from tests.workbench.log_scenes import FOLLOW, NOWHERE, PLAN, Listener, defective, listening, policy

ROOT = Path(__file__).parents[2]
TABLE = {line.event: line for line in read_log_lines()}
METHODS = ("debug", "info", "warning", "error", "exception", "critical", "log")


@pytest.fixture
def heard(house: House) -> Iterator[Listener]:
    with listening() as listener:
        yield listener


def calls_and_lines() -> Iterator[tuple[Path, str, ast.Dict]]:
    """Each call that logs: its file, its level, and the dict that it writes."""
    for path in sorted((ROOT / "shared").rglob("*.py")):
        if "workbench" in path.relative_to(ROOT).parts:
            continue
        tree = ast.parse(path.read_text())
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            target = call.func
            if not (isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name)):
                continue
            if target.value.id not in ("log", "second_sink") or target.attr not in METHODS:
                continue
            where = f"{path.name}:{call.lineno}"
            assert len(call.args) == 2, f"{where} does not log one JSON object"
            form, told = call.args
            assert isinstance(form, ast.Constant) and form.value == "%s", f"{where} does not log JSON alone"
            assert isinstance(told, ast.Call) and ast.unparse(told.func) == "json.dumps", f"{where} does not log JSON"
            value = told.args[0]
            if isinstance(value, ast.Name):
                around = min(
                    (one for one in functions if one.lineno <= call.lineno <= (one.end_lineno or 0)),
                    key=lambda one: (one.end_lineno or 0) - one.lineno,
                )
                (value,) = [
                    node.value
                    for node in ast.walk(around)
                    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == value.id
                ]
            assert isinstance(value, ast.Dict), f"{where}: the line's keys are not to be seen in one place"
            yield path, target.attr.upper(), value


def test_every_line_that_the_code_writes_is_in_the_table_and_no_other_is() -> None:
    found: dict[str, set[str]] = {}
    for path, level, line in calls_and_lines():
        keys = [key.value if isinstance(key, ast.Constant) else None for key in line.keys]
        event = line.values[0]
        assert keys[0] == "event" and isinstance(event, ast.Constant)
        row = TABLE[str(event.value)]
        assert (level, keys) == (row.level, row.keys), path
        found.setdefault(row.event, set()).add(str(path.relative_to(ROOT)))
    assert found == {row.event: set(row.written_by) for row in TABLE.values()}


def checked(said: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """The lines, each of which keeps to the table."""
    kinds: dict[str, tuple[type, ...]] = {"text": (str,), "number": (int, float), "flag": (bool,), "object": (dict,)}
    lines = []
    for level, message in said:
        line = json.loads(message)
        row = TABLE[line["event"]]
        assert (level, list(line)) == (row.level, row.keys)
        for field in row.fields:
            value = line[field.name]
            if value is None:
                assert field.may_be_null, (row.event, field.name)
            else:
                assert isinstance(value, kinds[field.kind]), (row.event, field.name, value)
                assert field.kind == "flag" or not isinstance(value, bool)
        lines.append(line)
    return lines


def of(lines: list[dict[str, Any]], event: str) -> list[dict[str, Any]]:
    return [line for line in lines if line["event"] == event]


EACH = [(ACCOUNT, "scf"), (PASSWORD, "scf"), (REGISTRY, "scf"), (TAIR, "fc"), (ACCOUNT, "fc"), (TAIR, "scf")]


@pytest.mark.parametrize("trigger", ["http", "timer", "queue"])
@pytest.mark.parametrize(("function", "platform"), EACH)
def test_an_invocation_has_one_line_and_each_result_one(
    house: House, heard: Listener, function: str, platform: str, trigger: str
) -> None:
    batch = [VALID_COMMANDS[function] | {"CommandId": "c-1"}, {"no": "command"}]
    house.send(function, batch, platform, trigger)
    said = heard.take()
    lines = checked(said)
    (summary,) = of(lines, "invocation")
    assert summary == lines[-1]
    assert (summary["function"], summary["trigger"], summary["messages"]) == (function, trigger, 2)
    assert (summary["outcomes"], summary["delivered"], summary["raised"]) == (
        {"changed": 1, "not_changed": 1},
        True,
        None,
    )
    results = of(lines, "result")
    assert sorted(line["command_id"] for line in results) == sorted(
        event["data"]["CommandId"] for event in house.results()
    )
    text = " ".join(message for _, message in said)
    assert not any(value in text for name, value in VALID_COMMANDS[function].items() if "Password" in name)


@pytest.mark.parametrize("function", [ACCOUNT, FOLLOW, PLAN])
@pytest.mark.parametrize("how", ["method", "not json", "unknown event", "settings", "no queue", "undelivered"])
def test_an_invocation_that_is_refused_has_its_lines_too(
    house: House, heard: Listener, function: str, how: str
) -> None:
    event: Any = platform_events.event({"no": "command"}, "scf", "http")
    raised: str | None = None
    trigger: str | None = "http"
    results = 1
    if how == "method":
        event["httpMethod"] = "GET"
    elif how == "not json":
        event["body"] = "{"
    elif how == "unknown event":
        event, trigger = {"Records": [{"cos": {}}]}, None
    elif how == "settings":
        house.settings["KEYTURN_RATE"] = "none"
    else:
        event = platform_events.event({"no": "command"}, "scf", "timer")
        raised, trigger = "NothingDone", "timer"
        house.settings["KEYTURN_RESULTS"] = "" if how == "no queue" else NOWHERE
        results = 0 if how == "no queue" else 1
        if function == "follow_change" and results:  # not a message of keyturn's own: it is left, with a line
            raised, results = None, 0
    returned = house.deliver(function, event)
    lines = checked(heard.take())
    (summary,) = of(lines, "invocation")
    assert (summary["function"], summary["trigger"], summary["raised"]) == (function, trigger, raised)
    assert len(of(lines, "result")) == results
    assert sum(summary["outcomes"].values()) in ({results} if raised is None else {results, 0})
    assert [isinstance(returned.error, NothingDone)] == [raised is not None]
    assert len(of(lines, "settings")) == (how in ("settings", "no queue"))
    assert len(of(lines, "undelivered_result")) == (how == "undelivered" and results)


@pytest.mark.parametrize("trigger", ["timer", "queue"])
def test_settings_that_cannot_be_read_are_told_where_nobody_is_answered(
    house: House, heard: Listener, trigger: str
) -> None:
    house.settings["KEYTURN_RATE"] = "none"
    assert house.send(ACCOUNT, VALID_COMMANDS[ACCOUNT], trigger=trigger).error is not None
    lines = checked(heard.take())
    assert [line["event"] for line in lines] == ["settings", "invocation"]
    assert (lines[1]["raised"], lines[1]["trigger"], lines[1]["request_id"]) == ("SettingsError", trigger, None)


@pytest.mark.parametrize("function", [ACCOUNT, PLAN])
def test_a_defect_is_one_line_of_json_without_a_secret(
    house: House, heard: Listener, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    defective(function, monkeypatch)
    house.send(function, VALID_COMMANDS[ACCOUNT] if function == ACCOUNT else policy("p", "*"), trigger="queue")
    said = heard.take()
    lines = checked(said)
    (line,) = of(lines, "unexpected")
    assert (line["why"], line["trace_id"]) == ("TypeError", of(lines, "result")[0]["trace_id"])
    assert "Traceback" in line["traceback"]
    assert "in fails" in line["traceback"]
    assert VALID_COMMANDS[ACCOUNT]["AccountPassword"] not in " ".join(message for _, message in said)


def test_where_a_runtime_gives_no_handler_each_line_is_json_alone_on_stdout() -> None:
    code = f"from functions.{ACCOUNT} import main_handler as go; go({{'httpMethod': 'GET', 'headers': {{}}}}, {{}})"
    env = platform_environment(ACCOUNT, "scf", {})
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=True
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["event"] for line in lines] == ["result", "invocation"]
    assert done.stderr == ""


def test_a_table_of_lines_reads_well() -> None:
    for line in read_log_lines():
        assert isinstance(line, LogLine)
        assert len(set(line.keys)) == len(line.keys)
        for text in (line.when, *(field.meaning for field in line.fields)):
            assert text.endswith("."), text
