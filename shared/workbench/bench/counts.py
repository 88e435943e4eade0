"""Figures that do not depend on the machine: calls and connections of warm commands, instructions of a cold start."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from shared.workbench.bench.build import PLAIN, PackagedFunction
from shared.workbench.bench.cases import (
    ACCOUNT,
    CASES,
    PASSWORD,
    REGISTRY,
    TAIR,
    Case,
    environment,
    http_event,
    run_case,
    scratch,
)
from shared.workbench.bench.errors import BenchError
from shared.workbench.bench.standin import CountingRelay, Standin

_COMMANDS = 5
_SEEN_S = 0.4  # a fence probe follows if a Tair account is never seen to change
# The calls that one accepted change may make, if its task ends at once and nothing fails.
_CALLS = {
    ACCOUNT: {"DescribeInstanceAccount": 1, "DescribeTaskList": 1, "ModifyInstanceAccount": 1, "DescribeTaskInfo": 1},
    PASSWORD: {"DescribeInstanceAccount": 1, "DescribeTaskList": 1, "ModifyInstancePassword": 1, "DescribeTaskInfo": 1},
    REGISTRY: {"DescribeServiceAccounts": 1, "ModifyServiceAccountPassword": 1},
    TAIR: {"ModifyAccountPassword": 1, "DescribeAccounts": 2, "DescribeInstanceAttribute": 2},
}
_INSTRUCTIONS = re.compile(r"I\s+refs:\s+([0-9,]+)")


def measure(python: str, standin: Standin, packed: Mapping[tuple[str, str], PackagedFunction]) -> list[dict[str, Any]]:
    """One row for each function: calls for each command, and connections in all, of several commands in one process.

    Raises: BenchError: a command did not end as `changed`.
    """
    folders = {case.function: packed[case.cloud, case.function].folder for case in CASES}
    return [
        _counted(python, standin, case, folders[case.function], case.commands(_COMMANDS), _CALLS[case.function])
        for case in CASES
    ]


def instructions(python: str, standin: Standin, case: Case, code: Path, module: str) -> int | None:
    """Instructions of one cold start with a refused call, counted by valgrind; None if it is not installed.

    Raises: BenchError: it could not run.
    """
    standin.reset()
    with scratch() as folder:
        events = folder / "events.json"
        events.write_text(json.dumps([http_event(case.refused, case.platform)]))
        command = [python, "-I", "-S", "-B", str(PLAIN / "start.py"), str(code), module, case.platform, str(events)]
        return counted_instructions(command, environment(standin, case.platform, folder))


def counted_instructions(command: Sequence[str], environ: Mapping[str, str]) -> int | None:
    """Instructions of a program from its start to its end; None if valgrind is not installed.

    Raises: BenchError: it could not run.
    """
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        return None
    line = [valgrind, "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", *command]
    seeded = {**environ, "PYTHONHASHSEED": "0"}  # the same each time
    done = subprocess.run(line, env=seeded, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300)
    counted = _INSTRUCTIONS.search(done.stderr)
    if done.returncode or not counted:
        raise BenchError(f"valgrind could not run {' '.join(command[4:6])}: {done.stderr.strip()[-500:]}")
    return int(counted[1].replace(",", ""))


def _counted(
    python: str,
    standin: Standin,
    case: Case,
    code: Path,
    commands: Sequence[Mapping[str, Any]],
    allowed: Mapping[str, float],
) -> dict[str, Any]:
    standin.reset(settle_s=_SEEN_S)
    with CountingRelay(standin.address) as relay:
        used = run_case(python, standin, code, case.function, case.platform, commands, through=relay.address)
    printed = [json.loads(line) for line in used.stdout.splitlines()]  # among log lines
    replies = [json.loads(one["body"]) for one in printed if "body" in one]
    outcomes = [reply["Result"]["data"]["Outcome"] for reply in replies]
    if outcomes != ["changed"] * len(commands):
        raise BenchError(f"{case.function}: the changes ended as {outcomes}")
    calls = Counter(standin.calls())
    return {
        "function": case.function,
        "commands": len(commands),
        "connections": relay.connections,
        "calls": {action: number / len(commands) for action, number in sorted(calls.items())},
        "allowed": dict(allowed),
    }
