"""Logins by clients that are not keyturn's: does the real server accept this password now?"""

from __future__ import annotations

import base64
import socket
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry


def redis_accepts(address: str, password: str, account: str | None = None) -> bool:
    """Whether a login at a Redis address succeeds, in any form that a cloud documents; `AUTH password` if there is no
    account.

    A login of two words is sent without the client library, which would send only the password to an old server.
    """
    if account is None:
        return _opens(address, password)
    if auth_reply(address, account, password).startswith("+OK"):
        return True
    return any(_opens(address, f"{account}{separator}{password}") for separator in "@:")


def _opens(address: str, text: str) -> bool:
    host, _, port = address.rpartition(":")
    # By default the client would repeat a refused login for seconds.
    once = Retry(NoBackoff(), 0)
    with redis.Redis(host=host, port=int(port), password=text, retry=once, protocol=2) as client:
        try:
            return bool(client.ping())
        except redis.AuthenticationError:
            return False


def auth_reply(address: str, *words: str) -> str:
    """The first line that a server at a Redis address answers to `AUTH` with these words."""
    parts = [word.encode() for word in ("AUTH", *words)]
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection, connection.makefile("rb") as answers:
        head = b"*%d\r\n" % len(parts)
        connection.sendall(head + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
        return answers.readline().decode().rstrip("\r\n")


def registry_accepts(address: str, account: str, password: str) -> bool:
    """Whether a registry accepts this login at `/v2/`."""
    encoded = base64.b64encode(f"{account}:{password}".encode()).decode()
    request = Request(f"http://{address}/v2/", headers={"Authorization": f"Basic {encoded}"})
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=5):
            return True
    except HTTPError as refusal:
        refusal.close()
        return False
