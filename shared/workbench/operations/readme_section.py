"""README's section on operations, generated so that it cannot drift."""

from __future__ import annotations

import re

from shared.workbench.operations.alarms import Alarm, read_alarms
from shared.workbench.operations.log_lines import read_log_lines
from shared.workbench.operations.runbook import read_runbook

BEGIN, END = "<!-- operations -->", "<!-- /operations -->"


def readme_section() -> str:
    """README's section: the lines, the alarms and where to look, generated so that it cannot drift."""
    rows = {row.id: row for row in read_runbook()}
    shown = [line for line in read_log_lines() if line.event in ("result", "invocation", "rotation")]
    others = [line for line in read_log_lines() if line not in shown]
    lines = [
        "Every log line is one JSON object. Its names may grow in number, and never change.",
        "",
        "<details><summary>The lines</summary>",
        "",
        "| `event` | when | fields |",
        "|---|---|---|",
        *(f"| `{one.event}` | {_first(one.when)} | {_names(one.keys[1:])} |" for one in shown),
        f"| {_names([one.event for one in others])} | what went wrong, or was another function's | by event |",
        "",
        "</details>",
        "",
        "Alarms for Tencent CLS and Alibaba SLS, tested with lines that the functions write:",
        "",
        "<details><summary>The alarms</summary>",
        "",
        "| alarm | looks | what it tells | then |",
        "|---|---|---|---|",
        *(
            f"| `{one.id}` | {_often(one)}, over {_time(one.window_minutes)} | {rows[one.runbook].short} | "
            f"{_first(rows[one.runbook].next)} |"
            for one in read_alarms().alarm
        ),
        *(
            f"| `{one}` | the platform's own metrics | {rows[one].short} | {_first(rows[one].next)} |"
            for one in dict.fromkeys(metric.runbook for metric in read_alarms().metric)
        ),
        "",
        "</details>",
        "",
        "One log topic (CLS) or Logstore (SLS) for all functions of a region: what an operation begins,",
        "`follow_change` ends. [`alarms.toml`](shared/workbench/operations/alarms.toml) has the queries,",
        "[`runbook.toml`](shared/workbench/operations/runbook.toml) what to do about each error class, outcome",
        "and alarm, [`log_lines.toml`](shared/workbench/operations/log_lines.toml) every field; `make docs` shows",
        "all three. `python -m shared.workbench.operations tencent` prints the recipes as CreateAlarm takes them,",
        "`alibaba` as CreateAlert.",
    ]
    return "\n".join(lines)


def _first(text: str) -> str:
    """A text's first sentence, without its full stop."""
    return re.split(r"(?<=[^.])\.(?: |$)", text, maxsplit=1)[0]


def _names(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _time(minutes: int) -> str:
    return "1 day" if minutes == 1440 else f"{minutes} min"


def _often(alarm: Alarm) -> str:
    return "daily" if alarm.every_minutes is None else f"every {alarm.every_minutes} min"
