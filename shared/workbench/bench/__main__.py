"""`make bench`: measures keyturn's costs, part by part, and writes the manual's tables.

`--short`: only the fast parts.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from shared.runtime.spelling import meant
from shared.workbench.bench import batch, build, ceiling, cold, counts, instructions, others, sizes, warm
from shared.workbench.bench.errors import BenchError
from shared.workbench.bench.report import (
    CEILING_SHARE,
    COLD_RATIO,
    PARTS,
    missed_budgets,
    missed_fixed_budgets,
    tables,
    write,
)
from shared.workbench.bench.scale import measure as scale
from shared.workbench.bench.scale.report import SHORT, fixed_misses
from shared.workbench.bench.standin import Standin
from shared.workbench.docs.marked_parts import MANUAL, write_part
from shared.workbench.environment.command_line import CommandLine, whole_number

JSON = Path(__file__).with_name("bench.json")
_LEAST_ROUNDS = 7
# The packages of the plain handlers that the report names.
_TOLD = ("tencentcloud-sdk-python", "alibabacloud-r-kvstore20150101", "pydantic", "pydantic-core", "requests")


def main(argv: list[str]) -> int:
    """Exit 1: a part that was measured misses a budget, or could not be measured. A line says each."""
    parser = CommandLine("python -m shared.workbench.bench", __doc__, "make bench ONLY=cold,warm ROUNDS=7")
    parser.add_argument(
        "--rounds", type=whole_number, default=_LEAST_ROUNDS, help="rounds of each pair; the manual needs 7 or more"
    )
    parser.add_argument("--only", metavar="PARTS", help=f"some of {','.join(PARTS)}, comma-separated")
    parser.add_argument(
        "--short", action="store_true", help="measure only what does not depend on the machine; writes nothing"
    )
    arguments = parser.parse_args(argv)
    chosen = [part.strip() for part in (arguments.only or "").split(",") if part.strip()]
    if arguments.only is not None and not chosen:
        parser.error(f"ONLY= names no part; the parts are {', '.join(PARTS)}")
    chosen = chosen or list(PARTS)
    if unknown := set(chosen) - set(PARTS):
        near = meant(min(unknown), PARTS)
        parser.error(
            f"ONLY=: there is no part {', '.join(sorted(unknown))}{near or ';'} the parts are {', '.join(PARTS)}"
        )
    try:
        return short() if arguments.short else _whole(chosen, arguments.rounds)
    except (BenchError, RuntimeError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1


def short() -> int:
    """Check bytes, connections, calls, memory, and instructions if valgrind is installed. Raises: BenchError."""
    python, packed = build.interpreter(), build.unpacked_packages()
    plain = {cloud: build.build_plain_handler(cloud, python) for cloud in COLD_RATIO}
    with Standin() as standin:
        results: dict[str, Any] = {
            "bytes": sizes.measure(packed),
            "counts": counts.measure(python.path, standin, packed),
        }
    results["batch"] = batch.measure(python.path, packed)
    missed = missed_fixed_budgets(results)
    shares = list(instructions.measure(python.path, packed, plain))
    if not shares:
        print("instructions: valgrind is not installed, so they are not counted")
    for share in shares:
        print(share.line)
        if share.share > instructions.BUDGETS[share.what]:
            missed.append(share.line)
    for one in results["bytes"]:
        print(f"bytes: {one['cloud']} {one['function']}: {one['mb']:.2f} MB, budget {one['budget_mb']:g}")
    for one in results["counts"]:
        calls = ", ".join(f"{number:g} {action}" for action, number in one["calls"].items())
        print(f"counts: {one['function']}: {one['connections']} connection; a command: {calls}")
    opened = results["batch"]
    print(f"batch: {opened['connections']} connections, {opened['waiting']} calls at once, {opened['peak_mib']:g} MiB")
    costs = scale.measure(short=True)
    for one in costs:
        print(f"scale: {one['part']} of {one['items']:,}: {one['peak_mib']:.0f} MiB, {one['calls']:g} calls each")
    return _told(missed + fixed_misses(costs, SHORT))


def _whole(chosen: list[str], rounds: int) -> int:
    if os.getloadavg()[0] > 1.0:
        print("bench: this machine is busy with other work; ratios are more reliable than seconds", file=sys.stderr)
    try:
        kept = json.loads(JSON.read_text(encoding="utf-8")) if JSON.exists() else {}
    except ValueError:
        raise BenchError(f"{JSON.name} is damaged: restore it with `git checkout {JSON.name}`") from None
    measured = _measured(chosen, rounds)
    missed = missed_budgets(measured)
    failed = [f"{part}: could not be measured" for part in chosen if part not in measured]
    print(tables(measured))
    if failed:
        print("bench: nothing is written", file=sys.stderr)
    elif rounds < _LEAST_ROUNDS:
        print(f"bench: {rounds} rounds are too few for the manual; nothing is written", file=sys.stderr)
    elif set(chosen) < set(PARTS) and kept.get("machine") != measured["machine"]:
        print("bench: only some parts, on another machine than the other figures: nothing is written", file=sys.stderr)
    else:
        measured = _merged(kept, measured)
        write_part(f"{MANUAL}/figures.md", "bench", tables(measured))
        write(JSON, json.dumps(measured, indent=1, ensure_ascii=False) + "\n")
    return _told(failed + missed)


def _merged(kept: dict[str, Any], measured: dict[str, Any]) -> dict[str, Any]:
    """Figures of earlier runs, overlaid by those of this run. A part whose figures did not change keeps its date."""
    changed = {part: day for part, day in measured["dates"].items() if kept.get(part) != measured[part]}
    both = {"dates": kept.get("dates", {}) | changed, "versions": kept.get("versions", {}) | measured["versions"]}
    return {**kept, **measured, **both}


def _measured(chosen: list[str], rounds: int) -> dict[str, Any]:
    python = build.interpreter()
    today = datetime.now(timezone.utc).date().isoformat()
    results: dict[str, Any] = {
        "machine": _machine(),
        "versions": {"Python": python.full},
    }
    # Each part runs alone, so that no process of another part affects its figures.
    if {"cold", "warm", "batch", "bytes", "counts", "others"} & set(chosen):
        _say("packages our functions")
        packed = build.unpacked_packages()
    if {"cold", "others"} & set(chosen):
        _say("builds the plain handlers")
        plain = {cloud: build.build_plain_handler(cloud, python) for cloud in COLD_RATIO}
        found = {name: version for one in plain.values() for name, version in one.versions.items()}
        results["versions"] |= {name: found[name] for name in _TOLD if name in found}
    with_standin: dict[str, Callable[[Standin], Any]] = {
        "counts": lambda standin: counts.measure(python.path, standin, packed),
        "others": lambda standin: others.measure(python, standin, packed, plain, rounds),
    }
    alone: dict[str, Callable[[], Any]] = {
        "cold": lambda: cold.measure(python.path, packed, plain, rounds),
        "bytes": lambda: sizes.measure(packed),
        "warm": lambda: [asdict(warm.measure(packed, tls=tls)) for tls in (False, True)],
        "batch": lambda: batch.measure(python.path, packed),
        "ceiling": lambda: [asdict(ceiling.measure_often(processes)) for processes in CEILING_SHARE],
        "scale": scale.measure,
    }
    for part in chosen:
        _say(part)
        try:
            if part in alone:
                results[part] = alone[part]()
            else:
                with Standin() as standin:
                    results[part] = with_standin[part](standin)
        except (BenchError, RuntimeError) as error:
            print(f"bench: {part}: {error}", file=sys.stderr)
    results["dates"] = {part: today for part in chosen if part in results}
    if "others" in results:
        results["versions"] |= results["others"].pop("versions")
    return results


def _machine() -> str:
    """Processor, cores, memory and kernel, in one line."""
    processor = platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        lines = (line.partition(":") for line in information.read_text().splitlines())
        processor = next((value.strip() for key, _, value in lines if key.strip() == "model name"), processor)
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores of {processor}, {memory_gib:.0f} GiB, {platform.system()}"


def _say(what: str) -> None:
    print(f"bench: {what}", file=sys.stderr, flush=True)


def _told(missed: list[str]) -> int:
    for line in missed:
        print(f"bench: {line}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
