"""What each cloud's session gives its client, and what it makes of the client's answers and failures."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Iterator
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from shared.clouds.alibaba.kms import KmsSession
from shared.clouds.alibaba.session import AlibabaSession
from shared.clouds.error_classification import never_sent
from shared.clouds.tencent import session as session_module
from shared.clouds.tencent.session import TencentSession, host
from shared.runtime.cloud_access import CloudAccess, RoleKeys
from shared.runtime.deadline import Deadline
from shared.runtime.errors import Ambiguous, ErrorClass, KeyturnError, OldSecretRefused, Refused, RetryLater
from shared.runtime.secret import Secret
from tests.clouds.scripted import CALLS_PER_S, raised

_SERVICES = count()


class Coded(Exception):
    """A failure as both vendors' clients raise it: a code and more, as attributes."""

    def __init__(self, **attributes: object) -> None:
        super().__init__("text of a vendor, with a secret in it")
        self.__dict__.update(attributes)


class NewConnectionError(Exception):
    """As urllib3 names it: no connection came about."""


def through(endpoint: str | None = None, token: str | None = None) -> CloudAccess:
    keys = RoleKeys("key-id", Secret("role-key-of-a-test"), Secret(token) if token else None)
    return CloudAccess(keys, endpoint, CALLS_PER_S, Deadline(1e12))


# --- Tencent


class TencentClient:
    """In the place of the product's client: answers from a list."""

    def __init__(self, credential: Any, region: str, profile: Any) -> None:
        self.region, self.profile, self.credential = region, profile, credential
        self.request = SimpleNamespace(conn=SimpleNamespace(timeout=None, _session=requests.Session()))
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.answer: Any = {"Response": {"RequestId": "r"}}

    def call_json(self, action: str, parameters: dict[str, Any]) -> Any:
        self.calls.append((action, parameters))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def tencent(
    answer: Any = None, endpoint: str | None = None, token: str | None = None
) -> tuple[TencentSession, list[Any]]:
    """A session of a service of its own, and the clients that it made."""
    made: list[Any] = []

    def client(*how: Any) -> TencentClient:
        made.append(TencentClient(*how))
        if answer is not None:
            made[-1].answer = answer
        return made[-1]  # type: ignore[no-any-return]

    service = f"test{next(_SERVICES)}"
    return TencentSession(through(endpoint, token), "ap-guangzhou", "domestic", service, lambda: client), made


@pytest.mark.parametrize(
    ("region", "site", "expected"),
    [
        ("ap-guangzhou", "domestic", "redis.tencentcloudapi.com"),
        ("ap-guangzhou", "intl", "redis.intl.tencentcloudapi.com"),
        ("ap-shanghai-fsi", "domestic", "redis.ap-shanghai-fsi.tencentcloudapi.com"),
        ("ap-shanghai-fsi", "intl", "redis.ap-shanghai-fsi.tencentcloudapi.com"),
    ],
)
def test_a_service_has_a_host_for_each_site_and_financial_zone(region: str, site: str, expected: str) -> None:
    assert host("redis", region, site) == expected


@pytest.mark.parametrize(
    ("endpoint", "protocol", "has_host", "proxy"),
    [
        (None, "https", True, None),
        ("https://10.0.0.1:1", "https", False, None),
        ("http://127.0.0.1:1", "http", True, "http://127.0.0.1:1"),
    ],
)
def test_where_tencents_client_connects(endpoint: str | None, protocol: str, has_host: bool, proxy: str | None) -> None:
    session, made = tencent(endpoint=endpoint)
    session.read("DescribeX", {"A": 1})
    profile = made[0].profile
    http = profile.httpProfile
    assert (http.endpoint, http.proxy) == (session._host if has_host else "10.0.0.1:1", proxy)
    assert http.protocol.removesuffix("://") == protocol
    assert (profile.signMethod, profile.language, made[0].region) == ("TC3-HMAC-SHA256", "en-US", "ap-guangzhou")


@pytest.mark.parametrize("token", [None, "role-token-of-a-test"])
def test_each_call_has_the_keys_of_this_invocation_and_its_time(token: str | None) -> None:
    session, made = tencent(token=token)
    session.change("ModifyX", {"A": 1}, {"Password": "p"})
    session.read("DescribeX", {"B": 2})
    (client,) = made  # an idle client is used again
    assert client.calls == [("ModifyX", {"A": 1, "Password": "p"}), ("DescribeX", {"B": 2})]
    keys = client.credential
    assert (keys.secret_id, keys.secret_key, keys.token) == ("key-id", "role-key-of-a-test", token)
    assert client.request.conn.timeout == (3.0, 5.0)


