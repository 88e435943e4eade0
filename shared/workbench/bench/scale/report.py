"""The figures of scale in the forms that people read, and their budgets. This module measures nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

Costs = Sequence[Mapping[str, Any]]

GROWTH = 1.3
"""The largest ratio of an item's CPU cost in the upper half of the sizes to that in the lower half."""


@dataclass(frozen=True)
class Budgets:
    """The budgets that depend on no clock, by part."""

    peak_mib: Mapping[str, float]
    calls: Mapping[
        str, float
    ]  # an instance: its accounts, its share of the pages; a command: look, tasks, change, task
    page_kb: float = 300.0


WHOLE = Budgets({"firing": 60.0, "report": 200.0, "event": 80.0}, {"firing": 1.03, "event": 4.0})
SHORT = Budgets({"firing": 60.0, "report": 175.0, "event": 80.0}, {"firing": 1.2, "event": 4.0})
"""For the short form's sizes.

A history that is kept whole still shows there; the end of each invocation weighs more.
"""
UNITS = {"firing": "instance", "report": "event", "event": "command"}
_NAMES = {"firing": "`plan_rotation`, a tenth due", "report": "`make report`", "event": "one event of commands"}
HEAD = ("what", "items", "CPU s", "CPU ms an item more", "growth", "peak MiB", "budget", "calls an item", "beside")
TEXT = (
    "### Large fleets\n\n"
    "What grows with the size of a fleet. Each size runs in a process of its own. A scripted cloud answers, and no "
    "pace holds calls up. *Growth* is the cost of one item more in the upper half of the sizes, divided by that cost "
    f"in the lower half. It may be {GROWTH:g} at most."
)


def misses(costs: Costs) -> list[str]:
    """The budgets of CPU time that these costs miss, one in a line."""
    lines = []
    for part, unit in UNITS.items():
        found = growth(costs, part)
        if found is not None and found > GROWTH:
            lines.append(f"scale: {part}: one {unit} more costs {found:.2f} times as much, budget {GROWTH:g}")
    return lines


def fixed_misses(costs: Costs, budgets: Budgets = WHOLE) -> list[str]:
    """The same for figures that depend on no clock: memory, calls, the page's size."""
    lines = []
    for one in costs:
        part, name = one["part"], f"scale: {one['part']} of {one['items']:,} {UNITS[one['part']]}s"
        if one["peak_mib"] > budgets.peak_mib[part]:
            lines.append(f"{name} peaks at {one['peak_mib']:.0f} MiB, budget {budgets.peak_mib[part]:g}")
        if one["calls"] > budgets.calls.get(part, 0.0):
            lines.append(f"{name} makes {one['calls']:g} calls each, budget {budgets.calls[part]:g}")
        if one["page_kb"] > budgets.page_kb:
            lines.append(f"{name} makes a page of {one['page_kb']:.0f} KB, budget {budgets.page_kb:g}")
    return lines


def marginal_ms(costs: Costs, part: str) -> list[float | None]:
    """At each size, the cost of one item more since the size before; None at the first."""
    found = _sizes(costs, part)
    more = [1000 * (to["cpu_s"] - at["cpu_s"]) / (to["items"] - at["items"]) for at, to in pairwise(found)]
    return [None, *more]


def growth(costs: Costs, part: str) -> float | None:
    """The ratio, or None if there are fewer than three sizes."""
    more = [ms for ms in marginal_ms(costs, part) if ms is not None]
    return more[-1] / more[-2] if len(more) >= 2 and more[-2] > 0 else None


def rows(costs: Costs) -> list[list[str]]:
    """The table's rows, under HEAD."""
    table = []
    for part, name in _NAMES.items():
        found = _sizes(costs, part)
        for one, more in zip(found, marginal_ms(costs, part), strict=False):
            grown = growth(costs, part) if one is found[-1] else None
            table.append(
                [
                    name,
                    f"{one['items']:,} {UNITS[part]}s",
                    f"{one['cpu_s']:.2f}",
                    "" if more is None else f"{more:.2f}",
                    "" if grown is None else f"**{grown:.2f}**",
                    f"{one['peak_mib']:.0f}",
                    f"{WHOLE.peak_mib[part]:g}",
                    f"{one['calls']:g}, budget {WHOLE.calls[part]:g}" if part in WHOLE.calls else "",
                    _beside(one),
                ]
            )
    return table


def _beside(one: Mapping[str, Any]) -> str:
    if one["part"] == "firing":
        return f"{one['invocations']} invocation{'' if one['invocations'] == 1 else 's'}"
    return f"a page of {one['page_kb']:.0f} KB" if one["part"] == "report" else ""


def _sizes(costs: Costs, part: str) -> list[Mapping[str, Any]]:
    return sorted((one for one in costs if one["part"] == part), key=lambda one: int(one["items"]))
