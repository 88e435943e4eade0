"""Logins as every client makes them, and the answer of a Redis server or registry, as one word or number."""

from __future__ import annotations

import base64
import ipaddress
import re
import socket
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import quote, urlencode, urlsplit

from shared.workbench.verify.check import Untried

QUICK_S, SLOW_S = 3.0, 20.0
_OUTSIDE = "this check logs in, but the address cannot be reached from here: run verify inside the network"


@dataclass(frozen=True)
class RedisDoor:
    """A server's address, as its cloud reports it. The server has answered there before."""

    host: str
    port: int
    timeout_s: float

    def says(self, *words: str) -> str:
        """The first word of the server's answer to AUTH: `OK`, `WRONGPASS`, `ERR`; `nothing` if there is no answer.

        Each AUTH has its own connection, because an earlier login must not affect the next.
        """
        parts = [word.encode() for word in ("AUTH", *words)]
        request = b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(one), one) for one in parts)
        try:
            with socket.create_connection((self.host, self.port), self.timeout_s) as connection:
                connection.sendall(request)
                with connection.makefile("rb") as answers:
                    line = answers.readline(512).decode("ascii", "replace")
        except OSError:
            return "nothing"
        found = re.match(r"[+-]([A-Za-z]+)", line)
        return found[1].upper() if found else "nothing"

    def takes(self, *words: str) -> bool:
        """Whether AUTH with these words succeeds."""
        return self.says(*words) == "OK"


def reach_redis(host: str, port: int, *, slow: bool) -> RedisDoor:
    """Connect once. Raises: Untried: no answer in time; ConnectionRefusedError: nobody listens there."""
    limit = SLOW_S if slow else QUICK_S
    try:
        socket.create_connection((host, port), limit).close()
    except ConnectionRefusedError:
        raise
    except (OSError, OverflowError):
        raise Untried(_OUTSIDE) from None
    return RedisDoor(host, port, limit)


def is_private(host: str) -> bool:
    """Whether an address is in a private network. Raises: ValueError: it is no address."""
    return ipaddress.ip_address(host).is_private


def registry_status(host: str, user: str = "", password: str = "", *, slow: bool) -> int:
    """The last status of a login at `/v2/`. If the registry names a token service on the same host, that decides.

    Raises: Untried: no answer in time.
    """
    basic = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode() if user else ""
    status, challenge = _get(host, "/v2/", basic, slow)
    fields = dict(re.findall(r'([A-Za-z]{1,20})="([^"]{0,2000})"', challenge))
    realm = urlsplit(fields.get("realm", ""))
    bearer = challenge.lower().startswith("bearer ")
    if not user or status != 401 or not bearer or realm.scheme != "https" or realm.netloc != host:
        return status
    query = urlencode({"service": fields.get("service", ""), "account": user})
    return _get(host, f"{quote(realm.path)}?{query}", basic, slow)[0]


def _get(host: str, path: str, authorization: str, slow: bool) -> tuple[int, str]:
    plain = host.startswith("127.")
    connection = (HTTPConnection if plain else HTTPSConnection)(host, timeout=SLOW_S if slow else QUICK_S)
    try:
        connection.request("GET", path, headers={"Authorization": authorization} if authorization else {})
        answer = connection.getresponse()
        return answer.status, str(answer.headers.get("Www-Authenticate", ""))
    except (OSError, HTTPException):
        raise Untried(_OUTSIDE) from None
    finally:
        connection.close()