def test_a_client_serves_every_region_of_its_host_and_looks_for_no_proxy_and_no_netrc() -> None:
    session, made = tencent()
    session.read("DescribeX", {})
    other = TencentSession(through(), "ap-tokyo", "domestic", session._service, session._client_class)
    other.read("DescribeX", {})
    (client,) = made
    assert client.region == "ap-tokyo"
    assert client.request.conn._session.trust_env is False


def test_a_client_whose_call_was_answered_with_an_error_keeps_its_connection() -> None:
    error = Coded(code="ResourceNotFound.X", requestId="r")
    session, made = tencent(error)
    for _ in range(2):
        with pytest.raises(KeyturnError):
            session.read("DescribeX", {})
    assert len(made) == 1


def test_a_client_that_failed_is_not_used_again() -> None:
    session, made = tencent(Coded(code="ClientNetworkError"))
    for _ in range(2):
        raised(Ambiguous, lambda: session.change("ModifyX", {}))
    assert [len(client.calls) for client in made] == [1, 1]


@pytest.mark.parametrize(
    ("failure", "kind", "code", "request_id"),
    [
        (Coded(code="AuthFailure", requestId="r-1"), Refused, "AuthFailure", "r-1"),
        (Coded(code="RequestLimitExceeded.X", requestId="r-1"), RetryLater, "RequestLimitExceeded.X", "r-1"),
        (Coded(code="InternalError", requestId="r-1"), Ambiguous, "InternalError", "r-1"),
        (Coded(code="AuthFailure", requestId=None), Ambiguous, "AuthFailure", None),
        (Coded(code="ClientNetworkError", requestId="r-1"), Ambiguous, "ClientNetworkError", None),
        (Coded(code="ServerNetworkError", requestId="r-1"), Ambiguous, "ServerNetworkError", None),
        (Coded(code="ClientError", requestId="r-1"), Ambiguous, "ClientError", None),
        (Coded(code="ClientParamsError", requestId="r-1"), Ambiguous, "ClientParamsError", None),
        (Coded(code="a code with spaces"), Ambiguous, "UnreadableCode", None),
        (Coded(code=5, requestId="r-1"), Ambiguous, "UnreadableCode", None),
        (ValueError("x"), Ambiguous, "ValueError", None),
        (NewConnectionError("x"), RetryLater, "NoConnection", None),
        (Coded(code="ClientNetworkError", reason=NewConnectionError()), RetryLater, "NoConnection", None),
    ],
)
def test_what_a_failure_of_tencents_client_means(
    failure: Exception, kind: type[KeyturnError], code: str, request_id: str | None
) -> None:
    session, _ = tencent(failure)
    error = raised(kind, lambda: session._send("ModifyX", {}, {}, 1.0))
    assert (error.code, error.request_id) == (code, request_id)
    assert "secret in it" not in str(error)


@pytest.mark.parametrize(
    ("envelope", "kind", "code", "request_id"),
    [
        ({}, Ambiguous, "NoResponse", None),
        ([], Ambiguous, "NoResponse", None),
        ({"Response": None}, Ambiguous, "NoResponse", None),
        ({"Response": {"Error": {"Code": "AuthFailure"}, "RequestId": "r"}}, Refused, "AuthFailure", "r"),
        ({"Response": {"Error": {"Code": "AuthFailure"}, "RequestId": 5}}, Refused, "AuthFailure", None),
        ({"Response": {"Error": {}, "RequestId": "r"}}, Ambiguous, "UnreadableCode", "r"),
    ],
)
def test_an_answer_of_tencent_that_holds_an_error_is_one(
    envelope: Any, kind: type[KeyturnError], code: str, request_id: str | None
) -> None:
    session, _ = tencent(envelope if envelope != {} else {"No": "response"})
    error = raised(kind, lambda: session._send("ModifyX", {}, {}, 1.0))
    assert (error.code, error.request_id) == (code, request_id)


def test_a_client_that_is_loaded_before_a_change_is_the_one_that_makes_it() -> None:
    session, made = tencent()
    session._load()
    session.change("ModifyX", {})
    assert len(made) == 1


# --- Alibaba


