"""Servers on loopback that speak TLS with any certificate that a test gives them, and count the connections."""

from __future__ import annotations

import json
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from shared.runtime.cloud_access import CloudAccess, RoleKeys
from shared.runtime.deadline import Deadline
from shared.runtime.secret import Secret

Serve = Callable[["TlsServer", socket.socket], None]

ANSWER = {"RequestId": "r-1", "Response": {"RequestId": "r-1"}}
"""An answer that the clients of both clouds accept."""


class TlsServer:
    """Passes each connection to `serve`, each in its own thread."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.endpoint = f"https://localhost:{self.port}"
        self.connections = 0
        self.requests: list[bytes] = []
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        """End the server. A client that waits for an answer gets none."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def opened(self, connection: socket.socket) -> None:
        """Hold a connection until the client closes it. `close` ends it, too."""
        self._open.append(connection)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._threads.append(threading.Thread(target=self._handle, args=(connection,), daemon=True))
                self._threads[-1].start()

    def _handle(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            connection.settimeout(5)
            self._serve(self, connection)


def answers(context: ssl.SSLContext, body: object = ANSWER) -> Serve:
    """Answer every request with 200 and this JSON, over TLS, for as long as the client keeps the connection."""
    raw = json.dumps(body).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n".encode()

    def serve(server: TlsServer, connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            server.opened(secure)
            while request := _request(secure):
                server.requests.append(request)
                secure.sendall(head + raw)

    return serve


def spoils_answer(context: ssl.SSLContext, sent: bytes = b"") -> Serve:
    """Read one request, send these bytes outside TLS, and close the connection."""

    def serve(server: TlsServer, connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            server.requests.append(_request(secure))
            os.write(secure.fileno(), sent)

    return serve


def speaks_plainly(server: TlsServer, connection: socket.socket) -> None:
    """An HTTP server without TLS. A TLS handshake is a bad request for it."""
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


def hangs_up(server: TlsServer, connection: socket.socket) -> None:
    """Close the connection in the middle of the handshake."""
    connection.recv(65_536)


def says_nothing(server: TlsServer, connection: socket.socket) -> None:
    """Accept the connection, and never answer."""
    while connection.recv(65_536):
        pass


@contextmanager
def serving(serve: Serve) -> Iterator[TlsServer]:
    """A server that ends with the context."""
    server = TlsServer(serve)
    try:
        yield server
    finally:
        server.close()


def access_to(server: TlsServer, ca_file: str | None) -> CloudAccess:
    """The access to a cloud whose calls go to this server. There is no pause between two attempts."""
    keys = RoleKeys("id", Secret("some-role-key"), Secret("some-role-token"))
    deadline = Deadline(time.monotonic() + 20)
    return CloudAccess(keys, server.endpoint, 1000.0, deadline, sleep=lambda _: None, ca_file=ca_file)


def _request(connection: socket.socket) -> bytes:
    """One whole request; empty if the client has closed."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (some := connection.recv(65_536)):
            return b""
        data += some
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body
