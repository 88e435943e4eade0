"""The container registry of a TCR instance: docker-registry if it is installed, otherwise a small server with its
login.

Both check the same htpasswd entries (bcrypt), and answer `GET /v2/` by the OCI distribution specification.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import os
import secrets
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import bcrypt
from aiohttp import web

from tests.cloud.backends import child_processes

REALM = "stand-in registry"
_HEADERS = {"Docker-Distribution-Api-Version": "registry/2.0"}
_ADMIN = "stand-in"
_ANSWER_S = 1.0
# The entries protect test passwords on loopback. The lowest cost keeps a reset short.
_ROUNDS = 4


def htpasswd_hash(password: str) -> bytes:
    """The htpasswd hash of a password."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(_ROUNDS))


async def _refuse(request: web.BaseRequest) -> web.Response:
    # claims: T5
    headers = {**_HEADERS, "WWW-Authenticate": f'Basic realm="{REALM}"'}
    problem = {"code": "UNAUTHORIZED", "message": "authentication required", "detail": None}
    return web.json_response({"errors": [problem]}, status=401, headers=headers)


class Registry:
    """One registry on loopback with basic authentication."""

    def __init__(self) -> None:
        self.port = 0
        self._closed_port = 0
        self._entries: dict[str, bytes] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._runners: list[web.ServerRunner] = []
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._secret = secrets.token_urlsafe(12)
        self._admin = htpasswd_hash(self._secret)

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"127.0.0.1:{self.port}"

    @property
    def closed_address(self) -> str:
        """`host:port` of a server that refuses every login, even a right one."""
        return f"127.0.0.1:{self._closed_port}"

    async def start(self, passwords: Mapping[str, str]) -> None:
        """Start it with these logins. Raises: RuntimeError: docker-registry did not come up."""
        program = shutil.which("docker-registry")
        if program:
            self._folder = tempfile.TemporaryDirectory(prefix="stand-in-registry-")
        self.set_logins(passwords)
        if program:
            await self._start_program(program)
        else:
            self.port = await self._served(self._answer)
        self._closed_port = await self._served(_refuse)

    def set_logins(self, passwords: Mapping[str, str]) -> None:
        """Let exactly these names log in."""
        self._entries = {name: htpasswd_hash(password) for name, password in passwords.items()}
        self._write()

    def set_login(self, name: str, password: str) -> None:
        """Replace one password."""
        self._entries[name] = htpasswd_hash(password)
        self._write()

    async def stop(self) -> None:
        """End it and delete its files."""
        if self._process:
            await child_processes.stop(self._process)
        for runner in self._runners:
            await runner.cleanup()
        if self._folder:
            self._folder.cleanup()

    def _write(self) -> None:
        """Replace the file in one step, readable for this user only. The program reads it again when it has changed."""
        if self._folder is None:
            return
        handle, path = tempfile.mkstemp(dir=self._folder.name)
        with os.fdopen(handle, "wb") as file:
            for name, hashed in {**self._entries, _ADMIN: self._admin}.items():
                file.write(name.encode() + b":" + hashed + b"\n")
        Path(path).replace(Path(self._folder.name, "htpasswd"))

    async def _start_program(self, program: str) -> None:
        for _ in range(5):
            # Another process may take the port between the check and the start. Then the child ends, and this tries
            # again.
            self._process = await self._started(program)
            for _ in range(500):
                if await self._logged_in():
                    return
                if self._process.returncode is not None:
                    break
                await asyncio.sleep(0.01)
            await child_processes.stop(self._process)
        raise RuntimeError("docker-registry did not come up")

    async def _started(self, program: str) -> asyncio.subprocess.Process:
        assert self._folder is not None
        folder = Path(self._folder.name)
        self.port = child_processes.free_port()
        lines = (
            "version: 0.1",
            "log: {level: error}",
            f"storage: {{filesystem: {{rootdirectory: {folder / 'storage'}}}}}",
            f"http: {{addr: '{self.address}'}}",
            f"auth: {{htpasswd: {{realm: '{REALM}', path: '{folder / 'htpasswd'}'}}}}",
        )
        config = folder / "config.yml"
        config.write_text("\n".join(lines), encoding="utf-8")
        return await child_processes.start(program, "serve", str(config))

    async def _logged_in(self) -> bool:
        """Whether this registry listens there: only this one knows the secret."""
        login = base64.b64encode(f"{_ADMIN}:{self._secret}".encode()).decode()
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        try:
            ask = f"GET /v2/ HTTP/1.0\r\nHost: {self.address}\r\nAuthorization: Basic {login}\r\n\r\n"
            writer.write(ask.encode())
            return b" 200 " in await asyncio.wait_for(reader.readline(), _ANSWER_S)
        except (OSError, asyncio.TimeoutError):
            return False
        finally:
            writer.close()

    async def _served(self, handler: Callable[[web.BaseRequest], Awaitable[web.Response]]) -> int:
        """The loopback port where a handler answers until the registry ends."""
        runner = web.ServerRunner(web.Server(handler))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self._runners.append(runner)
        port: int = runner.addresses[0][1]
        return port

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        if not self._may_pass(request.headers.get("Authorization", "")):
            return await _refuse(request)
        if request.path.rstrip("/") == "/v2":
            return web.json_response({}, headers=_HEADERS)
        return web.json_response({"errors": [{"code": "UNSUPPORTED"}]}, status=404, headers=_HEADERS)

    def _may_pass(self, authorization: str) -> bool:
        scheme, _, encoded = authorization.partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
            return bcrypt.checkpw(password.encode(), self._entries[name])
        except (binascii.Error, UnicodeDecodeError, ValueError, KeyError):
            return False