class AlibabaClient:
    """In the place of the product's client: answers from a list."""

    def __init__(self, config: Any, answer: Any) -> None:
        self.config, self.answer = config, answer
        self.calls: list[tuple[Any, Any, Any]] = []

    def call_api(self, params: Any, request: Any, runtime: Any) -> Any:
        self.calls.append((params, request, runtime))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Alibaba(AlibabaSession):
    answer: Any = {"body": {"RequestId": "r"}, "statusCode": 200}

    def _made(self, sdk: SimpleNamespace, config: Any) -> Any:
        self.client = AlibabaClient(config, self.answer)
        return self.client


class Kms(KmsSession):
    def _made(self, sdk: SimpleNamespace, config: Any) -> Any:
        made = super()._made(SimpleNamespace(CoreClient=lambda config: config), config)
        self.client = AlibabaClient(made, {"body": {"RequestId": "r"}, "statusCode": 200})
        return self.client


@pytest.mark.parametrize(
    ("endpoint", "protocol", "where", "proxy"),
    [
        (None, "HTTPS", None, None),
        ("https://10.0.0.1:1", "HTTPS", "10.0.0.1:1", None),
        ("http://127.0.0.1:1", "HTTP", None, "http://127.0.0.1:1"),
    ],
)
@pytest.mark.parametrize("token", [None, "role-token-of-a-test"])
def test_where_alibabas_client_connects_and_with_whose_keys(
    endpoint: str | None, protocol: str, where: str | None, proxy: str | None, token: str | None
) -> None:
    session = Alibaba(through(endpoint, token), "cn-hangzhou")
    assert session.change("ModifyX", {"A": "1"}, {"Password": "p"}) == {"RequestId": "r"}
    config = session.client.config
    assert (config.protocol, config.endpoint, config.http_proxy) == (protocol, where, proxy)
    assert (config.access_key_id, config.access_key_secret) == ("key-id", "role-key-of-a-test")
    assert (config.security_token, config.region_id) == (token, "cn-hangzhou")


def test_a_secret_of_alibaba_travels_in_the_body() -> None:
    session = Alibaba(through(), "cn-hangzhou")
    session.change("ModifyX", {"A": "1"}, {"Password": "p"})
    ((params, request, runtime),) = session.client.calls
    assert (request.query, request.body) == ({"A": "1"}, {"Password": "p"})
    assert (params.action, params.version, params.style) == ("ModifyX", "2015-01-01", "RPC")
    assert (params.protocol, params.pathname, params.method) == ("HTTPS", "/", "POST")
    assert (params.auth_type, params.req_body_type, params.body_type) == ("AK", "formData", "json")
    assert (runtime.connect_timeout, runtime.read_timeout) == (3000, 10000)
    session.read("DescribeX", {})
    ((_, request, runtime),) = session.client.calls
    assert request.body is None
    assert (runtime.connect_timeout, runtime.read_timeout) == (3000, 5000)
    session._send("DescribeX", {}, {}, 0.5)
    ((_, _, runtime),) = session.client.calls
    assert (runtime.connect_timeout, runtime.read_timeout) == (500, 500)


@pytest.mark.parametrize("endpoint", [None, "https://10.0.0.1:1"])
def test_a_secret_of_kms_travels_in_the_body_whoever_makes_the_call(endpoint: str | None) -> None:
    session = Kms(through(endpoint), "cn-beijing")
    ids = {"SecretName": "one", "SecretData": "p"}
    session.read("PutSecretValue", ids)
    ((params, request, _),) = session.client.calls
    assert (params.version, request.query, request.body) == ("2016-01-20", {"SecretName": "one"}, {"SecretData": "p"})
    assert session.client.config.endpoint == ("10.0.0.1:1" if endpoint else "kms.cn-beijing.aliyuncs.com")
    assert ids == {"SecretName": "one", "SecretData": "p"}
    session.read("GetSecretValue", {"SecretName": "one"})
    assert session.client.calls[0][1].body is None


