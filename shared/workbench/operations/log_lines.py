"""Every line that functions log, from `log_lines.toml`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shared.workbench.operations.tables import Id, TableModel, Text, read_table


class LogField(TableModel):
    """One key of a log line."""

    name: Id
    kind: Literal["text", "number", "flag", "object"]
    meaning: Text
    may_be_null: bool = False


class LogLine(TableModel):
    """One kind of log line, by the value of its key `event`."""

    event: Id
    level: Literal["INFO", "WARNING", "ERROR"]
    when: Text
    written_by: list[Text] = Field(min_length=1)
    fields: list[LogField]

    @property
    def keys(self) -> list[str]:
        """The keys in their order, `event` first."""
        return ["event", *(field.name for field in self.fields)]


class _LogLines(TableModel):
    line: list[LogLine]


def read_log_lines() -> list[LogLine]:
    """The table of log lines."""
    return read_table(_LogLines, "log_lines.toml").line
