"""Proof by login: Redis `AUTH` (RESP, https://redis.io/commands/auth) and a registry's HTTP basic authentication.

A server may accept any password for a user that needs none. So a login proves something only if the same server has
first refused a made-up password in the same form. The address is the one that the cloud reports. keyturn keeps and
shows only the LoginAnswer, and no answer of a server makes it raise.
"""

from __future__ import annotations

import re
import secrets as randomness
import socket
import string
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from shared.changes.credential import LoginAnswer
from shared.runtime.loopback import is_loopback
from shared.runtime.secret import Secret


@dataclass(frozen=True, eq=False)
class Address:
    """Where a server listens, as its cloud reports it."""

    host: str
    port: int
    tls: bool = False


@dataclass(frozen=True)
class LoginForm:
    """The form of a login: the words of `AUTH`, in which `{password}` stands for the secret."""

    words: tuple[str, ...]
    documented: bool = True  # False: no page names this form, so its refusal says nothing

    def filled(self, password: str) -> list[bytes]:
        return [word.replace("{password}", password).encode("utf-8", "surrogatepass") for word in self.words]


def tencent_forms(account: str, instance_id: str) -> tuple[LoginForm, ...]:
    """The forms of TencentDB for Redis, in the order to try.

    Sources: 239/36710 (2025-09-22) and 239/34590 (2026-02-04): a custom account is `account@password`, the default one
    the password alone; 239/135926 (2026-08-13): the default one is `instance id:password`. No page names two words.
    """
    if account == "root":
        return LoginForm(("{password}",)), LoginForm((instance_id + ":{password}",))
    return LoginForm((account + "@{password}",)), LoginForm((account, "{password}"), documented=False)


def tair_forms(account: str, instance_id: str) -> tuple[LoginForm, ...]:
    """The forms of Tair and Redis on Alibaba Cloud, in the order to try.

    Source: help.aliyun.com 440521 (2026-06): `user:password` as one word on every version, two words from 6.0; the
    default account, named `default` or as the instance, also by the password alone.
    """
    forms = LoginForm((account + ":{password}",)), LoginForm((account, "{password}"))
    return (*forms, LoginForm(("{password}",))) if account in ("default", instance_id) else forms


class _Said(Enum):
    """What a server says to one AUTH."""

    YES = "yes"
    NO = "no"
    NOT_SO = "it does not know this form"
    NOTHING = "nothing that tells"


# Answers to a wrong name or password. `-LOADING`, or the answer of a full server, says nothing about them.
_REFUSALS = (b"-wrongpass", b"-err invalid password", b"-err invalid username")
# Answers if the form cannot be used: two words before Redis 6.0; no password set for the default user.
_NOT_SO = (
    b"-err wrong number of arguments",
    b"-err client sent auth, but no password is set",
    b"-err auth <password> called without any password",
)
_LONGEST_LINE = 512
# Raised by sockets, TLS and host names, also for a name that cannot be encoded or a port out of range.
_UNUSABLE = (OSError, ValueError, OverflowError)


def redis_login(
    address: Address,
    forms: Sequence[LoginForm],
    secret: Secret,
    timeout_s: float,
    clock: Callable[[], float] = time.monotonic,
) -> LoginAnswer:
    """Whether `AUTH` opens the server in one of the forms. They are tried in turn, all within `timeout_s`.

    ACCEPTED: the server refused a made-up password and accepted the secret. ANY: it accepted a made-up password.
    REFUSED: it refused a documented form, and answered every form. A managed server's certificate is signed by the
    vendor's private authority, so TLS encrypts here but does not authenticate the server. The address comes from the
    signed API.
    """
    dialogue = _Dialogue(address, clock() + timeout_s, clock)
    try:
        return _by_forms(dialogue, forms, secret.reveal())
    finally:
        dialogue.close()


def _by_forms(dialogue: _Dialogue, forms: Sequence[LoginForm], password: str) -> LoginAnswer:
    refused = lost = takes_any = False
    for form in forms:
        said = dialogue.auth(form.filled(_made_up(password)))
        if said is _Said.YES:
            takes_any = True
            dialogue.close()  # a connection that is logged in must not answer for the next form
            continue
        if said is _Said.NO:
            said = dialogue.auth(form.filled(password))
            if said is _Said.YES:
                return LoginAnswer.ACCEPTED
        refused = refused or (said is _Said.NO and form.documented)
        lost = lost or said is _Said.NOTHING
    if takes_any:
        return LoginAnswer.ANY
    return LoginAnswer.REFUSED if refused and not lost else LoginAnswer.UNREACHABLE


