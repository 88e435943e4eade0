"""Log lines, alarm recipes and the runbook: what operators build on is what the functions write."""

from __future__ import annotations

import ast
import json
import logging
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from shared.handlers.request import NothingDone
from shared.results.outcome import Outcome
from shared.runtime.errors import ErrorClass
from shared.runtime.secret import Secret
from shared.workbench.bundle.operations import PLATFORMS, operations
from shared.workbench.operations import (
    BEGIN,
    END,
    Alarm,
    LogLine,
    alarms,
    cls_policy,
    in_text,
    log_lines,
    readme,
    runbook,
    sls_rule,
)
from tests.cloud.functions.runtime import environment
from tests.cloud.server.client import Standin
from tests.commands.test_password_rules import GOOD
from tests.conftest import ACCOUNT, HANDOFF_KEY, PASSWORD, REGISTRY, TAIR, House
from tests.support import shapes

ROOT = Path(__file__).parents[2]
FOLLOW, PLAN = "follow_change", "plan_rotation"
NOWHERE = "sqlite:///dev/null/results.db"  # a folder that cannot be one
TABLE = {line.event: line for line in log_lines()}
ALARMS = alarms()
NOW = 1_795_000_000.0
METHODS = ("debug", "info", "warning", "error", "exception", "critical", "log")

WORLD = """
rate = 2000
[credentials.tencent]
id = "AKIDSTANDIN"
key = "standin-secret-key"
token = "standin-session-token"
[credentials.alibaba]
id = "LTAISTANDIN"
key = "standin-secret-key"
token = "standin-session-token"
[redis.crs-young001]
region = "ap-guangzhou"
lazy = true
accounts = { app = { password = "App-Passw0rd", password_age_days = 10 } }
[redis.crs-due00001]
region = "ap-guangzhou"
lazy = true
accounts = { app = { password = "App-Passw0rd", password_age_days = 92 } }
[redis.crs-late0001]
region = "ap-guangzhou"
lazy = true
accounts = { app = { password = "App-Passw0rd", password_age_days = 400 } }
"""


def policy(name: str, *patterns: str) -> dict[str, Any]:
    return {
        "Policy": name,
        "Function": ACCOUNT,
        "Region": "ap-guangzhou",
        "Resources": {"Patterns": list(patterns)},
        "Accounts": ["app"],
        "MaxAgeDays": 90,
        "Store": "ssm://redis-{resource}-{account}",
    }


