"""What to do about each error class, outcome and alarm, from `runbook.toml`."""

from __future__ import annotations

from typing import Literal

from shared.workbench.operations.tables import Id, TableModel, Text, read_table


class RunbookRow(TableModel):
    """One row of the runbook."""

    id: Id
    kind: Literal["error_class", "outcome", "state"]
    short: Text  # as README's tables say it
    happened: Text
    look: list[Text]
    next: Text
    again: Literal["yes", "later", "no"]  # whether the same command may be sent again, as it is
    again_when: Text


class _Runbook(TableModel):
    row: list[RunbookRow]


def read_runbook() -> list[RunbookRow]:
    """Error classes, then outcomes, then states."""
    return read_table(_Runbook, "runbook.toml").row
