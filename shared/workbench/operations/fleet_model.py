"""What rotating a whole fleet takes: how long, how many calls, messages and invocations, at what cost.

`python -m shared.workbench.operations.fleet_model` simulates fleets (`fleet_simulation.py`) and prints the table that
the manual shows, and writes it there with `--write`.
"""

from __future__ import annotations

import json
import math
import sys
from dataclasses import asdict, dataclass

from shared.workbench.docs.marked_parts import MANUAL, write_part
from shared.workbench.environment.command_line import CommandLine
from shared.workbench.operations.fleet_simulation import Fleet, Forecast, forecast


@dataclass(frozen=True)
class Price:
    """A list price: for `per` units, with where it stands and when it was read; unverified ones say so."""

    amount: float
    currency: str
    per: int
    unit: str
    source: str
    verified: bool


# Without free tiers, packages, discounts, disk and tax.
_SCF = "cloud.tencent.com 583/12281, from memory: the page could not be read in 2026-11"
PRICES = {
    "GB-s": Price(0.00011108, "CNY", 1, "GB-s", _SCF, False),
    "invocations": Price(0.0133, "CNY", 10_000, "invocations", _SCF, False),
    "queue hours": Price(
        1.34, "CNY", 1, "hours begun of a CKafka instance, 20 MB/s", "cloud.tencent.com 597/11745, 2026-11", True
    ),
}


def cost(found: Forecast) -> float:
    """In CNY, by `PRICES`."""
    used = {"GB-s": found.gb_s, "invocations": found.invocations, "queue hours": math.ceil(found.seconds / 3600)}
    return sum(price.amount * used[name] / price.per for name, price in PRICES.items())


ROWS = ((100, 1), (1_000, 1), (1_000, 5), (100_000, 1))
"""Instances, and how many accounts of each are changed."""


def table(forecasts: list[Forecast]) -> str:
    """The forecasts as a Markdown table."""
    lines = [
        "| instances | accounts | time | API calls | throttled | messages | invocations | GB-s | cost, CNY |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for one in forecasts:
        calls, throttled = sum(one.calls.values()), sum(one.throttled.values())
        lines.append(
            f"| {one.fleet.instances:,} | {one.fleet.accounts} | {_spelt(one.seconds)} | {calls:,} | {throttled:,}"
            f" | {one.messages:,} | {one.invocations:,} | {one.gb_s:,.0f} | {cost(one):,.2f} |"
        )
    return "\n".join(lines)


def assumptions(fleet: Fleet) -> str:
    """What the table rests on, in one paragraph, with the unit prices."""
    prices = "; ".join(
        f"{price.amount} {price.currency} for {price.per:,} {price.unit} ({price.source}"
        f"{'' if price.verified else ', unverified'})"
        for price in PRICES.values()
    )
    return (
        f"{fleet.commands_each} change an account, one region, {fleet.functions} functions of"
        f" {fleet.memory_gb * 1024:.0f} MB at once, events of at most {fleet.batch} messages,"
        f" {fleet.timeout_s:.0f} s a function, {fleet.rate:.0f} calls a second and API, {fleet.latency_s * 1000:.0f} ms"
        f" a call, tasks of {fleet.task_s} s, {fleet.slow_share:.0%} of them {fleet.slow_s:.0f} s long."
        f" Prices: {prices}."
    )


def _spelt(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def main() -> int:
    prog = "python -m shared.workbench.operations.fleet_model"
    parser = CommandLine(prog, __doc__, f"{prog} 1000 --accounts 5")
    parser.add_argument("instances", type=int, nargs="*", help="rows; without any the manual's")
    for name, what in (("accounts", int), ("batch", int), ("functions", int), ("latency_s", float), ("task_s", float)):
        parser.add_argument(f"--{name.replace('_', '-')}", type=what, default=getattr(Fleet, name))
    parser.add_argument("--slow-share", type=float, default=0.01)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", action="store_true", help="write the manual's table")
    given = vars(parser.parse_args())
    as_json, accounts, writes = given.pop("json"), given.pop("accounts"), given.pop("write")
    rows = [(instances, accounts) for instances in given.pop("instances")] or ROWS
    forecasts = [forecast(Fleet(instances, accounts=each, **given)) for instances, each in rows]
    shown = f"{table(forecasts)}\n\n{assumptions(forecasts[0].fleet)}\n"
    print(shown)
    if writes:
        write_part(f"{MANUAL}/operations.md", "fleets", shown)
    if as_json:
        print(json.dumps([asdict(one) | {"cost": cost(one)} for one in forecasts]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
