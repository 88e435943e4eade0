"""The runbook has a row for all that can happen, and the manual says the same."""

from __future__ import annotations

import re
from pathlib import Path

from shared.results.outcome import Outcome
from shared.runtime.errors import ErrorClass
from shared.workbench.docs.marked_parts import MANUAL
from shared.workbench.operations.alarms import read_alarms
from shared.workbench.operations.log_lines import read_log_lines
from shared.workbench.operations.runbook import read_runbook

ROOT = Path(__file__).parents[2]
TABLE = {line.event: line for line in read_log_lines()}
ALARMS = read_alarms()


def test_every_error_class_outcome_and_alarm_has_its_row() -> None:
    rows = {
        kind: {row.id for row in read_runbook() if row.kind == kind} for kind in ("error_class", "outcome", "state")
    }
    assert rows["error_class"] == {one.value for one in ErrorClass}
    assert rows["outcome"] == {one.value for one in Outcome}
    assert {"pending_too_long", "undelivered", "stored_pending"} <= rows["state"]
    ids = [row.id for row in read_runbook()]
    assert len(ids) == len(set(ids))
    assert {one.runbook for one in ALARMS.alarm} | {one.runbook for one in ALARMS.metric} <= set(ids)
    assert {rule.alarm for rule in ALARMS.queue} <= {alarm.id for alarm in ALARMS.alarm}


def test_the_manual_says_to_each_error_class_what_the_runbook_says() -> None:
    chapter = (ROOT / MANUAL / "results.md").read_text()
    for row in read_runbook():
        if row.kind == "error_class":
            assert re.search(rf"^\| `{row.id}` \| \d+ \| {re.escape(row.short)} \|$", chapter, re.MULTILINE), row.id


def test_the_runbook_looks_by_fields_and_targets_that_exist() -> None:
    names = {"event", *(field.name for line in TABLE.values() for field in line.fields)}
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for row in read_runbook():
        for look in row.look:
            assert set(re.findall(r'\b([a-z_]+):"', look)) <= names, look
            assert set(re.findall(r"^make ([a-z]+)", look)) <= targets, look
            for event in re.findall(r'event:"([a-z_]+)"', look):
                assert event in TABLE, look
