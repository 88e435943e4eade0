"""Each part's cost at several sizes, as JSON: `python -m shared.workbench.bench.scale.measure [--short] [PART]`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from shared.workbench.bench.errors import BenchError
from shared.workbench.bench.processes import ProcessUsage, run
from shared.workbench.bench.scale.cloud import OLD_ONE_IN, running
from shared.workbench.bench.scale.process import COMMANDS, PER_INSTANCE, RESULTS
from shared.workbench.bundle.checkout import ROOT

SIZES = {"firing": (1000, 10_000, 100_000), "report": (10_000, 100_000, 1_000_000), "event": (5, 50, 500)}
SHORT_SIZES = {"firing": (400,), "report": (5000, 80_000), "event": (5, 50)}
# The time limit of an invocation: as in serverless.yml, and for an event so long that no task is handed to
# follow_change.
LIMIT_S = {"firing": 60.0, "event": 600.0}
SHORT_LIMIT_S, SHORT_LATENCY_S = 4.0, 0.1  # so that a firing needs several invocations on any machine
_ROUNDS = 3  # for the small sizes; their median counts
_TIMEOUT_S = 3600.0
_KEYS = {"TENCENTCLOUD_SECRETID": "AKIDSCALE", "TENCENTCLOUD_SECRETKEY": "scale-key", "TENCENTCLOUD_SESSIONTOKEN": "-"}


@dataclass(frozen=True)
class Cost:
    """The cost of one size of one part, in its own process."""

    part: str
    items: int
    cpu_s: float
    peak_mib: float
    calls: float = 0.0  # for each item
    invocations: int = 1
    page_kb: float = 0.0  # size of the report


def measure(*, short: bool = False, only: str | None = None) -> list[dict[str, Any]]:
    """Measure each part, or one, at each of its sizes. Raises: BenchError: it did not do its work."""
    sizes = SHORT_SIZES if short else SIZES
    parts: dict[str, Callable[[int, Path], Cost]] = {
        "firing": lambda items, folder: firing(items, folder, short=short),
        "report": report,
        "event": event,
    }
    costs = []
    for part, of_part in sizes.items():
        if only not in (None, part):
            continue
        for items in of_part:
            rounds = 1 if short or items == of_part[-1] else _ROUNDS
            found = []
            for _ in range(rounds):
                with tempfile.TemporaryDirectory(prefix="scale-") as folder:
                    found.append(parts[part](items, Path(folder)))
            costs.append(asdict(sorted(found, key=lambda one: one.cpu_s)[rounds // 2]))
    return costs


def firing(instances: int, folder: Path, *, short: bool = False) -> Cost:
    """A firing of plan_rotation over all the invocations that it needs. Each has its own time limit."""
    limit_s, latency_s = (SHORT_LIMIT_S, SHORT_LATENCY_S) if short else (LIMIT_S["firing"], 0.0)
    with running(instances, latency_s) as cloud:
        used, told = _measured("firing", instances, limit_s, cloud.endpoint, folder)
        counts = cloud.counts()
    due = -(-instances // OLD_ONE_IN)
    expected = {"Listed": instances, "Due": due, "Sent": due, "commands": due, "whole": True}
    found = {name: told[name] for name in expected}
    if found != expected or counts["instances"] != instances or (short and told["invocations"] < 2):
        raise BenchError(f"the firing over {instances} instances reported {found}, expected {counts}")
    calls = sum(counts["calls"].values()) / instances
    return Cost("firing", instances, told["cpu_s"], used.peak_mib, round(calls, 4), told["invocations"])


def event(commands: int, folder: Path) -> Cost:
    """One event of so many commands, five for each instance. Warm-up commands count for the peak only."""
    with running(max(1, commands // PER_INSTANCE)) as cloud:
        used, told = _measured("event", commands, LIMIT_S["event"], cloud.endpoint, folder)
        calls = cloud.counts()["calls"]
    changes = calls["ModifyInstanceAccount"]
    if changes != commands + PER_INSTANCE:
        raise BenchError(f"the event of {commands} commands made {changes} changes")
    return Cost("event", commands, told["cpu_s"], used.peak_mib, round(sum(calls.values()) / changes, 4))


def report(events: int, folder: Path) -> Cost:
    """`make report` over a file of so many events. CPU time is that of the whole process, with its start."""
    history, page = folder / "results.jsonl", folder / "page.html"
    python, environ = sys.executable, _environment(folder)
    history_of = "shared.workbench.bench.scale.history"
    run(python, [python, "-m", history_of, str(events), str(history)], environ, folder, timeout_s=_TIMEOUT_S)
    command = [python, "-m", "shared.workbench.report", str(history), "-o", str(page)]
    used = run(python, command, environ, folder, timeout_s=_TIMEOUT_S)
    if f"{events:,} events" not in used.stdout:
        raise BenchError(f"the report of {events} events told {used.stdout[:200]}")
    return Cost("report", events, used.cpu_s, used.peak_mib, page_kb=round(page.stat().st_size / 1000, 1))


def _measured(
    what: str, items: int, limit_s: float, endpoint: str, folder: Path
) -> tuple[ProcessUsage, dict[str, Any]]:
    settings = {
        "KEYTURN_RESULTS": f"memory://{RESULTS}",
        "KEYTURN_COMMANDS": f"memory://{COMMANDS}",
        "KEYTURN_TENCENT_ENDPOINT": endpoint,
        "KEYTURN_RATE": "10000",  # the pace must not slow it down
    }
    command = [sys.executable, "-m", "shared.workbench.bench.scale.process", what, str(items), str(limit_s)]
    used = run(sys.executable, command, _environment(folder) | _KEYS | settings, folder, timeout_s=_TIMEOUT_S)
    told: dict[str, Any] = json.loads(used.stdout)
    return used, told


def _environment(folder: Path) -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="?", choices=SIZES, help="default: each")
    parser.add_argument("--short", action="store_true", help="small sizes")
    options = parser.parse_args()
    print(json.dumps(measure(short=options.short, only=options.part), indent=1))
