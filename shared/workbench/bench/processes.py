"""Runs one command in a fresh process, and reports what it used."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from shared.workbench.bench.errors import BenchError

_LAUNCH = Path(__file__).parent / "plain" / "launch.py"


@dataclass(frozen=True)
class ProcessUsage:
    """What one process used, from its start to its end. `stdout` is its output."""

    wall_s: float
    cpu_s: float
    peak_mib: float
    stdout: str


def run(
    python: str, command: Sequence[str], environ: Mapping[str, str], folder: Path, *, timeout_s: float = 60.0
) -> ProcessUsage:
    """Run a command in an empty `folder` until it ends. Raises: BenchError: it failed, or took too long."""
    out, err = folder / "stdout", folder / "stderr"
    launch = [python, "-I", "-S", "-B", str(_LAUNCH), str(out), str(err), str(folder), *command]
    process = subprocess.Popen(
        launch, env=dict(environ), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        told, _ = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):  # it may have ended already
            os.killpg(process.pid, signal.SIGKILL)  # the command is in the same session
        process.communicate()
        raise BenchError(f"{Path(command[0]).name} took more than {timeout_s:g} s") from None
    fields = told.split()
    if process.returncode or len(fields) != 4 or fields[0] != "0":
        said = err.read_text(errors="replace").strip() if err.exists() else ""
        raise BenchError(f"{' '.join(map(str, command[:4]))} ... failed: {said[-1500:]}")
    wall_s, cpu_s, peak_kib = map(float, fields[1:])
    return ProcessUsage(wall_s, cpu_s, peak_kib / 1024, out.read_text(errors="replace"))


def spread(values: Sequence[float], digits: int = 3) -> dict[str, float]:
    """The median of values, with the smallest and the largest one."""
    return {
        "median": round(median(values), digits),
        "min": round(min(values), digits),
        "max": round(max(values), digits),
    }


def medians(runs: Sequence[ProcessUsage]) -> dict[str, Any]:
    """Wall seconds, CPU seconds and peak memory of several runs."""
    return {
        "wall_s": spread([one.wall_s for one in runs]),
        "cpu_s": spread([one.cpu_s for one in runs]),
        "peak_mib": spread([one.peak_mib for one in runs], 1),
    }
