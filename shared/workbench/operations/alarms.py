"""Alarm recipes for both clouds' log services, from `alarms.toml`."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field

from shared.workbench.operations.tables import Id, TableModel, Text, read_table

_Day = Annotated[int, Field(ge=1, le=1440)]  # minutes: both log services look back over one day at most


class IndexField(TableModel):
    """A field that the log service must index, with statistics."""

    field: Text
    kind: Literal["text", "long", "double"]


class LogServiceSetup(TableModel):
    """What a cloud's log service needs before its recipes work."""

    cloud: Literal["tencent", "alibaba"]
    log_service: Literal["CLS", "SLS"]
    steps: list[Text]
    index: list[IndexField]


class Alarm(TableModel):
    """A recipe: what it means, both clouds' queries, when they run, and what a notification asks for."""

    id: Id
    name: Text
    level: Literal["critical", "warning"]
    means: Text
    runbook: Id
    every_minutes: _Day | None = None
    cron: Text | None = None  # minute hour day month weekday; in the place of `every_minutes`
    window_minutes: _Day
    repeat_minutes: Annotated[int, Field(ge=0, le=1440)]
    cls: Text
    cls_condition: Annotated[str, Field(pattern=r"^\$1\.[a-z_]+ [<>]=? [0-9]+$")]
    sls: Text
    sls_condition: Annotated[str, Field(pattern=r"^[a-z_]+ [<>]=? [0-9]+$")]
    unconfirmed: list[Text]  # what only a live account can tell


class MetricAlarm(TableModel):
    """An alarm on a platform's own metric."""

    id: Id
    name: Text
    means: Text
    runbook: Id
    cloud: Literal["tencent", "alibaba"]
    namespace: Text
    dimension: Text
    metrics: list[Text]
    period_s: int
    statistic: Text
    condition: Text
    source: Text
    unconfirmed: list[Text]


class QueueRule(TableModel):
    """The same alarm for who reads the results queue."""

    alarm: Id
    rule: Text


class AlarmRecipes(TableModel):
    """Everything in `alarms.toml`."""

    setup: list[LogServiceSetup]
    alarm: list[Alarm]
    metric: list[MetricAlarm]
    queue: list[QueueRule]


def read_alarms() -> AlarmRecipes:
    """Recipes, with what they need."""
    return read_table(AlarmRecipes, "alarms.toml")


def query_in_text(query: str, column: str = "SCF_Message") -> str:
    """A CLS query for lines that arrive as a text in `column`, not as fields.

    The search part looks for the words; the SQL takes each field out of the text.
    """
    search, sql = query.split(" | ", 1)
    search = re.sub(r'\b[a-z_]+:"([a-z_]+)"', rf'{column}:"\1"', search)
    numbers = {one.field: one.kind for one in read_alarms().setup[0].index if one.kind != "text"}
    names = {one.field for one in read_alarms().setup[0].index}

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
