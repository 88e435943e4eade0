"""Charts as static SVG, drawn by Vega-Lite from figures that are counted already.

Each is drawn twice, for a desk and for a phone: text that is scaled down with its picture cannot be read. Each has its
figures as rows too; the page shows them as a table, which is the chart's text alternative.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import vl_convert
from markupsafe import Markup

from shared.results.outcome import Outcome
from shared.workbench.environment.counted import counted

_VEGA_LITE = "6.4"
_WIDE, _NARROW = 880, 312  # pixels of the whole picture
# Colours and patterns are the page's: `page.css` has them for light and for dark, `parts.html.j2` draws the patterns.
_INK, _QUIET, _GRID, _PAPER = "var(--ink)", "var(--soft)", "var(--line)", "var(--paper)"
PATTERNS = {
    "changed": "var(--changed)",
    "not changed": "url(#not-changed)",
    "unknown": "url(#unknown-fill)",
    "pending": "url(#pending-fill)",
}
"""How a chart fills the commands of each group of outcomes: plain, striped, checked, lined. Colour is not needed."""
GROUPS = {
    Outcome.CHANGED: "changed",
    Outcome.ALREADY_CHANGED: "changed",
    Outcome.NOT_CHANGED: "not changed",
    Outcome.UNKNOWN: "unknown",
    Outcome.PENDING: "pending",
}
AGE_PATTERNS = {"within the limit": PATTERNS["changed"], "over the limit": PATTERNS["not changed"]}
_MOST_BINS = 48
_STEPS_S = (1, 2, 5, 10, 30, 60, 300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86_400, 2 * 86_400, 7 * 86_400)
# The labels and the upper ends of the classes of duration, in seconds.
_TOOK = (
    ("<0.1 s", 0.1), ("<0.25 s", 0.25), ("<0.5 s", 0.5), ("<1 s", 1), ("<2 s", 2), ("<5 s", 5), ("<10 s", 10),
    ("<30 s", 30), ("<1 min", 60), ("<5 min", 300), ("<30 min", 1800), ("longer", float("inf")),
)  # fmt: skip
# Vega tells a screen reader of each mark; the page tells it in a sentence and a table instead.
_ARIA = re.compile(r' (?:role|aria-[a-z]+)="[^"]*"')


@dataclass(frozen=True)
class Chart:
    """One chart: what it shows in a sentence, its two pictures, and its figures."""

    says: str
    wide: Markup
    narrow: Markup
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def outcomes_over_time(commands: Callable[[], Iterable[tuple[float, Outcome]]]) -> Chart | None:
    """Commands by the time of the result that stands, in at most 48 steps; None if there is none.

    `commands` tells time and outcome of each, in any order, as often as it is asked.
    """
    first, last = math.inf, -math.inf
    for time, _ in commands():
        first, last = min(first, time), max(last, time)
    if first > last:
        return None
    step = _step(last - first)
    counts: dict[int, Counter[str]] = {}
    for time, outcome in commands():
        counts.setdefault(int(time // step), Counter())[GROUPS[outcome]] += 1
    values: list[dict[str, Any]] = []
    rows = []
    for number in sorted(counts):
        found, floor = counts[number], 0
        begin, end = number * step, (number + 1) * step
        for group in PATTERNS:
            if found[group]:
                values.append(
                    {"from": _iso(begin), "to": _iso(end), "low": floor, "high": floor + found[group], "is": group}
                )
                floor += found[group]
        rows.append((_label(begin, step), *(f"{found[group]:,}" if found[group] else "0" for group in PATTERNS)))
    tallest = max(sum(found.values()) for found in counts.values())
    # A lone step would else fill the whole width.
    begin, end = int(first // step), int(last // step) + 1
    short = max(0, 12 - (end - begin))
    domain = [_iso((begin - short // 2) * step), _iso((end + short - short // 2) * step)]

    def spec(narrow: bool) -> dict[str, Any]:
        axis: dict[str, Any] = {
            "title": None,
            "tickCount": 3 if narrow else 8,
            "grid": False,
            "labelOverlap": "greedy",
            "labelSeparation": 10,
        }
        axis |= {"labelExpr": _time_labels(step), "labelFlush": False}
        x = {"field": "from", "type": "temporal", "scale": {"type": "utc", "domain": domain}, "axis": axis}
        return {
            "data": {"values": values},
            "mark": {"type": "rect", "stroke": _PAPER, "strokeWidth": 0.75},
            "encoding": {
                "x": x,
                "x2": {"field": "to"},
                "y": {"field": "low", "type": "quantitative", "axis": _count_axis("commands", tallest)},
                "y2": {"field": "high"},
                "color": _colors(PATTERNS),
            },
        }

    totals: Counter[str] = sum(counts.values(), Counter())
    told = ", ".join(f"{totals[group]:,} {group}" for group in PATTERNS if totals[group])
    says = f"{counted(totals.total(), 'command')} from {_label(first, 1)} to {_label(last, 1)} UTC: {told}."
    return Chart(says, *_both(spec, 190), ("from (UTC)", *PATTERNS), rows)


def ages(known: Callable[[], Iterable[tuple[float, float]]]) -> Chart | None:
    """Credentials by age, against the limit that most of them have; None if no age is known.

    `known` tells age and limit of each in days, in any order, as often as it is asked.
    """
    limits = Counter(limit for _, limit in known())
    if not limits:
        return None
    limit = max(limits, key=lambda days: (limits[days], -days))
    step = max(limit / 6, 1 / 24)
    most = 20
    counts: dict[int, list[int]] = {}
    for age, own in known():
        # A class ends with its upper edge, since an age that is equal to the limit is within it.
        number = max(0, min(most, -int(-age // step) - 1))
        counts.setdefault(number, [0, 0])[age > own] += 1
    end = max(7, *(number + 1 for number in counts))
    values: list[dict[str, Any]] = []
    rows = []
    for number in sorted(counts):
        within, over = counts[number]
        for low, high, kind in ((0, within, "within the limit"), (within, within + over, "over the limit")):
            if high > low:
                values.append({"from": number * step, "to": (number + 1) * step, "low": low, "high": high, "is": kind})
        upper = f"{_days((number + 1) * step)}" if number < most else "more"
        rows.append((f"{_days(number * step)} to {upper}", f"{within:,}", f"{over:,}"))
    tallest = max(sum(both) for both in counts.values())
    over = sum(both[1] for both in counts.values())

    def spec(narrow: bool) -> dict[str, Any]:
        ticks = [number * step for number in range(0, end + 1, 3 if narrow else 1 if end <= 12 else 2)]
        axis: dict[str, Any] = {"title": "age in days", "values": ticks, "grid": False, "labelOverlap": True}
        # Vega would round a label to the precision of its own steps, not of these.
        axis["labelExpr"] = "format(datum.value, '~g')"
        scale = {"domain": [0, end * step], "nice": False}
        bars = {
            "data": {"values": values},
            "mark": {"type": "rect", "stroke": _PAPER, "strokeWidth": 0.75},
            "encoding": {
                "x": {"field": "from", "type": "quantitative", "scale": scale, "axis": axis},
                "x2": {"field": "to"},
                "y": {"field": "low", "type": "quantitative", "axis": _count_axis("credentials", tallest)},
                "y2": {"field": "high"},
                "color": _colors(AGE_PATTERNS),
            },
        }
        at = {"data": {"values": [{"limit": limit}]}, "encoding": {"x": {"field": "limit", "type": "quantitative"}}}
        rule = {**at, "mark": {"type": "rule", "color": _INK, "strokeDash": [4, 3], "strokeWidth": 1.5}}
        text = {"type": "text", "align": "left", "dx": 5, "dy": 1, "y": 6, "color": _INK, "fontSize": 12}
        return {"layer": [bars, rule, {**at, "mark": {**text, "text": f"limit {_days(limit)} d"}}]}

    others = "" if len(limits) == 1 else " Other policies have other limits: a bar counts each credential by its own."
    known_ages = counted(limits.total(), "credential")
    says = (
        f"{known_ages} of known age, {over:,} over the limit. The dashed line: a limit of {_days(limit)} days.{others}"
    )
    return Chart(says, *_both(spec, 190), ("age in days", "within the limit", "over the limit"), rows)


def durations(seconds: Sequence[float]) -> Chart | None:
    """Commands by how long they took; None if there is none."""
    if not seconds:
        return None
    counts = [0] * len(_TOOK)
    ends = [end for _, end in _TOOK]
    for took in seconds:
        counts[bisect_right(ends, took)] += 1
    values = [{"at": label, "n": count} for (label, _), count in zip(_TOOK, counts, strict=True)]

    def spec(narrow: bool) -> dict[str, Any]:
        # On a phone the bars lie: slanted labels are hard to read.
        axis = {"title": None, "labelAngle": 0, "grid": False, "ticks": False}
        sort = [label for label, _ in _TOOK]
        classes = {"field": "at", "type": "ordinal", "sort": sort, "axis": axis, "scale": {"paddingInner": 0.12}}
        numbers = {"field": "n", "type": "quantitative", "axis": _count_axis("commands", max(counts))}
        return {
            "data": {"values": values},
            "mark": {"type": "bar", "color": PATTERNS["changed"]},
            "encoding": {"x": numbers, "y": classes} if narrow else {"x": classes, "y": numbers},
        }

    longest = max(seconds)
    ended = counted(len(seconds), "command")
    says = f"{ended} with an end. The shortest took {min(seconds):.2f} s, the longest {longest:.2f} s."
    rows = [(label, f"{count:,}") for (label, _), count in zip(_TOOK, counts, strict=True) if count]
    return Chart(says, *_both(spec, 150, 240), ("took", "commands"), rows)


def _both(spec: Any, height: int, narrow_height: int | None = None) -> tuple[Markup, Markup]:
    return _svg(spec(False), _WIDE, height), _svg(spec(True), _NARROW, narrow_height or height)


def _svg(spec: dict[str, Any], width: int, height: int) -> Markup:
    """One picture. It is made of numbers and of words of this file: nothing of an event's text is in it."""
    whole = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "width": width - 56,
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "background": None,
        "config": {
            "font": "system-ui, sans-serif",
            "view": {"stroke": None},
            "axis": {"labelColor": _QUIET, "titleColor": _QUIET, "labelFontSize": 12, "titleFontSize": 12}
            | {"titleFontWeight": "normal", "gridColor": _GRID, "domainColor": _GRID, "tickColor": _GRID},
        },
        **spec,
    }
    whole["width"] = width
    drawn = vl_convert.vegalite_to_svg(whole, vl_version=_VEGA_LITE, allowed_base_urls=[])
    quiet = _ARIA.sub("", drawn).replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)
    return Markup(quiet)


