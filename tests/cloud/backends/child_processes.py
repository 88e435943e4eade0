"""Child processes that never outlive their parent."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import random
import signal
import socket
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PORTS = (10_000, 32_000)
_RNG = random.SystemRandom()
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent() -> None:
    """Ask the kernel for SIGKILL when the parent dies, even by SIGKILL (Linux, prctl(2)). For `preexec_fn`.

    The kernel counts the thread that forked as the parent, so fork from a thread that lives as long as the process.
    """
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port() -> int:
    """A loopback port where nobody listens.

    The port is random, and below the range that kernels use for outgoing connections. Otherwise a connection could take
    it before the server has started.
    """
    while True:
        port = _RNG.randrange(*_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def child_pids(pid: int) -> list[int]:
    """The children of all threads of a process (Linux, proc(5))."""
    told = [task.read_text() for task in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(child) for line in told for child in line.split()]


def send_signal(process: asyncio.subprocess.Process, how: signal.Signals) -> None:
    """Send a signal to a child; do nothing if it has ended, which may happen at any moment.

    asyncio's own method is not used: before Python 3.13 it collects the child's exit code, and asyncio then prints a
    warning.
    """
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, how)


async def start(*command: str, stdin: bytes = b"") -> asyncio.subprocess.Process:
    """Start a child without output. It can read `stdin`."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        preexec_fn=die_with_parent,
    )
    assert process.stdin is not None
    process.stdin.write(stdin)
    process.stdin.close()
    return process


async def stop(process: asyncio.subprocess.Process, timeout_s: float = 3.0) -> None:
    """Send SIGTERM, then SIGKILL; return when the child has ended."""
    if process.returncode is None:
        send_signal(process, signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), timeout_s)
        except asyncio.TimeoutError:
            send_signal(process, signal.SIGKILL)
            await process.wait()
