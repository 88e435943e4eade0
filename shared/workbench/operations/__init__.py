"""How keyturn is watched: its log lines, alarm recipes for both clouds' log services, and what to do (the runbook).

The facts are in `log_lines.toml`, `alarms.toml` and `runbook.toml`; this reads and types them. The page, README and
tests take them from here. `cls_policy` and `sls_rule` make of a recipe what the clouds' own calls for it take.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_FOLDER = Path(__file__).parent
_Id = Annotated[str, Field(pattern=r"^[a-z_]+$")]
_Text = Annotated[str, Field(min_length=1)]
_Day = Annotated[int, Field(ge=1, le=1440)]  # minutes: both log services look back over one day at most

CLS_LEVEL = {"critical": 2, "warning": 0}
"""`AlarmLevel` of CreateAlarm, cls 2020-10-16."""
SLS_SEVERITY = {"critical": 10, "warning": 6}
"""`severity` of an alert rule's `severityConfigurations`, Sls 2020-12-30."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class LogField(_Model):
    """One key of a log line."""

    name: _Id
    kind: Literal["text", "number", "flag", "object"]
    meaning: _Text
    may_be_null: bool = False


class LogLine(_Model):
    """One kind of log line, by the value of its key `event`."""

    event: _Id
    level: Literal["INFO", "WARNING", "ERROR"]
    when: _Text
    written_by: list[_Text] = Field(min_length=1)
    fields: list[LogField]

    @property
    def keys(self) -> list[str]:
        """The keys in their order, `event` first."""
        return ["event", *(field.name for field in self.fields)]


class IndexField(_Model):
    """A field that the log service must index, with statistics."""

    field: _Text
    kind: Literal["text", "long", "double"]


class Setup(_Model):
    """What a cloud's log service needs before its recipes work."""

    cloud: Literal["tencent", "alibaba"]
    log_service: Literal["CLS", "SLS"]
    steps: list[_Text]
    index: list[IndexField]


class Alarm(_Model):
    """A recipe: what it means, both clouds' queries, when they run, and what a notification asks for."""

    id: _Id
    name: _Text
    level: Literal["critical", "warning"]
    means: _Text
    runbook: _Id
    every_minutes: _Day | None = None
    cron: _Text | None = None  # minute hour day month weekday; in the place of `every_minutes`
    window_minutes: _Day
    repeat_minutes: Annotated[int, Field(ge=0, le=1440)]
    cls: _Text
    cls_condition: Annotated[str, Field(pattern=r"^\$1\.[a-z_]+ [<>]=? [0-9]+$")]
    sls: _Text
    sls_condition: Annotated[str, Field(pattern=r"^[a-z_]+ [<>]=? [0-9]+$")]
    unconfirmed: list[_Text]  # what only a live account can tell


class Metric(_Model):
    """An alarm on a platform's own metric."""

    id: _Id
    name: _Text
    means: _Text
    runbook: _Id
    cloud: Literal["tencent", "alibaba"]
    namespace: _Text
    dimension: _Text
    metrics: list[_Text]
    period_s: int
    statistic: _Text
    condition: _Text
    source: _Text
    unconfirmed: list[_Text]


class QueueRule(_Model):
    """The same alarm for who reads the results queue."""

    alarm: _Id
    rule: _Text


class Alarms(_Model):
    """Everything in `alarms.toml`."""

    setup: list[Setup]
    alarm: list[Alarm]
    metric: list[Metric]
    queue: list[QueueRule]


class Row(_Model):
    """One row of the runbook."""

    id: _Id
    kind: Literal["error_class", "outcome", "state"]
    short: _Text  # as README's tables say it
    happened: _Text
    look: list[_Text]
    next: _Text
    again: Literal["yes", "later", "no"]  # whether the same command may be sent again, as it is
    again_when: _Text


class _Lines(_Model):
    line: list[LogLine]


class _Runbook(_Model):
    row: list[Row]


_M = TypeVar("_M", bound=BaseModel)


def _read(model: type[_M], name: str) -> _M:
    return model.model_validate(tomllib.loads((_FOLDER / name).read_text(encoding="utf-8")))


def log_lines() -> list[LogLine]:
    """The table of log lines."""
    return _read(_Lines, "log_lines.toml").line


def alarms() -> Alarms:
    """Recipes, with what they need."""
    return _read(Alarms, "alarms.toml")


def runbook() -> list[Row]:
    """What to do: error classes, then outcomes, then states."""
    return _read(_Runbook, "runbook.toml").row


