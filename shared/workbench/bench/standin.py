"""The stand-in for the bench: its own process, its control paths, and the number of connections to it."""

from __future__ import annotations

import contextlib
import json
import math
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

from shared.workbench.bench.errors import BenchError
from shared.workbench.bundle.checkout import ROOT


class Standin:
    """`python -m tests.cloud serve` on a free port; a context manager. Raises: BenchError: it did not start.

    `tls`: it speaks TLS, with its own CA in `ca`; `world`: its file, if it is not the default one.
    """

    def __init__(self, *, tls: bool = False, world: Path | None = None) -> None:
        command = [sys.executable, "-m", "tests.cloud", "serve", "--port", "0", *(["--tls"] if tls else [])]
        command += ["--world", str(world)] if world else []
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self.stop()
            raise BenchError("the stand-in did not start: its reason is above")
        ready = json.loads(line)
        self.endpoint: str = ready["endpoint"]
        self.scheme, _, self.address = self.endpoint.partition("://")
        self.ca: Path | None = Path(ready["ca"]) if tls else None
        trusted = [HTTPSHandler(context=ssl.create_default_context(cafile=ready["ca"]))] if tls else []
        self._opener = build_opener(ProxyHandler({}), *trusted)
        keys = ready["credentials"]
        names = ("id", "key", "token")
        tencent = ("TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY", "TENCENTCLOUD_SESSIONTOKEN")
        alibaba = ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN")
        self.tencent_keys = {variable: keys["tencent"][name] for variable, name in zip(tencent, names, strict=True)}
        self.alibaba_keys = {variable: keys["alibaba"][name] for variable, name in zip(alibaba, names, strict=True)}

    def reset(self, settle_s: float = 0.0) -> None:
        """Return to the first passwords.

        Tasks take no time, a Tair account takes `settle_s`, and the list of calls is empty.
        """
        self._ask("POST", "reset", {"task_s": 0, "settle_s": settle_s})

    def calls(self) -> list[str]:
        """The actions called since the last reset, oldest first."""
        return [call["Action"] for call in self._ask("GET", "calls")]

    def stop(self) -> None:
        """End the stand-in and everything that it started."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def __enter__(self) -> Standin:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with self._opener.open(Request(f"{self.endpoint}/_standin/{path}", data, method=method), timeout=30) as reply:
            return json.load(reply)


_READING_S = 0.01  # the reader may need so long after the last byte of an answer


class CountingRelay:
    """Passes bytes on to an address and counts connections; a context manager. Its own address is `address`.

    `most_waiting`: the most connections that waited for an answer, or read one, at the same time.
    """

    def __init__(self, to: str) -> None:
        host, _, port = to.rpartition(":")
        self._to = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"{host}:{self._listener.getsockname()[1]}"
        self.connections = self.most_waiting = 0
        self._busy_until: dict[socket.socket, float] = {}
        self._lock = threading.Lock()
        self._passing: list[threading.Thread] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __enter__(self) -> CountingRelay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Closing alone does not wake a thread that waits in accept.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in (self._thread, *self._passing):
            thread.join(5)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self.connections += 1
                passing = threading.Thread(target=self._pass_on, args=(near,), daemon=True)
                passing.start()
                self._passing.append(passing)

    def _pass_on(self, near: socket.socket) -> None:
        with near, socket.create_connection(self._to) as far:
            for one in (near, far):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            back = threading.Thread(target=self._pump, args=(far, near, near, False), daemon=True)
            back.start()
            self._pump(near, far, near, True)
            back.join()

    def _pump(self, source: socket.socket, sink: socket.socket, near: socket.socket, asks: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                now = time.monotonic()
                with self._lock:
                    self._busy_until[near] = math.inf if asks else now + _READING_S
                    waiting = sum(until > now for until in self._busy_until.values())
                    self.most_waiting = max(self.most_waiting, waiting)
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
