"""Part: one event of 200 commands over 100 instances, over TLS, with 100 ms from each call to its answer.

It measures connections and memory. There are never more connections than overlapping calls, because an idle connection
is used again. Memory is the peak, with the TLS of each connection.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared.workbench.bench import ceiling
from shared.workbench.bench.build import PLAIN, PackagedFunction, trust
from shared.workbench.bench.cases import ACCOUNT, environment, scratch
from shared.workbench.bench.errors import BenchError
from shared.workbench.bench.processes import run
from shared.workbench.bench.standin import CountingRelay, Standin

COMMANDS, INSTANCES = 200, 100
_LIMIT_S = 300.0


def measure(python: str, packed: Mapping[tuple[str, str], PackagedFunction]) -> dict[str, Any]:
    """`connections`; `waiting`, the most calls that waited for an answer at once; `peak_mib`; `calls` by action.

    Raises: BenchError: a command did not end as `changed`.
    """
    with tempfile.TemporaryDirectory() as kept:
        world = Path(kept) / "world.toml"
        world.write_text(ceiling.world(INSTANCES), encoding="utf-8")
        with Standin(tls=True, world=world) as standin, CountingRelay(standin.address) as relay, scratch() as folder:
            assert standin.ca is not None
            trust(standin.ca, packed, {})
            commands = [ceiling.command(i, n) for n in range(COMMANDS // INSTANCES) for i in range(INSTANCES)]
            events = folder / "events.json"
            events.write_text(json.dumps([ceiling.event(commands)]))
            code = packed["tencent", ACCOUNT].folder
            start = [python, "-I", "-S", "-B", str(PLAIN / "start.py"), str(code), ACCOUNT, "scf", str(events)]
            used = run(
                python, start, environment(standin, "scf", folder, through=relay.address), folder, timeout_s=_LIMIT_S
            )
            calls = standin.calls()
            outcomes = [result["Outcome"] for result in ceiling.results_in(folder / "results.db")]
    if outcomes != ["changed"] * COMMANDS:
        raise BenchError(f"{outcomes.count('changed')} of {COMMANDS} commands ended as changed: {used.stdout[-500:]}")
    return {
        "commands": COMMANDS,
        "instances": INSTANCES,
        "connections": relay.connections,
        "waiting": relay.most_waiting,
        "peak_mib": round(used.peak_mib, 1),
        "calls": {action: calls.count(action) / COMMANDS for action in sorted(set(calls))},
    }
