"""Child processes that never outlive the one that started them."""

from __future__ import annotations

import asyncio
import ctypes
import signal
import socket
import sys

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent() -> None:
    """Ask the kernel for SIGKILL when the parent dies, even by SIGKILL (Linux, prctl(2)). For `preexec_fn`.

    The parent is the thread that forked: fork from one that lives as long as the process.
    """
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def start(*command: str, stdin: bytes = b"") -> asyncio.subprocess.Process:
    """Start a quiet child that reads `stdin` to its end."""
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
    """SIGTERM, then SIGKILL; returns when the child is gone."""
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), timeout_s)
        except asyncio.TimeoutError:
            process.kill()
            await process.wait()