def _count_axis(noun: str, tallest: int) -> dict[str, Any]:
    """An axis without a tick at a half."""
    return {"title": noun, "tickCount": min(4, tallest), "format": "~s", "domain": False, "ticks": False}


def _colors(known: dict[str, str]) -> dict[str, Any]:
    return {"field": "is", "scale": {"domain": list(known), "range": list(known.values())}, "legend": None}


def _step(span_s: float) -> int:
    """Seconds of one bar: the shortest round step of which at most 48 cover the span."""
    for step in _STEPS_S:
        if span_s / step <= _MOST_BINS - 2:
            return step
    step = _STEPS_S[-1]
    while span_s / step > _MOST_BINS - 2:
        step *= 2
    return step


def _time_labels(step: int) -> str:
    """Vega's expression for a tick: the day where a day begins, else the time of day."""
    time = "%H:%M:%S" if step < 60 else "%H:%M"
    of_day = "utchours(datum.value) + utcminutes(datum.value) + utcseconds(datum.value)"
    return f"{of_day} == 0 ? utcFormat(datum.value, '%b %d') : utcFormat(datum.value, '{time}')"


def _at(seconds: float) -> datetime:
    """The edge of a wide step may lie behind the end of the calendar."""
    return datetime.fromtimestamp(0, timezone.utc) + timedelta(seconds=min(max(seconds, -6.2e10), 2.534e11))


def _iso(seconds: float) -> str:
    return _at(seconds).strftime("%Y-%m-%dT%H:%M:%SZ")


def _label(seconds: float, step: int) -> str:
    at = _at(seconds)
    return at.strftime("%Y-%m-%d" if step >= 86_400 else "%Y-%m-%d %H:%M:%S" if step < 60 else "%Y-%m-%d %H:%M")


def _days(days: float) -> str:
    return f"{days:.3g}" if days < 1000 else f"{days:,.0f}"
