"""Proof by login: Redis `AUTH` (RESP, https://redis.io/commands/auth) and a registry's HTTP basic authentication.

The address is the one that the cloud reports. Nothing that a server answers is shown or kept but yes or no.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass

from shared.credential import LoginAnswer
from shared.hosts import is_loopback
from shared.secret import Secret

# What a server says of a wrong name or password; `-LOADING`, a full server or one without passwords say nothing of it.
_REFUSALS = (b"-wrongpass", b"-err invalid password", b"-err invalid username")


@dataclass(frozen=True, eq=False)
class Address:
    """Where a server listens, as its cloud reports it."""

    host: str
    port: int
    tls: bool = False


def redis_login(address: Address, accounts: Sequence[str | None], secret: Secret, timeout_s: float) -> LoginAnswer:
    """Whether `AUTH` opens the server. `accounts` are the user names to try in turn, None for the password alone.

    A managed server's certificate is signed by the vendor's private authority, so TLS here encrypts and does not
    authenticate the server; the address comes from the signed API.
    """
    try:
        with socket.create_connection((address.host, address.port), timeout=timeout_s) as plain:
            if not address.tls:
                return _auth(plain, accounts, secret)
            import ssl

            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            with context.wrap_socket(plain, server_hostname=address.host) as wrapped:
                return _auth(wrapped, accounts, secret)
    except OSError:
        return LoginAnswer.UNREACHABLE


def _auth(connection: socket.socket, accounts: Sequence[str | None], secret: Secret) -> LoginAnswer:
    with connection.makefile("rb") as answers:
        for account in accounts:
            words = ["AUTH", *([account] if account else []), secret.reveal()]
            parts = [f"*{len(words)}\r\n".encode()]
            for word in words:
                raw = word.encode()
                parts.append(b"$%d\r\n%s\r\n" % (len(raw), raw))
            connection.sendall(b"".join(parts))
            answer = answers.readline(512)
            if answer.startswith(b"+OK"):
                return LoginAnswer.ACCEPTED
            if not answer.lower().startswith(_REFUSALS):
                return LoginAnswer.UNREACHABLE  # closed, no Redis at all, or an error that says nothing of the password
    return LoginAnswer.REFUSED


def registry_login(host: str, user: str, secret: Secret, timeout_s: float) -> LoginAnswer:
    """Whether a container registry takes the user: `/v2/` with basic authentication, or its token service.

    Source: https://distribution.github.io/distribution/spec/auth/token/. A token service outside the registry's own
    domain is not asked: no password goes to a host that the cloud did not report.
    """
    import base64

    basic = "Basic " + base64.b64encode(f"{user}:{secret.reveal()}".encode()).decode()
    if _get(host, "/v2/", None, timeout_s)[0] != 401:
        return LoginAnswer.UNREACHABLE  # it asks nobody for a password, so its welcome would prove nothing
    status, challenge = _get(host, "/v2/", basic, timeout_s)
    if status == 401 and challenge.lower().startswith("bearer "):
        from urllib.parse import urlencode, urlsplit
        from urllib.request import parse_http_list, parse_keqv_list

        fields = parse_keqv_list(parse_http_list(challenge[7:]))
        realm = urlsplit(fields.get("realm", ""))
        if realm.scheme != "https" or realm.netloc.split(":")[0] != host.split(":")[0]:
            return LoginAnswer.UNREACHABLE
        query = urlencode({"service": fields.get("service", ""), "account": user})
        status, _ = _get(realm.netloc, f"{realm.path}?{query}", basic, timeout_s)
    if status == 200:
        return LoginAnswer.ACCEPTED
    return LoginAnswer.REFUSED if status == 401 else LoginAnswer.UNREACHABLE


def _get(host: str, path: str, authorization: str | None, timeout_s: float) -> tuple[int, str]:
    from http.client import HTTPConnection, HTTPException, HTTPSConnection

    plain = is_loopback(host.rsplit(":", 1)[0])
    connection = (HTTPConnection if plain else HTTPSConnection)(host, timeout=timeout_s)
    try:
        connection.request("GET", path, headers={"Authorization": authorization} if authorization else {})
        answer = connection.getresponse()
        return answer.status, answer.headers.get("Www-Authenticate", "")
    except (OSError, HTTPException):
        return 0, ""
    finally:
        connection.close()