class _Dialogue:
    """A connection that is opened when it is needed, and again after the server has closed it."""

    def __init__(self, address: Address, until: float, clock: Callable[[], float]) -> None:
        self._address = address
        self._until = until
        self._clock = clock
        self._socket: socket.socket | None = None

    def auth(self, arguments: list[bytes]) -> _Said:
        """What the server says to AUTH with these arguments."""
        reused = self._socket is not None
        line = self._ask(arguments)
        if line is None and reused:  # some servers hang up after a refusal
            line = self._ask(arguments)
        if line is None:
            return _Said.NOTHING
        if line == b"+OK":
            return _Said.YES
        lower = line.lower()
        if lower.startswith(_REFUSALS):
            return _Said.NO
        return _Said.NOT_SO if lower.startswith(_NOT_SO) else _Said.NOTHING

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _ask(self, arguments: list[bytes]) -> bytes | None:
        """The answer, which must be one line in time. Otherwise close the connection and return None."""
        words = [b"AUTH", *arguments]
        request = b"".join([b"*%d\r\n" % len(words), *(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)])
        try:
            if self._socket is None:
                self._socket = self._connect()
            self._socket.settimeout(self._left())
            self._socket.sendall(request)
            line = b""
            while b"\n" not in line and len(line) <= _LONGEST_LINE:
                self._socket.settimeout(self._left())
                more = self._socket.recv(_LONGEST_LINE)
                if not more:
                    break
                line += more
        except _UNUSABLE:
            line = b""
        # Redis answers one request with one line.
        if line.endswith(b"\r\n") and line.count(b"\n") == 1 and len(line) <= _LONGEST_LINE:
            return line[:-2]
        self.close()
        return None

    def _connect(self) -> socket.socket:
        address = self._address
        plain = socket.create_connection((address.host, address.port), timeout=self._left())
        if not address.tls:
            return plain
        import ssl

        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        try:
            return context.wrap_socket(plain, server_hostname=address.host)
        except BaseException:  # raised again: close the connection, whatever ended the handshake
            plain.close()
            raise

    def _left(self) -> float:
        """Seconds that remain. Raises: TimeoutError if none do."""
        left = self._until - self._clock()
        if left <= 0:
            raise TimeoutError
        return left


def _made_up(password: str) -> str:
    """Another password of the same length, with as many characters of each class, in another order."""
    while True:
        made = [randomness.choice(_class_of(character)) for character in password or "-"]
        randomness.SystemRandom().shuffle(made)
        if (text := "".join(made)) != password:
            return text


def _class_of(character: str) -> str:
    classes = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
    return next((one for one in classes if character in one), "-_!@#")


def registry_login(host: str, user: str, secret: Secret, timeout_s: float) -> LoginAnswer:
    """Whether a container registry accepts the user: `/v2/` with basic authentication, or its token service.

    Source: https://distribution.github.io/distribution/spec/auth/token/. A token service on another host than the
    registry's is not asked: no password goes to a host that the cloud did not report.
    """
    until = time.monotonic() + timeout_s
    if _get(host, "/v2/", None, until)[0] != 401:
        return LoginAnswer.UNREACHABLE  # it asks for no password, so an accepted login would prove nothing
    password = secret.reveal()
    made_up = _registry_status(host, user, _made_up(password), until)
    if made_up == 200:
        return LoginAnswer.ANY
    if made_up != 401:
        return LoginAnswer.UNREACHABLE
    status = _registry_status(host, user, password, until)
    if status == 200:
        return LoginAnswer.ACCEPTED
    return LoginAnswer.REFUSED if status == 401 else LoginAnswer.UNREACHABLE


def _registry_status(host: str, user: str, password: str, until: float) -> int:
    """The status that ends one login: 200, 401, or another that tells nothing."""
    import base64

    basic = "Basic " + base64.b64encode(f"{user}:{password}".encode("utf-8", "surrogatepass")).decode()
    status, challenge = _get(host, "/v2/", basic, until)
    if status != 401 or challenge.split(" ", 1)[0].lower() != "bearer":
        return status
    try:
        service_host, path = _token_service(host, user, challenge)
    except ValueError:  # a challenge or an address that cannot be read
        return 0
    return _get(service_host, path, basic, until)[0]


def _token_service(host: str, user: str, challenge: str) -> tuple[str, str]:
    """Host and path of the token service that a challenge names. Raises: ValueError for all but the registry's own."""
    from urllib.parse import quote, urlencode, urlsplit

    fields = dict(re.findall(r'([A-Za-z]{1,20})="([^"\\]{0,2000})"', challenge))
    realm = urlsplit(fields.get("realm", ""))
    if realm.scheme != "https" or not realm.hostname or realm.hostname != urlsplit(f"//{host}").hostname:
        raise ValueError("not the registry's own token service")
    name = f"[{realm.hostname}]" if ":" in realm.hostname else realm.hostname
    query = urlencode({"service": fields.get("service", ""), "account": user})
    return f"{name}:{realm.port or 443}", f"{quote(realm.path, safe='/%')}?{query}"


def _get(host: str, path: str, authorization: str | None, until: float) -> tuple[int, str]:
    """Status and challenge of one GET; status 0 if there was no readable answer in time."""
    from contextlib import suppress
    from http.client import HTTPConnection, HTTPException, HTTPSConnection
    from threading import Timer

    left = until - time.monotonic()
    if left <= 0:
        return 0, ""
    plain = is_loopback(host.rsplit(":", 1)[0])
    alarm: Timer | None = None
    connection: HTTPConnection | None = None
    try:
        connection = (HTTPConnection if plain else HTTPSConnection)(host, timeout=left)
        connection.connect()
        opened = connection.sock

        def hang_up() -> None:
            with suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)

        # The time-out begins again with each byte: a server that sends slowly could keep keyturn waiting for ever.
        alarm = Timer(max(0.0, until - time.monotonic()), hang_up)
        alarm.daemon = True
        alarm.start()
        connection.request("GET", path, headers={"Authorization": authorization} if authorization else {})
        answer = connection.getresponse()
        return answer.status, str(answer.headers.get("Www-Authenticate", ""))
    except (*_UNUSABLE, HTTPException):
        return 0, ""
    finally:
        if alarm is not None:
            alarm.cancel()
        if connection is not None:
            connection.close()