class Listener(logging.Handler):
    """Keeps what the functions log, as a platform would print it."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[tuple[str, str]] = []  # level, message

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append((record.levelname, record.getMessage()))

    def take(self) -> list[tuple[str, str]]:
        said, self.said = self.said, []
        return said


@contextmanager
def listening() -> Iterator[Listener]:
    listener, logger = Listener(), logging.getLogger("keyturn")
    before = logger.level
    logger.addHandler(listener)
    logger.setLevel(logging.INFO)
    try:
        yield listener
    finally:
        logger.removeHandler(listener)
        logger.setLevel(before)


@pytest.fixture
def heard(house: House) -> Iterator[Listener]:
    with listening() as listener:
        yield listener


# --- the contract of the lines


def calls_and_lines() -> Iterator[tuple[Path, str, ast.Dict]]:
    """Each call that logs: its file, its level, and the dict that it writes."""
    for path in sorted((ROOT / "shared").rglob("*.py")):
        if "workbench" in path.parts:
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


EACH = [*((name, PLATFORMS[one.cloud]) for name, one in operations().items()), (ACCOUNT, "fc"), (TAIR, "scf")]


@pytest.mark.parametrize("trigger", ["http", "timer", "queue"])
@pytest.mark.parametrize(("function", "platform"), EACH)
def test_an_invocation_has_one_line_and_each_result_one(
    house: House, heard: Listener, function: str, platform: str, trigger: str
) -> None:
    batch = [GOOD[function] | {"CommandId": "c-1"}, {"no": "command"}]
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
    assert not any(value in text for name, value in GOOD[function].items() if "Password" in name)


@pytest.mark.parametrize("function", [ACCOUNT, FOLLOW, PLAN])
@pytest.mark.parametrize("how", ["method", "not json", "unknown event", "settings", "no queue", "undelivered"])
def test_an_invocation_that_is_refused_has_its_lines_too(
    house: House, heard: Listener, function: str, how: str
) -> None:
    event: Any = shapes.event({"no": "command"}, "scf", "http")
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
        event = shapes.event({"no": "command"}, "scf", "timer")
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
    assert house.send(ACCOUNT, GOOD[ACCOUNT], trigger=trigger).error is not None
    lines = checked(heard.take())
    assert [line["event"] for line in lines] == ["settings", "invocation"]
    assert (lines[1]["raised"], lines[1]["trigger"], lines[1]["request_id"]) == ("SettingsError", trigger, None)


def defective(function: str, patch: pytest.MonkeyPatch) -> None:
    """Give the function an adapter with a defect: it raises what nobody expects, with a secret in it."""

    def broken(*_: Any) -> Any:
        raise TypeError(f"cannot use {Secret(GOOD[ACCOUNT]['AccountPassword']).reveal()}")

    module, declared = import_module(f"functions.{function}"), operations()[ACCOUNT]
    assert declared.rotation is not None
    if function == PLAN:
        defect = replace(declared, rotation=replace(declared.rotation, fleet=broken))
        handler = replace(module.main_handler, load=lambda _: defect)
    else:
        handler = replace(module.main_handler, operation=replace(declared, change=broken))
    patch.setattr(module, "main_handler", handler)


@pytest.mark.parametrize("function", [ACCOUNT, PLAN])
def test_a_defect_is_one_line_of_json_without_a_secret(
    house: House, heard: Listener, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    defective(function, monkeypatch)
    house.send(function, GOOD[ACCOUNT] if function == ACCOUNT else policy("p", "*"), trigger="queue")
    said = heard.take()
    lines = checked(said)
    (line,) = of(lines, "unexpected")
    assert (line["why"], line["trace_id"]) == ("TypeError", of(lines, "result")[0]["trace_id"])
    assert "Traceback" in line["traceback"]
    assert "in broken" in line["traceback"]
    assert GOOD[ACCOUNT]["AccountPassword"] not in " ".join(message for _, message in said)


def test_where_a_runtime_gives_no_handler_each_line_is_json_alone_on_stdout() -> None:
    code = f"from functions.{ACCOUNT} import main_handler as go; go({{'httpMethod': 'GET', 'headers': {{}}}}, {{}})"
    env = environment(ACCOUNT, "scf", {})
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=True
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["event"] for line in lines] == ["result", "invocation"]
    assert done.stderr == ""


# --- lines that functions really write, well and badly


Said = dict[str, list[tuple[float, str]]]  # scenario: when, in minutes before now, and the line


def end_of(house: House) -> None:
    """Deliver what waits for follow_change until it has ended."""
    handed = [event for event in house.commands() if event["type"].endswith(FOLLOW)][-1]
    house.deliver(FOLLOW, shapes.event(handed, "scf", "queue"), timeout_s=30.0)


@pytest.fixture(scope="module")
def said(standin: Standin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Said]:
    """Every scenario once."""
    world = tmp_path_factory.mktemp("fleet") / "world.toml"
    world.write_text(WORLD)
    found: Said = {}
    with pytest.MonkeyPatch.context() as patch, listening() as listener, Standin(world) as fleet:

        def place(name: str, cloud: Standin, **changed: Any) -> House:
            cloud.reset(**changed)
            house = House(cloud, tmp_path_factory.mktemp(name), patch)
            house.settings |= {"KEYTURN_COMMANDS": house.commands_url, "KEYTURN_RATE": "1000"}
            return house

        def keep(name: str, minutes: float) -> None:
            lines = [(minutes, message) for _, message in listener.take()]
            assert lines
            found.setdefault(name, []).extend(lines)

        def command(name: str, function: str = ACCOUNT) -> dict[str, Any]:
            return GOOD[function] | {"CommandId": name}

        house = place("healthy", standin)
        for function, platform in ((ACCOUNT, "scf"), (PASSWORD, "scf"), (REGISTRY, "scf"), (TAIR, "fc")):
            house.send(function, command(f"h-{function[:20]}", function), platform, "queue")
        house.send(PASSWORD, command("h-again", PASSWORD), trigger="queue", name="again")
        house.send(ACCOUNT, command("h-dry") | {"DryRun": True})
        house.send(ACCOUNT, {"CommandId": "h-unknown-field", "unknown": "result exhausted"})
        house.deliver(ACCOUNT, shapes.event({"specversion": "1.0", "id": "1", "type": "keyturn.x"}, "scf", "queue"))
        keep("healthy", 5)
        house = place("ended", standin, task_s=3.0, settle_s=3.0)
        house.send(ACCOUNT, command("h-slow"))
        keep("healthy", 60)
        end_of(house)
        keep("healthy", 59)
        house = place("fresh", standin, task_s=60.0)
        house.send(ACCOUNT, command("h-fresh"))
        keep("healthy", 5)
        place("nightly", fleet).deliver(PLAN, shapes.event(policy("well", "crs-young*", "crs-due*"), "scf", "timer"))
        keep("healthy", 120)
        keep_report = policy("ages", "*") | {"Mode": "report", "MaxAgeDays": 395}
        place("report", fleet).deliver(PLAN, shapes.event(keep_report, "scf", "timer", name="report"))
        keep("healthy", 20)

        place("stuck", standin, task_s=60.0).send(ACCOUNT, command("p-stuck"))
        keep("pending_without_end", 60)
        house = place("twice", standin, task_s=3.0, settle_s=3.0)
        house.send(ACCOUNT, command("p-twice"))
        end_of(house)
        keep("pending_without_end", 300)
        place("twice-more", standin, task_s=60.0).send(ACCOUNT, command("p-twice"))
        keep("pending_without_end", 90)

        house = place("unknown", standin)
        standin.faults([{"Action": "ModifyServiceAccountPassword", "Fault": "drop_after", "Times": 9}])
        house.send(REGISTRY, command("u-lost", REGISTRY), trigger="queue")
        keep("unknown_outcome", 10)

        house = place("undelivered", standin)
        house.settings["KEYTURN_RESULTS"] = NOWHERE
        house.send(PASSWORD, command("l-lost", PASSWORD), trigger="queue")
        keep("undelivered_result", 10)

        place("late", fleet).deliver(PLAN, shapes.event(policy("late", "*"), "scf", "timer", name="late"))
        keep("overdue", 120)

        place("denied", fleet, deny=["DescribeInstanceAccount"]).deliver(
            PLAN, shapes.event(policy("not-listed", "*"), "scf", "timer", name="denied")
        )
        house = place("unsent", fleet)
        house.settings["KEYTURN_COMMANDS"] = NOWHERE
        house.deliver(PLAN, shapes.event(policy("unsent", "crs-due*"), "scf", "timer", name="unsent"))
        event: dict[str, Any] = {"specversion": "1.0", "id": "refused-firing", "source": "s", "type": "ops.firing"}
        event |= {"data": {"Policy": "no policy"}}
        place("refused", fleet).deliver(PLAN, shapes.event(event, "scf", "queue"))
        keep("rotation_incomplete", 10)

        house = place("exhausted", standin)
        standin.faults([{"Action": "ModifyInstanceAccount", "Fault": "lock", "Times": 9}])
        data = {"InstanceId": "crs-demo0001", "AccountName": "app", "Privilege": "r", "Region": "ap-guangzhou"}
        envelope = {"specversion": "1.0", "id": "x-given-up", "source": "s", "attempt": 10, "hop": 9}
        envelope |= {"type": f"keyturn.command.{ACCOUNT}", "subject": "redis/crs-demo0001/app", "data": data}
        envelope = shapes.signed(envelope, HANDOFF_KEY)
        house.deliver(ACCOUNT, shapes.event(envelope, "scf", "queue"), timeout_s=5.0)
        keep("exhausted", 10)

        house = place("broken", standin)
        with pytest.MonkeyPatch.context() as defect:
            defective(ACCOUNT, defect)
            house.send(ACCOUNT, command("b-defect"), trigger="queue")
        house.settings["KEYTURN_RATE"] = "none"
        house.send(ACCOUNT, GOOD[ACCOUNT], trigger="timer")
        keep("broken", 10)
        yield found


WRONG: dict[str, set[str]] = {
    "pending_without_end": {"p-stuck", "p-twice"},
    "unknown_outcome": {"u-lost"},
    "undelivered_result": {"redis/crs-demo0001/root"},
    "rotation_incomplete": {"not-listed", "unsent", "refused-firing"},
    "overdue": {"late"},
    "exhausted": {"x-given-up"},
    "broken": {"settings", "unexpected"},
}
"""What each query has to find in all scenarios together: the first column of its rows."""


# --- both log services, as far as the recipes use them

_DELIMITERS = re.compile(r"[\s,'\";=()\[\]{}?@&<>/:\\]+")


def words(text: str) -> set[str]:
    return {word.lower() for word in _DELIMITERS.split(text) if word}


def kept_by_cls(message: str) -> dict[str, Any]:
    """The fields of a line that is JSON alone: of its first level, and only texts and numbers."""
    kept = (str, int, float)
    return {k: v for k, v in json.loads(message).items() if isinstance(v, kept) and not isinstance(v, bool)}


def matches(search: str, fields: dict[str, Any]) -> bool:
    """A search part: `field:"word"` or `field: word`, AND, OR and brackets."""
    if search.strip() == "*":
        return True

    def one(match: re.Match[str]) -> str:
        return str(match[2].lower() in words(str(fields.get(match[1], ""))))

    told = re.sub(r'(\w+):\s*"?([a-z_]+)"?', one, search)
    told = re.sub(r"\b(AND|OR|and|or)\b", lambda match: match[0].lower(), told)
    assert re.fullmatch(r"(True|False|and|or|[() ])+", told), f"not a search that both sides know: {search}"
    return bool(eval(told))


def extract(pattern: str, text: str | None, group: int) -> str | None:
    match = re.search(pattern, text) if text is not None else None
    return match[group] if match else None


def scalar(text: str | None, path: str) -> str | None:
    """As Presto's: a text for every scalar, null for what is no JSON, no scalar or not there."""
    try:
        value = json.loads(text or "").get(path.removeprefix("$."))
    except ValueError:
        return None
    if value is None or isinstance(value, dict | list):
        return None
    return json.dumps(value) if isinstance(value, bool) else str(value)


