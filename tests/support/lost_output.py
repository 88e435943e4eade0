"""A command whose reader goes away, whose output comes onto a full disk, or that is started without one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

from tests.cloud.state.checkout import ROOT

FULL = Path("/dev/full")
WAYS = ("closed", "both closed", *(("full",) if FULL.exists() else ()), "not open")
"""Nobody reads standard output; nor standard error; the disk is full; the caller closed standard output."""


def run_without_output(way: str, words: Sequence[str], environ: Mapping[str, str], *, read: int = 0) -> tuple[int, str]:
    """A module's run whose reader takes so many lines and goes away. Its exit code and standard error."""
    command = [sys.executable, "-m", *words]
    if way == "not open":
        command = ["sh", "-c", 'exec "$@" >&-', "sh", *command]
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as pipe, os.fdopen(reading) as lines:
        if not read:
            lines.close()
        if way != "full":
            return _ended(command, environ, pipe, lines, read, is_alone=way != "both closed")
        with FULL.open("w") as full:
            return _ended(command, environ, full, lines, 0, is_alone=True)


def _ended(
    command: Sequence[str], environ: Mapping[str, str], out: TextIO, lines: TextIO, read: int, *, is_alone: bool
) -> tuple[int, str]:
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=subprocess.PIPE if is_alone else out,
    )
    out.close()
    for _ in range(read):
        assert lines.readline()
    lines.close()
    _, said = process.communicate(timeout=180)
    return process.returncode, (said or b"").decode()
