"""What a large fleet takes: the bench's part `scale` at small sizes, and the arithmetic of its budgets."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from shared.workbench.bench.report import missed_budgets, missed_fixed_budgets, tables
from shared.workbench.bench.scale import measure, report
from shared.workbench.bench.scale.history import History
from shared.workbench.report.events import Result, parse_event
from tests.cloud.state.checkout import ROOT
from tests.workbench.report_events import result_event


def cost(part: str, items: int, cpu_s: float, **more: float) -> dict[str, Any]:
    return {"part": part, "items": items, "cpu_s": cpu_s, "peak_mib": 50.0, "calls": 0.0, "page_kb": 0.0} | {
        "invocations": 1,
        **more,
    }


LINEAR = [cost("firing", 1000, 2.0), cost("firing", 10_000, 11.0), cost("firing", 100_000, 110.0)]
SQUARE = [cost("event", 5, 1.0), cost("event", 50, 2.0), cost("event", 500, 25.0)]


@pytest.mark.long
def test_a_report_over_many_events_takes_little_more_memory_than_one_over_few(tmp_path: Path) -> None:
    few, many = (measure.report(events, tmp_path) for events in (2000, 50_000))
    assert many.peak_mib - few.peak_mib < 32, "the events are kept whole in memory"
    assert max(few.page_kb, many.page_kb) < report.SHORT.page_kb


def test_a_firing_goes_on_where_its_time_ends_and_lists_every_instance(tmp_path: Path) -> None:
    one = measure.firing(400, tmp_path, short=True)  # which compares what was listed, due, sent and told
    assert one.invocations >= 2 and one.calls < report.SHORT.calls["firing"]


def test_an_event_of_more_commands_makes_no_more_calls_a_command(tmp_path: Path) -> None:
    calls = [measure.event(commands, tmp_path).calls for commands in (5, 25)]
    assert max(calls) <= report.WHOLE.calls["event"]


def test_growth_is_what_one_item_more_costs_whatever_the_start_took() -> None:
    assert report.growth(LINEAR, "firing") == pytest.approx(1.1)
    assert report.growth(SQUARE, "event") == pytest.approx(2.3)
    assert report.growth(SQUARE[:2], "event") is None
    assert report.misses(LINEAR) == []
    assert report.misses(SQUARE) == ["scale: event: one command more costs 2.30 times as much, budget 1.3"]


@pytest.mark.parametrize(
    ("one", "told"),
    [
        (cost("report", 1_000_000, 99.0, peak_mib=200.4), "report of 1,000,000 events peaks at 200 MiB, budget 200"),
        (cost("firing", 1000, 2.0, calls=1.06), "firing of 1,000 instances makes 1.06 calls each, budget 1.03"),
        (cost("event", 5, 0.1, calls=4.2), "event of 5 commands makes 4.2 calls each, budget 4"),
        (cost("report", 10, 1.0, page_kb=301.0), "report of 10 events makes a page of 301 KB, budget 300"),
    ],
)
def test_memory_calls_and_the_page_have_budgets_that_no_clock_decides(one: dict[str, Any], told: str) -> None:
    assert missed_fixed_budgets({"scale": [one]}) == [f"scale: {told}"]
    assert missed_fixed_budgets({"scale": LINEAR}) == []


def test_the_table_has_each_size_and_the_growth_once() -> None:
    results = {"scale": [*SQUARE, *LINEAR], "machine": "a machine", "versions": {}, "dates": {"scale": "2026-11-27"}}
    text = tables(results)
    last = "| `plan_rotation`, a tenth due | 100,000 instances | 110.00 | 1.10 | **1.10** | 50 | 60 | 0, budget 1.03 |"
    assert f"{last} 1 invocation |" in text
    assert text.count("**") == 4
    assert "one command more costs 2.30 times" in missed_budgets(results)[0]


def test_the_history_is_the_same_each_time_and_holds_what_queues_hold() -> None:
    lines = list(History(3000).lines())
    assert len(lines) == 3000 and lines == list(History(3000).lines())
    parsed = [parse_event(json.loads(line)) for line in lines]
    results = [one for one in parsed if isinstance(one, Result)]
    outcomes = Counter(one.outcome.value for one in results)
    assert len(outcomes) == 6 and outcomes["changed"] > len(results) / 2
    assert 0.02 < 1 - len({one.id for one in results}) / len(results) < 0.12  # delivered twice
    assert {len(one.rows) for one in parsed if not isinstance(one, Result)} >= {150}


def test_a_folder_without_room_for_the_events_is_told(tmp_path: Path) -> None:
    told: dict[str, Any] = {"Evidence": ["x" * 200] * 12, "Error": {"Class": "c", "Code": "d", "Message": "m" * 400}}
    events = (result_event("unknown", f"c-{n}", "2026-11-22T06:00:00.000Z", **told) for n in range(8000))
    (tmp_path / "events.jsonl").write_text("\n".join(map(json.dumps, events)), encoding="utf-8")
    command = [sys.executable, "-m", "shared.workbench.report", "events.jsonl", "-o", "page.html"]
    most = 1 << 20  # bytes of any file

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    done = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, preexec_fn=limit, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith("report: the events do not fit into the folder for temporary files: set TMPDIR")
    assert not (tmp_path / "page.html").exists()
