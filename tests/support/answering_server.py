"""A server that gives the same answer to every call, for tests of answers that a cloud never gives."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

from shared.runtime.cloud_access import CloudAccess, RoleKeys
from shared.runtime.deadline import Deadline
from shared.runtime.secret import Secret


class _Answers(BaseHTTPRequestHandler):
    """Answers every call with the status and body that its server was given."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        status, body = self.server.answer  # type: ignore[attr-defined]
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def answering(status: int, body: object) -> Iterator[CloudAccess]:
    """The access to a cloud that answers every call with this HTTP status and JSON body."""
    server = HTTPServer(("127.0.0.1", 0), _Answers)
    server.answer = (status, body)  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        endpoint = f"http://127.0.0.1:{server.server_port}"
        keys = RoleKeys("id", Secret("some-role-key"), Secret("some-role-token"))
        yield CloudAccess(keys, endpoint, 1000.0, Deadline(time.monotonic() + 20))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
