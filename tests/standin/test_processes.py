"""Child processes: one that ends by itself, at any moment, disturbs nobody who is about to end it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import threading
from pathlib import Path

import pytest

from tests.cloud.backends import child_processes
from tests.cloud.client.logins import redis_accepts
from tests.cloud.client.standin import Standin


def test_a_child_that_has_ended_may_be_signalled_and_stopped() -> None:
    async def go() -> None:
        process = await child_processes.start("true")
        await process.wait()
        await asyncio.sleep(0.2)
        with pytest.raises(ProcessLookupError):
            process.kill()  # what asyncio makes of it, once its pipes are closed
        child_processes.send_signal(process, signal.SIGKILL)
        await child_processes.stop(process)

    asyncio.run(go())


def test_a_child_that_ignores_the_wish_is_killed() -> None:
    async def go() -> int | None:
        process = await child_processes.start("sh", "-c", "trap '' TERM; while :; do sleep 1; done")
        await asyncio.sleep(0.3)
        await child_processes.stop(process, 0.2)
        return process.returncode

    assert asyncio.run(go()) == -signal.SIGKILL


def test_ports_are_free_and_none_that_an_outgoing_connection_may_have() -> None:
    range_file = Path("/proc/sys/net/ipv4/ip_local_port_range")
    lowest = int(range_file.read_text().split()[0]) if range_file.exists() else 32_768
    for port in {child_processes.free_port() for _ in range(50)}:
        assert 1024 < port < lowest
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", port))


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
def test_a_reset_stands_servers_that_end_by_themselves() -> None:
    """They are killed at another moment of each reset, from before its beginning to after its end."""
    with Standin() as standin:
        address = standin.redis["crs-demo0001"]

        def kill_servers() -> None:
            for child in child_processes.child_pids(standin.pid):
                with contextlib.suppress(OSError):
                    if b"registry" not in Path(f"/proc/{child}/cmdline").read_bytes():
                        os.kill(child, signal.SIGKILL)

        assert redis_accepts(address, "Old-Passw0rd")  # its server runs from here on
        for moment in range(40):
            killer = threading.Timer(moment * 0.0003, kill_servers)
            killer.start()
            standin.reset()
            killer.join()
        standin.reset()
        for id_, password in (("crs-demo0001", "Old-Passw0rd"), ("crs-demo0003", "Old-Passw0rd")):
            assert redis_accepts(standin.redis[id_], password)
            assert not redis_accepts(standin.redis[id_], "Wrong-Passw0rd")