@pytest.mark.parametrize(
    ("failure", "kind", "code", "request_id"),
    [
        (Coded(code="Forbidden.RAM", status_code=403, request_id="r-1"), Refused, "Forbidden.RAM", "r-1"),
        (Coded(code="Forbidden.RAM", status_code=403, request_id=5), Refused, "Forbidden.RAM", None),
        (Coded(code="Throttling.User", status_code=400), RetryLater, "Throttling.User", None),
        (Coded(code="Throttling.User", status_code=503), Ambiguous, "Throttling.User", None),
        (Coded(code="InvalidOldPassword", status_code=400), OldSecretRefused, "InvalidOldPassword", None),
        (Coded(code="Forbidden.RAM", request_id="r-1"), Ambiguous, "Coded", None),
        (Coded(code="Forbidden.RAM", status_code="403"), Ambiguous, "Coded", None),
        (NewConnectionError("x"), RetryLater, "NoConnection", None),
        (Coded(inner_exception=NewConnectionError()), RetryLater, "NoConnection", None),
        (ValueError("x"), Ambiguous, "ValueError", None),
    ],
)
def test_what_a_failure_of_alibabas_client_means(
    failure: Exception, kind: type[KeyturnError], code: str, request_id: str | None
) -> None:
    session = Alibaba(through(), "cn-hangzhou")
    session.answer = failure
    error = raised(kind, lambda: session._send("ModifyX", {}, {}, 1.0))
    assert (error.code, error.request_id) == (code, request_id)
    assert error.error_class is not ErrorClass.UNAVAILABLE or code == "NoConnection"
    assert "secret in it" not in str(error)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        {},
        *({"body": body, "statusCode": 200} for body in (None, "text", {}, {"RequestId": 5})),
        {"body": {"RequestId": "r"}, "statusCode": 307},
    ],
)
def test_an_answer_of_alibaba_without_a_request_id_proves_nothing(answer: Any) -> None:
    session = Alibaba(through(), "cn-hangzhou")
    session.answer = answer
    assert raised(Ambiguous, lambda: session._send("ModifyX", {}, {}, 1.0)).code == "NoRequestId"


# --- logs


@pytest.fixture
def bare_logs() -> Iterator[None]:
    """Logs as Python makes them, until the test has ended."""
    guarded = logging.getLogRecordFactory()
    logging.setLogRecordFactory(logging.LogRecord)
    yield
    logging.setLogRecordFactory(guarded)


@pytest.mark.usefixtures("bare_logs")
@pytest.mark.parametrize("cloud", ["tencent", "alibaba"])
def test_a_call_guards_the_logs_before_a_client_can_write_any(cloud: str) -> None:
    secret = Secret("a-secret-of-this-test")
    session = tencent()[0] if cloud == "tencent" else Alibaba(through(), "cn-hangzhou")
    session.read("DescribeX", {})
    factory = logging.getLogRecordFactory()
    told = factory("sdk", logging.INFO, "", 0, "sent %s", (secret.reveal(),), None)
    assert secret.reveal() not in told.getMessage()


def test_a_connection_that_fails_takes_those_that_rest_along() -> None:
    """A network that forgot one of them, while the instance was frozen, has forgotten the others."""
    session, made = tencent()
    for client in [session._client(session._key) for _ in range(6)]:
        session_module._keep(session._key, client)
    made[-1].answer = Coded(code="ClientNetworkError")
    raised(Ambiguous, lambda: session._send("DescribeX", {}, {}, 1.0))
    session._send("DescribeX", {}, {}, 1.0)
    assert [len(client.calls) for client in made] == [0, 0, 0, 0, 0, 1, 1]


# --- a call that never left


def _named(name: str) -> Callable[[], Exception]:
    return type(name, (Exception,), {})


@pytest.mark.parametrize(
    "name",
    [
        "NewConnectionError",
        "NameResolutionError",
        "ConnectTimeoutError",
        "ConnectTimeout",
        "ConnectionRefusedError",
        "gaierror",
    ],
)
def test_a_connection_that_did_not_come_about_is_found_wherever_a_client_nests_it(name: str) -> None:
    cause = _named(name)()
    outer = ValueError("x")
    outer.__cause__ = cause
    context = ValueError("x")
    context.__context__ = cause
    nested: list[BaseException] = [cause, outer, context, ValueError(cause), Coded(reason=cause), Coded(reason=outer)]
    assert all(never_sent(one) for one in [*nested, Coded(inner_exception=context)])


def test_nothing_else_proves_that_a_call_never_left() -> None:
    ring = ValueError("x")
    ring.__context__ = ring.__cause__ = ValueError(ring)
    ours = RetryLater(ErrorClass.UNAVAILABLE, "x")
    ours.__cause__ = NewConnectionError()  # of the call before
    later = ValueError("x")
    later.__context__ = ours
    renegotiated = ssl.SSLCertVerificationError("while an answer is read, TLS 1.2 may be agreed on anew")
    unlike = (TimeoutError(), ConnectionResetError(), ValueError("gaierror"), Coded(reason="gaierror"))
    for one in (ring, later, renegotiated, *unlike):
        assert not never_sent(one), one