def in_text(query: str, column: str = "SCF_Message") -> str:
    """A CLS query for lines that arrive as a text in `column`, not as fields.

    The search part looks for the words; the SQL takes each field out of the text.
    """
    search, sql = query.split(" | ", 1)
    search = re.sub(r'\b[a-z_]+:"([a-z_]+)"', rf'{column}:"\1"', search)
    numbers = {one.field: one.kind for one in alarms().setup[0].index if one.kind != "text"}
    names = {one.field for one in alarms().setup[0].index}

    def taken(match: re.Match[str]) -> str:
        text, quoted, name = match.groups()
        name = name or (quoted or "").strip('"')
        if text is not None or name not in names:
            return match[0]
        found = f"json_extract_scalar(regexp_extract({column}, '[{{].*'), '$.{name}')"
        if name not in numbers:
            return found
        return f"cast({found} AS {'bigint' if numbers[name] == 'long' else 'double'})"

    # A field that stands alone in the list of columns keeps its name as alias; what stands behind AS is no field.
    after = re.search(r"\sWHERE\s|\sGROUP BY\s", sql)
    end = after.start() if after else len(sql)
    sql = re.sub(r"(?:(?<=SELECT )|(?<=, ))([a-z_]+)(?=,)", r"\1 AS \1", sql[:end]) + sql[end:]
    parts = re.split(r"(\bAS \w+)", sql)
    parts[::2] = [re.sub(r"('[^']*')|(\"[a-z_]+\")|\b([a-z_]+)\b", taken, part) for part in parts[::2]]
    return f"{search} | {''.join(parts)}"


def cls_policy(alarm: Alarm, *, logset_id: str, topic_id: str, notice_ids: list[str]) -> dict[str, Any]:
    """The parameters of CreateAlarm for a recipe.

    Source: CreateAlarm, cls 2020-10-16, in tencentcloud-sdk-python-cls 3.1.192 and product/614/42830 (2026-06).
    """
    target = {
        "TopicId": topic_id,
        "LogsetId": logset_id,
        "Query": alarm.cls.strip(),
        "Number": 1,
        "StartTimeOffset": -alarm.window_minutes,
        "EndTimeOffset": 0,
        "SyntaxRule": 1,
    }
    when: dict[str, Any] = {"Type": "Cron", "CronExpression": alarm.cron}
    if alarm.every_minutes is not None:
        when = {"Type": "Period", "Time": alarm.every_minutes}
    return {
        "Name": alarm.name,
        "AlarmTargets": [target],
        "MonitorTime": when,
        "Condition": alarm.cls_condition,
        "AlarmLevel": CLS_LEVEL[alarm.level],
        "TriggerCount": 1,
        "AlarmPeriod": alarm.repeat_minutes,
        "AlarmNoticeIds": notice_ids,
        "Status": True,
    }


def sls_rule(
    alarm: Alarm,
    *,
    region: str,
    project: str,
    logstore: str,
    action_policy: str,
    alert_policy: str = "sls.builtin.dynamic",
) -> dict[str, Any]:
    """The body of CreateAlert for a recipe.

    Source: CreateAlert, Sls 2020-12-30, in alibabacloud_sls20201230 5.15.1.
    """
    query = {
        "query": alarm.sls.strip(),
        "timeSpanType": "Relative",
        "start": f"-{alarm.window_minutes}m",
        "end": "now",
        "storeType": "log",
        "region": region,
        "project": project,
        "store": logstore,
        "powerSqlMode": "auto",
    }
    schedule: dict[str, Any] = {"type": "Cron", "cronExpression": alarm.cron, "timeZone": "+0000"}
    if alarm.every_minutes is not None:
        schedule = {"type": "FixedRate", "interval": f"{alarm.every_minutes}m", "runImmediately": True}
    severity = {"severity": SLS_SEVERITY[alarm.level], "evalCondition": {"condition": alarm.sls_condition}}
    policy = {"alertPolicyId": alert_policy, "actionPolicyId": action_policy, "repeatInterval": _interval(alarm)}
    return {
        "name": f"keyturn-{alarm.id.replace('_', '-')}",
        "displayName": alarm.name,
        "description": alarm.means,
        "schedule": schedule,
        "configuration": {
            "version": "2.0",
            "type": "default",
            "queryList": [query],
            "groupConfiguration": {"type": "no_group"},
            "severityConfigurations": [severity],
            "threshold": 1,
            "noDataFire": False,
            "sendResolved": True,
            "policyConfiguration": policy,
            "annotations": [{"key": "title", "value": alarm.name}, {"key": "runbook", "value": alarm.runbook}],
            "autoAnnotation": True,
        },
    }


def _interval(alarm: Alarm) -> str:
    return f"{alarm.repeat_minutes or 1}m"


BEGIN, END = "<!-- operations -->", "<!-- /operations -->"


def readme() -> str:
    """README's section: the lines, the alarms and where to look, generated so that it cannot drift."""
    rows = {row.id: row for row in runbook()}
    shown = [line for line in log_lines() if line.event in ("result", "invocation", "rotation")]
    others = [line for line in log_lines() if line not in shown]
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
            for one in alarms().alarm
        ),
        "| `invocation_failed` | the platform's own metrics | "
        f"{rows['invocation_failed'].short} | {_first(rows['invocation_failed'].next)} |",
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
