"""Redis servers that sleep. Each has an address all the time, and a process only while a client needs it.

A fleet of a thousand instances costs one listening socket each. A process starts at the first connection or the first
change of its instance. If the pool is full, the process that was idle longest ends. The pool keeps the users and sets
them again at the next start. The data is lost; no test needs it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from tests.cloud.backends.redis_login import LoginForms, relay
from tests.cloud.backends.redis_server import RedisServer, RedisUser
from tests.cloud.state.world import World


class RedisPool:
    """The servers whose processes run: at most the world's `max_servers`, or more while none of them is idle."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._awake: dict[LazyRedisServer, None] = {}

    def __len__(self) -> int:
        return len(self._awake)

    async def mark_used(self, server: LazyRedisServer) -> None:
        """Note that a server runs and was used last; first end the processes that were idle longest if there are too
        many.
        """
        self.mark_asleep(server)
        while len(self._awake) >= self.world.max_servers:
            idle = next((one for one in self._awake if one.idle), None)
            if idle is None:
                break
            await idle.sleep()
        self._awake[server] = None

    def mark_asleep(self, server: LazyRedisServer) -> None:
        """Note that a server's process has ended."""
        self._awake.pop(server, None)


class LazyRedisServer:
    """A RedisServer with a separate listener, so that the address outlives the process."""

    def __init__(self, pool: RedisPool, forms: LoginForms) -> None:
        self.port = 0
        self.forms = forms
        self._pool = pool
        self._users: dict[str, RedisUser] = {}
        self._real: RedisServer | None = None
        self._listener: asyncio.Server | None = None
        self._dialled = 0
        self._turn = asyncio.Lock()

    @property
    def address(self) -> str:
        """`host:port`, or an empty string before `start`."""
        return f"127.0.0.1:{self.port}" if self.port else ""

    @property
    def idle(self) -> bool:
        """Whether no client is connected and no change is under way."""
        return self._dialled == 0 and not self._turn.locked()

    async def start(self, users: Iterable[RedisUser]) -> None:
        """Listen, and keep these users for the process; nothing if it listens already. Raises: OSError."""
        if self._listener is None:
            self._users = {user.name: user for user in users}
            self._listener = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            self.port = self._listener.sockets[0].getsockname()[1]

    async def set_users(self, users: Iterable[RedisUser]) -> None:
        """Set users in a real server; returns when the server has confirmed. Raises: RuntimeError, OSError."""
        given = list(users)
        async with self._turn:
            if self._pool.world.wake_on_change or self._real is not None:
                await (await self._woken()).set_users(given)
            self._users |= {user.name: user for user in given}

    async def restore(self, users: Iterable[RedisUser]) -> None:
        """End the process and set these users for the next one."""
        await self.sleep()
        self._users = {user.name: user for user in users}

    async def sleep(self) -> None:
        """End the process; the address stays."""
        async with self._turn:
            self._pool.mark_asleep(self)
            if self._real is not None:
                real, self._real = self._real, None
                await real.stop()

    async def stop(self) -> None:
        """End the process and the listener."""
        if self._listener is not None:
            self._listener.close()
        await self.sleep()

    async def _woken(self) -> RedisServer:
        """The process; starts it if needed. Call this while holding the lock. Raises: RuntimeError, OSError."""
        if self._real is None or not self._real.runs:
            await self._pool.mark_used(self)
            real = RedisServer()
            try:
                await real.start(self._users.values())
            except BaseException:
                self._pool.mark_asleep(self)
                raise
            self._real = real
        else:
            await self._pool.mark_used(self)
        return self._real

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._dialled += 1
        try:
            async with self._turn:
                port = (await self._woken()).port
            await relay(reader, writer, port, self.forms)
        except (OSError, RuntimeError, asyncio.TimeoutError):
            pass  # no server, or one side closed: the client's connection closes
        finally:
            self._dialled -= 1
            writer.close()


class EagerRedisServer:
    """A RedisServer that runs from the start, with a separate listener that reads AUTH as the cloud does."""

    def __init__(self, forms: LoginForms) -> None:
        self.port = 0
        self.forms = forms
        self._real = RedisServer()
        self._listener: asyncio.Server | None = None

    @property
    def address(self) -> str:
        """`host:port`, or an empty string before `start`."""
        return f"127.0.0.1:{self.port}" if self.port else ""

    async def start(self, users: Iterable[RedisUser]) -> None:
        """Start the server and listen; nothing if it runs. Raises: RuntimeError, OSError."""
        await self._real.start(users)
        if self._listener is None:
            self._listener = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            self.port = self._listener.sockets[0].getsockname()[1]

    async def set_users(self, users: Iterable[RedisUser]) -> None:
        """See Server."""
        await self._real.set_users(users)

    async def restore(self, users: Iterable[RedisUser]) -> None:
        """See Server."""
        await self._real.restore(users)

    async def stop(self) -> None:
        """End the listener and the process."""
        if self._listener is not None:
            self._listener.close()
        await self._real.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await relay(reader, writer, self._real.port, self.forms)
        except (OSError, asyncio.TimeoutError):
            pass  # no server, or one side closed: the client's connection closes
        finally:
            writer.close()