def asked(query: str, rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """The query's rows over these log lines.

    SQLite for Presto. Where it differs: it wants FROM, which log services let one leave out; the services' functions
    are given to it here; a text that is compared with a number is cast by both sides' queries, so that neither guesses.
    """
    search, sql = query.split(" | ", 1)
    found = [row for row in rows if matches(search, row)]
    columns = sorted({name for row in rows for name in row})
    base = sqlite3.connect(":memory:")
    base.create_function("now", 0, lambda: NOW)
    base.create_function("to_unixtime", 1, lambda value: value)
    base.create_function("try", 1, lambda value: value)
    base.create_function("json_extract_scalar", 2, scalar)
    base.create_function("regexp_extract", 2, lambda text, pattern: extract(pattern, text, 0))
    base.create_function("regexp_extract", 3, lambda text, pattern, group: extract(pattern, text, group))
    base.execute(f"CREATE TABLE log ({', '.join(f'[{name}]' for name in columns)})")
    places = ", ".join("?" * len(columns))
    base.executemany(f"INSERT INTO log VALUES ({places})", [[row.get(name) for name in columns] for row in found])
    if not re.search(r"\bFROM\b", sql):
        sql = re.sub(r"\s(?=WHERE|GROUP BY|$)", " FROM log ", sql.rstrip(), count=1)
    try:
        return base.execute(sql).fetchall()
    finally:
        base.close()


def run(alarm: Alarm, form: str, lines: list[tuple[float, str]]) -> list[tuple[Any, ...]]:
    """A recipe's query in one of its forms over what its window shows."""
    rows: list[dict[str, Any]] = []
    empty = dict.fromkeys(one.field for one in ALARMS.setup[0].index)
    for minutes, message in lines:
        if minutes > alarm.window_minutes:
            continue
        at = NOW - 60 * minutes
        if form == "cls":
            rows.append(empty | kept_by_cls(message) | {"__TIMESTAMP__": int(at * 1000)})
        elif form == "cls in text":
            rows.append({"SCF_Message": f"[INFO] {message}\n", "__TIMESTAMP__": int(at * 1000)})
        else:
            rows.append({"message": f"2026-11-22T06:00:00.000Z 1-2-3 [INFO] {message}\n", "__time__": int(at)})
    rows.append(dict.fromkeys(rows[0]) if rows else empty | {"SCF_Message": None, "message": None, "__time__": 0})
    return asked({"cls": alarm.cls, "cls in text": in_text(alarm.cls), "sls": alarm.sls}[form], rows)


FORMS = ["cls", "cls in text", "sls"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("alarm", [one for one in ALARMS.alarm if one.id in WRONG], ids=lambda one: one.id)
def test_a_query_finds_what_is_wrong_and_nothing_else(said: Said, alarm: Alarm, form: str) -> None:
    rows = run(alarm, form, [line for lines in said.values() for line in lines])
    assert {row[0] for row in rows} == WRONG[alarm.id]
    assert len(rows) == len(WRONG[alarm.id])
    assert run(alarm, form, said["healthy"]) == []
    assert {row[0] for row in run(alarm, form, said[alarm.id])} == WRONG[alarm.id]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("alarm", [one for one in ALARMS.alarm if one.id in WRONG], ids=lambda one: one.id)
def test_the_condition_holds_for_each_row_of_a_query(said: Said, alarm: Alarm, form: str) -> None:
    name, sign, limit = alarm.sls_condition.split()
    assert alarm.cls_condition == f"$1.{alarm.sls_condition}"
    query = {"cls": alarm.cls, "cls in text": in_text(alarm.cls), "sls": alarm.sls}[form]
    assert re.search(rf"AS {name}\b", query)
    for row in run(alarm, form, said[alarm.id]):
        value = row[-1]
        assert {">": value > float(limit), ">=": value >= float(limit)}[sign], row


@pytest.mark.parametrize("form", FORMS)
def test_a_rotation_that_did_not_end_is_missed(said: Said, form: str) -> None:
    (alarm,) = [one for one in ALARMS.alarm if one.id == "no_rotation"]
    assert run(alarm, form, said["healthy"]) == [(1,)]
    assert run(alarm, form, said["unknown_outcome"]) == [(0,)]
    assert run(alarm, form, []) == [(0,)]
    yesterday = [(minutes + 1440, line) for minutes, line in said["healthy"]]
    assert run(alarm, form, yesterday) == [(0,)]


def test_an_alarm_needs_only_fields_that_every_log_service_keeps() -> None:
    indexed = {one.field: one.kind for one in ALARMS.setup[0].index}
    known = {field.name: field for line in TABLE.values() for field in line.fields}
    for name, kind in indexed.items():
        if name != "event":
            assert known[name].kind == ("text" if kind == "text" else "number")
    words_of_sql = {"case", "when", "then", "else", "end", "and", "or", "in", "as", "by", "max", "count", "now"}
    for alarm in ALARMS.alarm:
        sql = re.sub(r"'[^']*'|AS \w+|__TIMESTAMP__", " ", alarm.cls.split(" | ", 1)[1])
        used = {word for word in re.findall(r"\b[a-z_]+\b", sql) if word not in words_of_sql}
        assert used - {"coalesce", "to_unixtime"} <= indexed.keys(), alarm.id


# --- as the clouds' calls take them


@pytest.mark.parametrize("alarm", ALARMS.alarm, ids=lambda one: one.id)
def test_a_recipe_becomes_a_policy_and_a_rule(alarm: Alarm) -> None:
    assert (alarm.every_minutes is None) != (alarm.cron is None)
    made = cls_policy(alarm, logset_id="l-1", topic_id="t-1", notice_ids=["notice-1"])
    (target,) = made["AlarmTargets"]
    assert (target["Query"], target["StartTimeOffset"]) == (alarm.cls.strip(), -alarm.window_minutes)
    assert "|" not in made["Name"] and len(made["Name"].encode()) <= 255
    rule = sls_rule(alarm, region="cn-hangzhou", project="p", logstore="s", action_policy="ops")
    (query,) = rule["configuration"]["queryList"]
    assert (query["query"], query["start"]) == (alarm.sls.strip(), f"-{alarm.window_minutes}m")
    assert len(alarm.sls_condition) <= 128 and len(rule["displayName"]) <= 64
    assert alarm.window_minutes > (alarm.every_minutes or 0), "a line could fall between two checks"
    json.dumps([made, rule])


# --- the runbook


def test_every_error_class_outcome_and_alarm_has_its_row() -> None:
    rows = {kind: {row.id for row in runbook() if row.kind == kind} for kind in ("error_class", "outcome", "state")}
    assert rows["error_class"] == {one.value for one in ErrorClass}
    assert rows["outcome"] == {one.value for one in Outcome}
    assert {"pending_too_long", "undelivered", "stored_pending"} <= rows["state"]
    ids = [row.id for row in runbook()]
    assert len(ids) == len(set(ids))
    assert {one.runbook for one in ALARMS.alarm} | {one.runbook for one in ALARMS.metric} <= set(ids)
    assert {rule.alarm for rule in ALARMS.queue} <= {alarm.id for alarm in ALARMS.alarm}


def test_readme_says_to_each_error_class_what_the_runbook_says() -> None:
    readme = (ROOT / "README.md").read_text()
    for row in runbook():
        if row.kind == "error_class":
            assert re.search(rf"^\| `{row.id}` \| \d+ \| {re.escape(row.short)} \|$", readme, re.MULTILINE), row.id


def test_readmes_section_is_the_generated_one() -> None:
    text = (ROOT / "README.md").read_text()
    assert text.count(BEGIN) == text.count(END) == 1
    assert text.partition(BEGIN)[2].partition(END)[0].strip() == readme()


def test_the_runbook_looks_by_fields_and_targets_that_exist() -> None:
    names = {"event", *(field.name for line in TABLE.values() for field in line.fields)}
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for row in runbook():
        for look in row.look:
            assert set(re.findall(r'\b([a-z_]+):"', look)) <= names, look
            assert set(re.findall(r"^make ([a-z]+)", look)) <= targets, look
            for event in re.findall(r'event:"([a-z_]+)"', look):
                assert event in TABLE, look


def test_a_table_of_lines_reads_well() -> None:
    for line in log_lines():
        assert isinstance(line, LogLine)
        assert len(set(line.keys)) == len(line.keys)
        for text in (line.when, *(field.meaning for field in line.fields)):
            assert text.endswith("."), text
