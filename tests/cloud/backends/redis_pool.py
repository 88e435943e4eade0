"""Redis servers that sleep: each has an address, and a process only while somebody needs it.

A fleet of a thousand instances costs a listening socket each. A process starts when its instance is first dialled or
first changed; beyond the pool's limit the one that was idle longest ends. Its users are kept here and set again at the
next dial; its data is gone, as there is none that matters.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from tests.cloud.backends.redis_login import LoginForms, relay
from tests.cloud.backends.redis_server import RedisServer, RedisUser
from tests.cloud.state.world import World


class RedisPool:
    """The sleeping servers that are awake: at most the world's `max_servers`; more only if none of them is idle."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._awake: dict[LazyRedisServer, None] = {}

    def __len__(self) -> int:
        return len(self._awake)

    async def mark_used(self, server: LazyRedisServer) -> None:
        """Count a server in, as the one used last; first end what was idle longest while there are too many."""
        self.mark_asleep(server)
        while len(self._awake) >= self.world.max_servers:
            idle = next((one for one in self._awake if one.idle), None)
            if idle is None:
                break
            await idle.sleep()
        self._awake[server] = None

    def mark_asleep(self, server: LazyRedisServer) -> None:
        """Count it out."""
        self._awake.pop(server, None)


class LazyRedisServer:
    """A RedisServer behind a listener of its own, so that its address outlives its process."""

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
        """Whether nobody is connected and nothing is being set."""
        return self._dialled == 0 and not self._turn.locked()

    async def start(self, users: Iterable[RedisUser]) -> None:
        """Listen, with these users in mind; nothing if it listens. Raises: OSError."""
        if self._listener is None:
            self._users = {user.name: user for user in users}
            self._listener = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            self.port = self._listener.sockets[0].getsockname()[1]

    async def set_users(self, users: Iterable[RedisUser]) -> None:
        """Make users so, in a real server; returns when it has said yes. Raises: RuntimeError, OSError."""
        given = list(users)
        async with self._turn:
            if self._pool.world.wake_on_change or self._real is not None:
                await (await self._woken()).set_users(given)
            self._users |= {user.name: user for user in given}

    async def restore(self, users: Iterable[RedisUser]) -> None:
        """Forget what there was, process and all."""
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
        """The process, started if need be; call it in turn. Raises: RuntimeError, OSError."""
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
            pass  # no server, or one side hung up: the client sees its connection closed
        finally:
            self._dialled -= 1
            writer.close()


class EagerRedisServer:
    """A RedisServer that runs from the start, behind a listener of its own, which reads AUTH as the cloud does."""

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
        """Start it and listen; nothing if it runs. Raises: RuntimeError, OSError."""
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
            pass  # no server, or one side hung up: the client sees its connection closed
        finally:
            writer.close()
