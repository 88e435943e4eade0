"""TLS as the vendors' own clients speak it: which certificates are taken, and what is said of the others."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from shared.clouds.alibaba.session import AlibabaSession
from shared.clouds.assumed_roles import assumed
from shared.clouds.remote_store import RemoteStore
from shared.clouds.session import Session
from shared.clouds.tencent.session import TencentSession
from shared.handlers.adapters import open_queue
from shared.queues.port import QueueAccess, QueueCertificateRefused, QueueMessage, QueueTimeout, QueueUnavailable
from shared.runtime.cloud_access import CloudAccess
from shared.runtime.errors import Ambiguous, ErrorClass, Refused, RetryLater
from tests.cloud.server.certificates import CertificateAuthority, ca_file, self_signed_context
from tests.clouds.scripted import raised
from tests.support import tls_server
from tests.support.tls_server import TlsServer, access_to, answers, serving

_DAY = timedelta(days=1)
QUEUES = ["ckafka://ap-guangzhou/datahub-demo01", "smq://1000000000000001.mns.cn-hangzhou.aliyuncs.com/q"]


@pytest.fixture(scope="module")
def authority() -> CertificateAuthority:
    return CertificateAuthority()


@pytest.fixture(scope="module")
def trusted(authority: CertificateAuthority) -> Iterator[str]:
    """The file that trusts the authority and nobody else."""
    with ca_file(authority) as path:
        yield str(path)


def tencent(access: CloudAccess) -> Session:
    def client_class() -> Any:
        from tencentcloud.redis.v20180412.redis_client import RedisClient

        return RedisClient

    return TencentSession(access, "ap-guangzhou", "domestic", "redis", client_class)


def alibaba(access: CloudAccess) -> Session:
    return AlibabaSession(access, "cn-hangzhou")


SESSIONS = pytest.mark.parametrize("session_of", [tencent, alibaba])
SessionOf = Callable[[CloudAccess], Session]


def bad(kind: str, authority: CertificateAuthority) -> ssl.SSLContext:
    """What a server shows that must not be trusted."""
    return {
        "another authority's": lambda: CertificateAuthority().server_context(),
        "expired": lambda: authority.server_context(begins_in=-2 * _DAY, ends_in=-_DAY),
        "not valid yet": lambda: authority.server_context(begins_in=_DAY, ends_in=2 * _DAY),
        "for another name": lambda: authority.server_context(("redis.tencentcloudapi.com",)),
        "self-signed": self_signed_context,
    }[kind]()


NAMED = pytest.mark.parametrize(
    ("kind", "words"),
    [
        (
            "another authority's",
            "is signed by an authority that is not trusted here: check which server answers at that address",
        ),
        ("expired", "has expired, or its authority's has: check this machine's clock"),
        ("not valid yet", "is not valid yet: check this machine's clock"),
        ("for another name", "is for another name: check which server answers at that address"),
        ("self-signed", "is self-signed: check which server answers at that address"),
    ],
)


@SESSIONS
def test_a_certificate_that_the_file_vouches_for_is_taken(
    session_of: SessionOf, authority: CertificateAuthority, trusted: str
) -> None:
    with serving(answers(authority.server_context())) as server:
        session = session_of(access_to(server, trusted))
        assert session.read("DescribeX", {})["RequestId"] == "r-1"
        assert session.change("ModifyX", {"A": "1"}, {"Password": "p"})["RequestId"] == "r-1"
        assert (server.connections, len(server.requests)) == (1, 2)  # which the second call finds open
        assert f"host: localhost:{server.port}\r\n".encode() in server.requests[0].lower()


@NAMED
@SESSIONS
def test_any_other_certificate_is_refused_once_and_named_before_anything_is_sent(
    session_of: SessionOf, kind: str, words: str, authority: CertificateAuthority, trusted: str
) -> None:
    with serving(answers(bad(kind, authority))) as server:
        session = session_of(access_to(server, trusted))
        for call in (lambda: session.read("DescribeX", {}), lambda: session.change("ModifyX", {}, {"Password": "p"})):
            error = raised(Refused, call)
            assert (error.error_class, error.code, error.retryable) == (ErrorClass.FAILED, "CertificateRefused", False)
            assert f"X was not sent: the certificate of localhost {words}" in error.message
        assert (server.connections, server.requests) == (2, [])


@NAMED
@pytest.mark.parametrize("url", QUEUES)
def test_a_queue_s_certificate_that_is_refused_is_named_and_no_message_leaves(
    url: str, kind: str, words: str, authority: CertificateAuthority, trusted: str
) -> None:
    with serving(answers(bad(kind, authority))) as server:
        queue = opened(url, server, trusted)
        with pytest.raises(QueueCertificateRefused, match=f"certificate of localhost {words}") as caught:
            queue.send(QueueMessage("m-1", "t", "k", "{}"), timeout_s=3)
        assert (caught.value.maybe, server.connections, server.requests) == (False, 1, [])


def opened(url: str, server: TlsServer, trusted: str | None) -> Any:
    access = access_to(server, trusted)
    return open_queue(url, access=QueueAccess(lambda _: access.keys, lambda _: server.endpoint, ca_file=trusted))


@SESSIONS
@pytest.mark.parametrize("elsewhere", ["other file", "the system's set"])
def test_a_file_is_trusted_instead_of_all_others_not_beside_them(
    session_of: SessionOf,
    elsewhere: str,
    authority: CertificateAuthority,
    trusted: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serving(answers(authority.server_context())) as server, ca_file(CertificateAuthority()) as other:
        if elsewhere == "the system's set":
            monkeypatch.setenv("SSL_CERT_FILE", trusted)
        else:
            assert session_of(access_to(server, trusted)).read("DescribeX", {})["RequestId"] == "r-1"
        error = raised(Refused, lambda: session_of(access_to(server, str(other))).read("DescribeX", {}))
        assert error.code == "CertificateRefused"
        assert "not trusted here" in error.message
        if elsewhere == "other file":  # and the first one still is, over its own connection
            assert session_of(access_to(server, trusted)).read("DescribeX", {})["RequestId"] == "r-1"


@SESSIONS
def test_without_a_file_the_built_in_set_decides(session_of: SessionOf, authority: CertificateAuthority) -> None:
    with serving(answers(authority.server_context())) as server:
        error = raised(Refused, lambda: session_of(access_to(server, None)).read("DescribeX", {}))
        assert (error.code, server.requests) == ("CertificateRefused", [])


# --- TLS that does not come about for other reasons


@pytest.mark.parametrize(
    ("serve", "why"),
    [
        (tls_server.speaks_plainly, "WRONG_VERSION_NUMBER"),
        (tls_server.hangs_up, ""),
        (tls_server.says_nothing, "timeout|TimeoutError"),
    ],
)
@SESSIONS
def test_a_handshake_that_fails_is_a_call_that_never_left(
    session_of: SessionOf, serve: tls_server.Serve, why: str, trusted: str
) -> None:
    with serving(serve) as server:
        error = raised(RetryLater, lambda: session_of(access_to(server, trusted))._send("ModifyX", {}, {}, 0.5))
        assert (error.error_class, error.code) == (ErrorClass.UNAVAILABLE, "NoConnection")
        assert error.message.startswith("ModifyX was not sent, TLS with localhost failed (")
        assert any(word in error.message for word in why.split("|"))
        assert server.connections == 1


@SESSIONS
@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", bytes(20)])
def test_tls_that_fails_after_the_handshake_leaves_open_what_happened(
    session_of: SessionOf, sent: bytes, authority: CertificateAuthority, trusted: str
) -> None:
    with serving(tls_server.spoils_answer(authority.server_context(), sent)) as server:
        session = session_of(access_to(server, trusted))
        raised(Ambiguous, lambda: session.change("ModifyX", {}, {"Password": "p"}))
        assert len(server.requests) == 1


@SESSIONS
def test_a_handshake_that_failed_before_the_call_says_nothing_of_it(
    session_of: SessionOf, authority: CertificateAuthority, trusted: str
) -> None:
    with serving(tls_server.spoils_answer(authority.server_context())) as server, serving(tls_server.hangs_up) as other:
        session = session_of(access_to(server, trusted))
        place = urlsplit(other.endpoint)
        try:
            with socket.create_connection((place.hostname, place.port or 0)) as plain:
                ssl.create_default_context().wrap_socket(plain, server_hostname="localhost")
        except OSError:  # whoever handles it makes a call
            raised(Ambiguous, lambda: session.change("ModifyX", {}, {"Password": "p"}))
        assert len(server.requests) == 1


@pytest.mark.parametrize("url", QUEUES)
def test_a_queue_whose_handshake_fails_was_sent_nothing(
    url: str, authority: CertificateAuthority, trusted: str
) -> None:
    message = QueueMessage("m-1", "t", "k", "{}")
    with serving(tls_server.speaks_plainly) as server:
        with pytest.raises(QueueUnavailable) as caught:
            opened(url, server, trusted).send(message, timeout_s=3)
        assert not caught.value.maybe
    with serving(tls_server.spoils_answer(authority.server_context())) as server:
        with pytest.raises(QueueTimeout) as lost:
            opened(url, server, trusted).send(message, timeout_s=3)
        assert (lost.value.maybe, len(server.requests)) == (True, 1)


# --- what says the same where a call is made for something else


def test_a_store_says_so_of_the_certificate_and_not_of_its_secret(
    authority: CertificateAuthority, trusted: str
) -> None:
    with serving(answers(self_signed_context())) as server:
        store = RemoteStore("ssm://one", tencent(access_to(server, trusted)))
        error = raised(Refused, lambda: store._call("GetSecretValue", SecretName="one"))
        assert error.code == "CertificateRefused"
        assert error.message.startswith("ssm://one: GetSecretValue ended with CertificateRefused: ")
        assert "the certificate of localhost is self-signed" in error.message
        assert "does not accept" not in error.message


@pytest.mark.parametrize(
    ("cloud", "region", "role"),
    [
        ("tencent", "ap-guangzhou", "qcs::cam::uin/100000000002:roleName/keyturn"),
        ("alibaba", "cn-hangzhou", "acs:ram::2000000000000002:role/keyturn"),
    ],
)
def test_a_role_that_sts_s_certificate_keeps_away_is_not_called_forbidden(
    cloud: str, region: str, role: str, trusted: str
) -> None:
    with serving(answers(self_signed_context())) as server:
        error = raised(Refused, lambda: assumed(access_to(server, trusted), cloud, region, role, "f"))
        assert (error.error_class, error.code) == (ErrorClass.FAILED, "CertificateRefused")
        assert server.connections == 1
