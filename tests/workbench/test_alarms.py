"""The alarm recipes find in what functions log what is wrong, and nothing else."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from shared.workbench.operations.alarm_calls import create_alarm_parameters, create_alert_body
from shared.workbench.operations.alarms import Alarm, query_in_text, read_alarms
from shared.workbench.operations.log_lines import read_log_lines
from tests.cloud.client.standin import Standin
from tests.workbench.log_scenes import SCENES, WORLD, Said, Stage, listening

ALARMS = read_alarms()
NOW = 1_795_000_000.0


@pytest.fixture(scope="module")
def said(standin: Standin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Said]:
    """Every scene once."""
    world = tmp_path_factory.mktemp("fleet") / "world.toml"
    world.write_text(WORLD)
    with pytest.MonkeyPatch.context() as patch, listening() as listener, Standin(world) as fleet:
        stage = Stage(standin, fleet, listener, tmp_path_factory, patch)
        for scene in SCENES:
            scene(stage)
        yield stage.said


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
    return asked({"cls": alarm.cls, "cls in text": query_in_text(alarm.cls), "sls": alarm.sls}[form], rows)


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
    query = {"cls": alarm.cls, "cls in text": query_in_text(alarm.cls), "sls": alarm.sls}[form]
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
    known = {field.name: field for line in read_log_lines() for field in line.fields}
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
    made = create_alarm_parameters(alarm, logset_id="l-1", topic_id="t-1", notice_ids=["notice-1"])
    (target,) = made["AlarmTargets"]
    assert (target["Query"], target["StartTimeOffset"]) == (alarm.cls.strip(), -alarm.window_minutes)
    assert "|" not in made["Name"] and len(made["Name"].encode()) <= 255
    rule = create_alert_body(alarm, region="cn-hangzhou", project="p", logstore="s", action_policy="ops")
    (query,) = rule["configuration"]["queryList"]
    assert (query["query"], query["start"]) == (alarm.sls.strip(), f"-{alarm.window_minutes}m")
    assert len(alarm.sls_condition) <= 128 and len(rule["displayName"]) <= 64
    assert alarm.window_minutes > (alarm.every_minutes or 0), "a line could fall between two checks"
    json.dumps([made, rule])
