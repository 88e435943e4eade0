"""A login proves something only against a server that also refuses, and nothing that a server sends raises."""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from shared.changes.credential import LoginAnswer
from shared.changes.login import (
    Address,
    LoginForm,
    _made_up,
    _token_service,
    redis_login,
    registry_login,
    tair_forms,
    tencent_forms,
)
from shared.runtime.secret import Secret
from tests.conftest import ACCOUNT, PASSWORD, REGISTRY, TAIR, House, outcome

REAL = "Real-Passw0rd1"
NO, YES = b"-WRONGPASS invalid username-password pair or user is disabled.\r\n", b"+OK\r\n"
ARITY = b"-ERR wrong number of arguments for 'auth' command\r\n"
UNSET = b"-ERR AUTH <password> called without any password configured for the default user.\r\n"
A, B = LoginForm(("app:{password}",)), LoginForm(("app", "{password}"))

Answer = Callable[[list[str]], bytes | None]


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server on loopback that gives each connection to `serve`, one after the other."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection, suppress(OSError, ValueError):
                    serve(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            server.close()
            thread.join()


@contextmanager
def redis(answer: Answer, asked: list[list[str]] | None = None) -> Iterator[Address]:
    """A server that gives each AUTH what `answer` says to its arguments; None: it hangs up."""

    def serve(connection: socket.socket) -> None:
        with connection.makefile("rb") as lines:
            while head := lines.readline():
                words = [lines.read(int(lines.readline()[1:]) + 2)[:-2].decode() for _ in range(int(head[1:]))]
                if asked is not None:
                    asked.append(words[1:])
                said = answer(words[1:])
                if said is None:
                    return
                connection.sendall(said)

    with listening(serve) as port:
        yield Address("127.0.0.1", port)


def takes(*right: list[str]) -> Answer:
    return lambda words: YES if words in list(right) else NO


def login(answer: Answer, forms: tuple[LoginForm, ...], asked: list[list[str]] | None = None) -> LoginAnswer:
    with redis(answer, asked) as address:
        return redis_login(address, forms, Secret(REAL), 5.0)


def test_a_secret_that_is_taken_where_a_made_up_one_is_refused_is_accepted() -> None:
    asked: list[list[str]] = []
    assert login(takes(["app", REAL]), (A, B), asked) is LoginAnswer.ACCEPTED
    # Each form is first asked with a made-up password, of the same length and classes.
    assert [len(words) for words in asked] == [1, 1, 2, 2]
    assert asked[1] == [f"app:{REAL}"]
    assert asked[3] == ["app", REAL]
    assert asked[0] != asked[1]
    assert asked[2] != asked[3]
    assert len(asked[0][0]) == len(asked[1][0])


@pytest.mark.parametrize("forms", [(A,), (B,), (A, B)])
def test_a_server_that_takes_any_password_proves_nothing(forms: tuple[LoginForm, ...]) -> None:
    assert login(lambda _: YES, forms) is LoginAnswer.ANY


def test_a_form_that_takes_anything_does_not_spoil_the_proof_by_another() -> None:
    def answer(words: list[str]) -> bytes:
        return YES if len(words) == 1 else takes(["app", REAL])(words) or NO

    assert login(answer, (A, B)) is LoginAnswer.ACCEPTED
    assert login(lambda words: YES if len(words) == 1 else NO, (A, B)) is LoginAnswer.ANY


def test_a_refusal_in_every_form_is_one() -> None:
    assert login(lambda _: NO, (A, B)) is LoginAnswer.REFUSED


@pytest.mark.parametrize("other", [ARITY, UNSET])
def test_a_form_that_the_server_does_not_know_is_passed_over(other: bytes) -> None:
    only = takes([f"app:{REAL}"])
    assert login(lambda w: only(w) if len(w) == 1 else other, (B, A)) is LoginAnswer.ACCEPTED
    assert login(lambda w: NO if len(w) == 1 else other, (B, A)) is LoginAnswer.REFUSED
    assert login(lambda _: other, (B, A)) is LoginAnswer.UNREACHABLE


def test_only_a_documented_form_can_be_refused() -> None:
    undocumented = LoginForm(("app", "{password}"), documented=False)
    assert login(lambda w: NO if len(w) == 2 else UNSET, (A, undocumented)) is LoginAnswer.UNREACHABLE
    assert login(takes(["app", REAL]), (undocumented,)) is LoginAnswer.ACCEPTED


def test_a_refusal_beside_a_form_that_got_no_answer_is_none() -> None:
    loading = b"-LOADING Redis is loading the dataset in memory\r\n"
    assert login(lambda w: loading if len(w) == 1 else NO, (A, B)) is LoginAnswer.UNREACHABLE


def test_a_server_that_hangs_up_after_each_refusal_is_dialled_again() -> None:
    def serve(connection: socket.socket) -> None:
        raw = connection.recv(500)
        connection.sendall(YES if REAL.encode() in raw else NO)

    with listening(serve) as port:
        assert redis_login(Address("127.0.0.1", port), (A,), Secret(REAL), 5.0) is LoginAnswer.ACCEPTED


@pytest.mark.parametrize(
    "said",
    [
        None,
        b"",
        b"\r\n",
        b"-LOADING\r\n",
        b"-WRONGPASS no\n",
        b"-WRONGPASS no",
        b"-WRONGPASS" + b"x" * 600 + b"\r\n",
        b"-WRONGPASS\r\n+OK\r\n",
        b"+OK\r\n+OK\r\n",
        b"+OKAY\r\n",
        b"*1\r\n$2\r\nOK\r\n",
        b"\xff\xfe-WRONGPASS\r\n",
        b"-\xc3\x28\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
    ],
)
def test_what_is_no_answer_of_redis_is_unreachable(said: bytes | None) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(500)
        if said is not None:
            connection.sendall(said)

    with listening(serve) as port:
        assert redis_login(Address("127.0.0.1", port), (A, B), Secret(REAL), 1.0) is LoginAnswer.UNREACHABLE


def test_a_server_that_sends_a_byte_now_and_then_keeps_nobody_beyond_the_time_out() -> None:
    now = [0.0]

    def clock() -> float:
        now[0] += 0.4  # the time that each byte takes
        return now[0]

    def serve(connection: socket.socket) -> None:
        connection.recv(500)
        for _ in range(400):
            connection.sendall(b"-")

    with listening(serve) as port:
        assert redis_login(Address("127.0.0.1", port), (A,), Secret(REAL), 5.0, clock) is LoginAnswer.UNREACHABLE
    assert now[0] < 20.0


@pytest.mark.parametrize("host", ["", "a..b", "x" * 300, "127.0.0.1\x00", "\ud800", "[::1"])
@pytest.mark.parametrize("port", [1, 70000, -1])
@pytest.mark.parametrize("tls", [False, True])
def test_an_address_that_cannot_be_dialled_is_unreachable(host: str, port: int, tls: bool) -> None:
    assert redis_login(Address(host, port, tls), (A,), Secret(REAL), 1.0) is LoginAnswer.UNREACHABLE


def test_a_server_without_tls_is_unreachable_by_tls() -> None:
    with redis(takes([f"app:{REAL}"])) as address:
        tls = Address(address.host, address.port, tls=True)
        assert redis_login(tls, (A,), Secret(REAL), 2.0) is LoginAnswer.UNREACHABLE


@pytest.mark.parametrize("password", ["a", "-", "--------", REAL, "éß漢字", "\ud800", "0"])
def test_a_made_up_password_is_another_of_the_same_kind(password: str) -> None:
    for _ in range(50):
        made = _made_up(password)
        assert made != password
        assert len(made) == len(password)
        for kind in (str.islower, str.isupper, str.isdigit):
            assert sum(map(kind, made)) == sum(kind(one) for one in password if one.isascii())


def words(forms: tuple[LoginForm, ...]) -> list[tuple[str, ...]]:
    return [form.words for form in forms]


def test_the_forms_are_the_documented_ones_in_their_order() -> None:
    assert words(tencent_forms("root", "crs-1")) == [("{password}",), ("crs-1:{password}",)]
    assert words(tencent_forms("app", "crs-1")) == [("app@{password}",), ("app", "{password}")]
    assert [form.documented for form in tencent_forms("app", "crs-1")] == [True, False]
    assert words(tair_forms("app", "r-1")) == [("app:{password}",), ("app", "{password}")]
    for own in ("default", "r-1"):
        assert words(tair_forms(own, "r-1")) == [(own + ":{password}",), (own, "{password}"), ("{password}",)]


@pytest.mark.parametrize("function", [ACCOUNT, PASSWORD, TAIR, REGISTRY])
def test_the_stand_ins_real_servers_are_proved_by_login(house: House, function: str) -> None:
    from tests.support.commands import VALID_COMMANDS

    assert outcome(house.send(function, {**VALID_COMMANDS[function], "Login": True})) == "changed"


# --- registries


@contextmanager
def registry(answer: Callable[[str, str], bytes]) -> Iterator[str]:
    """A registry that answers a request line and the password that it carries; raw bytes."""

    def serve(connection: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            more = connection.recv(4096)
            if not more:
                return
            head += more
        text = head.decode("latin-1")
        password = ""
        for line in text.split("\r\n"):
            if line.lower().startswith("authorization: basic "):
                password = base64.b64decode(line.split(" ", 2)[2]).decode().partition(":")[2]
        connection.sendall(answer(text.split("\r\n", 1)[0], password))

    with listening(serve) as port:
        yield f"127.0.0.1:{port}"


def http(status: int, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status} X", "Content-Length: 0", "Connection: close", *headers, "", ""]).encode(
        "latin-1"
    )


def registry_says(answer: Callable[[str, str], bytes], timeout_s: float = 3.0) -> LoginAnswer:
    with registry(answer) as host:
        return registry_login(host, "tcr$robot", Secret(REAL), timeout_s)


def test_a_registry_that_tells_passwords_apart_accepts_and_refuses() -> None:
    assert registry_says(lambda _, password: http(200 if password == REAL else 401)) is LoginAnswer.ACCEPTED
    assert registry_says(lambda _, password: http(401)) is LoginAnswer.REFUSED


def test_a_registry_that_takes_any_password_proves_nothing() -> None:
    assert registry_says(lambda _, password: http(200 if password else 401)) is LoginAnswer.ANY


def test_a_registry_that_refuses_the_secret_alone_in_another_way_is_unreachable() -> None:
    assert registry_says(lambda _, password: http(429 if password == REAL else 401)) is LoginAnswer.UNREACHABLE
    assert registry_says(lambda _, password: http(200 if password == REAL else 403)) is LoginAnswer.UNREACHABLE
    assert registry_says(lambda _, password: http(200)) is LoginAnswer.UNREACHABLE


@pytest.mark.parametrize(
    "challenge",
    [
        "Bearer realm",
        "Bearer ",
        "bearer",
        "Bearer =,=,,",
        'Bearer realm="https://[::1/token"',
        'Bearer realm="https://127.0.0.1:99999999/token"',
        'Bearer realm="https://127.0.0.1:port/token"',
        'Bearer realm="http://127.0.0.1/token"',
        'Bearer realm="https://elsewhere.example/token"',
        'Bearer realm="https://127.0.0.1@elsewhere.example/token"',
        'Bearer realm="https://127.0.0.1\\@elsewhere.example/token"',
        'Bearer realm="https:///token"',
        'Bearer realm="https://127.0.0.1:1/to ken\u00e9",service="a b"',
        "Bearer realm=\xff\xfe",
        'Bearer realm="' + "x" * 5000 + '"',
    ],
)
def test_a_challenge_that_cannot_be_used_is_unreachable(challenge: str) -> None:
    answer = http(401, f"Www-Authenticate: {challenge}")
    assert registry_says(lambda *_: answer) is LoginAnswer.UNREACHABLE


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\xff",
        b"HTTP/1.1",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/9.9 401 X\r\n\r\n",
        b"HTTP/1.1 401 X\r\nWww-Authenticate: " + b"x" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 401 X\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 401 X\r\n\xff\xfe: \xff\r\nno colon\r\n\r\n",
        b"HTTP/1.1 100 X\r\n\r\n",
    ],
)
def test_what_is_no_answer_of_a_registry_is_unreachable_or_refused(raw: bytes) -> None:
    assert registry_says(lambda *_: raw, 1.0) in (LoginAnswer.UNREACHABLE, LoginAnswer.REFUSED)


def test_only_the_registrys_own_token_service_is_asked() -> None:
    challenge = 'Bearer realm="https://reg.example:8443/service/token",service="harbor registry"'
    host, path = _token_service("reg.example", "tcr$robot", challenge)
    assert (host, path) == ("reg.example:8443", "/service/token?service=harbor+registry&account=tcr%24robot")
    with pytest.raises(ValueError, match="own"):
        _token_service("reg.example", "u", 'Bearer realm="https://reg.example.evil.example/token"')


@pytest.mark.parametrize("host", ["", "a..b", "127.0.0.1:port", "127.0.0.1:99999", "x y", "\ud800"])
def test_a_domain_that_cannot_be_asked_is_unreachable(host: str) -> None:
    assert registry_login(host, "u", Secret(REAL), 1.0) is LoginAnswer.UNREACHABLE


def test_a_registry_that_sends_for_ever_keeps_nobody_beyond_the_time_out() -> None:
    stop = threading.Event()

    def serve(connection: socket.socket) -> None:
        connection.recv(4096)
        while not stop.is_set():
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    with listening(serve) as port:
        assert registry_login(f"127.0.0.1:{port}", "u", Secret(REAL), 0.3) is LoginAnswer.UNREACHABLE
        stop.set()
