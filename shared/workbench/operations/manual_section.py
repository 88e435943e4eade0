"""The manual's lists of log lines and alarms, generated from their own files."""

from __future__ import annotations

import re

from shared.workbench.operations.alarms import Alarm, read_alarms
from shared.workbench.operations.log_lines import read_log_lines
from shared.workbench.operations.runbook import read_runbook


def log_lines_and_alarms() -> str:
    """Both lists, in Markdown."""
    rows = {row.id: row for row in read_runbook()}
    shown = [line for line in read_log_lines() if line.event in ("result", "invocation", "rotation")]
    others = [line for line in read_log_lines() if line not in shown]
    lines = [
        "## Log lines",
        "",
        "Every log line is one JSON object. New versions may add fields; they never rename one.",
        "",
        "| `event` | when | fields |",
        "|---|---|---|",
        *(f"| `{one.event}` | {_first(one.when)} | {_names(one.keys[1:])} |" for one in shown),
        f"| {_names([one.event for one in others])} | something went wrong, or a message was for another function | "
        "they differ by event |",
        "",
        "## Alarms",
        "",
        "keyturn brings recipes for Tencent CLS and Alibaba SLS. Tests run them over lines that the functions write.",
        "",
        "| alarm | how often, over what time | what it tells | what to do |",
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
    ]
    return "".join(f"{line}\n" for line in lines)


def _first(text: str) -> str:
    """A text's first sentence, without its full stop."""
    return re.split(r"(?<=[^.])\.(?: |$)", text, maxsplit=1)[0]


def _names(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _time(minutes: int) -> str:
    return "1 day" if minutes == 1440 else f"{minutes} min"


def _often(alarm: Alarm) -> str:
    return "daily" if alarm.every_minutes is None else f"every {alarm.every_minutes} min"
