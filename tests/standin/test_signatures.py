"""The signature schemes, against published examples, vectors and requests signed by hand."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import ProxyHandler, Request, build_opener
from uuid import uuid4

import pytest

from tests.cloud.client.standin import Standin
from tests.cloud.wire import signatures
from tests.cloud.wire.http import HttpRequest

OPENER = build_opener(ProxyHandler({}))
VECTOR_KEY = "keyturn-test-secret"
EMPTY = sha256(b"").hexdigest()


@pytest.fixture(scope="module")
def server() -> Iterator[Standin]:
    with Standin() as standin:
        yield standin


@pytest.fixture
def standin(server: Standin) -> Standin:
    server.reset()
    return server


def test_tencents_published_example_gives_its_published_signature() -> None:
    body = rb'{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}'
    headers = {"content-type": "application/json; charset=utf-8", "host": "cvm.tencentcloudapi.com"}
    hashed = signatures.tc3_request("POST", "", headers, ("content-type", "host"), body)
    assert hashed == "5ffe6a04c0664d6b969fab9a13bdab201d63ee709638e2749d62a09ca18d7031"
    key = "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE"
    signature = signatures.tc3_signature(key, "1551113065", "2019-02-25", "cvm", hashed)
    assert signature == "72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168"


def test_a_tc3_vector_made_by_the_vendors_client_verifies() -> None:
    headers = {"content-type": "application/json", "host": "redis.tencentcloudapi.com"}
    hashed = signatures.tc3_request("POST", "", headers, ("content-type", "host"), b'{"TaskId": 104001}')
    assert hashed == "84ed4512aa0ebcbf0c5d65838c9f0c820755f09303bc7230ca9332da466043d3"
    signature = signatures.tc3_signature(VECTOR_KEY, "1767225600", "2026-01-01", "redis", hashed)
    assert signature == "8c9206703ec30cf4ff23b7f4167c9c9493feac4f5ac100597d29decd203fcc69"


def test_an_acs3_vector_made_by_the_vendors_client_verifies() -> None:
    body = b"NewAccountPassword=New_Pass_2&OldAccountPassword=Old_Pass_1"
    headers = {
        "accept": "application/json",
        "content-type": "application/x-www-form-urlencoded",
        "host": "r-kvstore.aliyuncs.com",
        "x-acs-accesskey-id": "STS.example",
        "x-acs-action": "ModifyAccountPassword",
        "x-acs-content-sha256": sha256(body).hexdigest(),
        "x-acs-date": "2026-01-01T00:00:00Z",
        "x-acs-security-token": "token-example",
        "x-acs-signature-nonce": "0123456789abcdef0123456789abcdef",
        "x-acs-version": "2015-01-01",
    }
    query = [("InstanceId", "r-1"), ("AccountName", "app")]
    hashed = signatures.acs3_request("POST", query, headers, sorted(headers))
    assert hashed == "c68137523a955e47479b8d46e03259a9eff99b939db0f324ca77ae9cfa24bea7"
    signature = signatures.acs3_signature(VECTOR_KEY, hashed)
    assert signature == "a913510ff9de1cd60a08c3ef6cb772048f307f153b0530ca52d68c55e5eee6f4"


def test_the_canonical_query_is_percent_encoded_anew() -> None:
    wire = HttpRequest.of("POST", "http://r-kvstore.aliyuncs.com/?B=a+b%2A~&A=%E4%B8%AD", {}, b"")
    assert (wire.path, wire.pairs()) == ("/", [("B", "a b*~"), ("A", "中")])
    assert signatures.percent("a b*~/中") == "a%20b%2A~%2F%E4%B8%AD"


def tc3_headers(standin: Standin, body: bytes, **changed: str) -> dict[str, str]:
    """Headers of a TC3 request, signed with `changed` (`id`, `key`, `date`, `service`, headers) laid over."""
    keys = standin.credentials["tencent"]
    timestamp = changed.pop("x-tc-timestamp", str(int(time.time())))
    date = changed.pop("date", time.strftime("%Y-%m-%d", time.gmtime(int(timestamp))))
    service, id_ = changed.pop("service", "redis"), changed.pop("id", keys["id"])
    key = changed.pop("key", keys["key"])
    headers = {
        "content-type": "application/json",
        "host": "redis.tencentcloudapi.com",
        "x-tc-action": "DescribeInstances",
        "x-tc-version": "2018-04-12",
        "x-tc-region": "ap-guangzhou",
        "x-tc-timestamp": timestamp,
        "x-tc-token": keys["token"],
        **changed,
    }
    hashed = signatures.tc3_request("POST", "", headers, ("content-type", "host"), body)
    signature = signatures.tc3_signature(key, timestamp, date, service, hashed)
    scope = f"{id_}/{date}/{service}/tc3_request"
    headers["authorization"] = (
        f"TC3-HMAC-SHA256 Credential={scope}, SignedHeaders=content-type;host, Signature={signature}"
    )
    return headers


def acs3_headers(standin: Standin, body: bytes, without: str = "", **changed: str) -> dict[str, str]:
    """Headers of an ACS3 request; the one named `without` is left unsigned."""
    keys = standin.credentials["alibaba"]
    id_, key = changed.pop("id", keys["id"]), changed.pop("key", keys["key"])
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "host": "r-kvstore.aliyuncs.com",
        "x-acs-action": "DescribeInstances",
        "x-acs-version": "2015-01-01",
        "x-acs-content-sha256": sha256(body).hexdigest(),
        "x-acs-date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "x-acs-security-token": keys["token"],
        "x-acs-signature-nonce": uuid4().hex,
        **changed,
    }
    signed = sorted(headers.keys() - {without})
    signature = signatures.acs3_signature(key, signatures.acs3_request("POST", [], headers, signed))
    headers["authorization"] = (
        f"ACS3-HMAC-SHA256 Credential={id_},SignedHeaders={';'.join(signed)},Signature={signature}"
    )
    return headers


def post(standin: Standin, headers: Mapping[str, str], body: bytes = b"{}", query: str = "") -> dict[str, Any]:
    """The JSON answer, whatever its status."""
    request = Request(f"{standin.endpoint}/{query}", body, dict(headers), method="POST")
    try:
        with OPENER.open(request, timeout=5) as reply:
            answer: dict[str, Any] = json.load(reply)
    except HTTPError as refusal:
        with refusal:
            answer = json.load(refusal)
    return answer


def tencent_code(answer: dict[str, Any]) -> str:
    """The error code of an answer, an empty string if it is none."""
    return str(answer["Response"].get("Error", {}).get("Code", ""))


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({}, ""),
        ({"host": "127.0.0.1"}, ""),
        ({"host": "127.0.0.1", "service": "127"}, ""),
        ({"key": "another"}, "AuthFailure.SignatureFailure"),
        ({"date": "2020-02-02"}, "AuthFailure.SignatureFailure"),
        ({"service": "tcr"}, "AuthFailure.SignatureFailure"),
        ({"host": "redis.example.com"}, "AuthFailure.SignatureFailure"),
        ({"id": "AKIDSOMEBODY"}, "AuthFailure.SecretIdNotFound"),
        ({"x-tc-token": "another"}, "AuthFailure.TokenFailure"),
        ({"x-tc-token": ""}, "AuthFailure.TokenFailure"),
        ({"x-tc-timestamp": str(int(time.time()) - 4000)}, "AuthFailure.SignatureExpire"),
        ({"x-tc-timestamp": str(int(time.time()) + 4000)}, "AuthFailure.SignatureExpire"),
        ({"x-tc-action": "FlushInstance"}, "InvalidAction"),
        ({"x-tc-version": "2017-03-12"}, "NoSuchVersion"),
        ({"x-tc-region": "ap-nowhere"}, "UnsupportedRegion"),
        ({"x-tc-region": ""}, "MissingParameter"),
        ({"content-type": "text/plain"}, "UnsupportedProtocol"),
    ],
)
def test_tencent_refuses_with_its_own_code(standin: Standin, changed: dict[str, str], code: str) -> None:
    assert tencent_code(post(standin, tc3_headers(standin, b"{}", **changed))) == code
    assert [call["Code"] for call in standin.calls()] == [code]


def test_a_host_signed_as_sent_with_scheme_or_without_port_verifies(standin: Standin) -> None:
    port = standin.endpoint.rpartition(":")[2]
    for signed in (standin.endpoint, f"127.0.0.1:{port}", "127.0.0.1"):
        headers = tc3_headers(standin, b"{}", host=signed)
        sent = {**headers, "host": standin.endpoint if signed == standin.endpoint else f"127.0.0.1:{port}"}
        assert tencent_code(post(standin, sent)) == "", signed


def test_an_unsigned_or_altered_tencent_request_is_refused(standin: Standin) -> None:
    headers = tc3_headers(standin, b"{}")
    assert tencent_code(post(standin, headers, b'{"Limit": 1}')) == "AuthFailure.SignatureFailure"
    assert tencent_code(post(standin, {**headers, "authorization": "TC3"})) == "AuthFailure.InvalidAuthorization"
    del headers["authorization"]
    assert tencent_code(post(standin, headers)) == "AuthFailure.InvalidAuthorization"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({}, None),
        ({"host": "127.0.0.1"}, None),
        ({"key": "another"}, "SignatureDoesNotMatch"),
        ({"x-acs-content-sha256": EMPTY}, "SignatureDoesNotMatch"),
        ({"id": "LTAISOMEBODY"}, "InvalidAccessKeyId.NotFound"),
        ({"x-acs-security-token": "another"}, "InvalidSecurityToken.Expired"),
        ({"x-acs-date": "2020-01-01T00:00:00Z"}, "InvalidTimeStamp.Expired"),
        ({"x-acs-date": "yesterday"}, "InvalidTimeStamp.Format"),
        ({"x-acs-action": "FlushInstance"}, "InvalidApi.NotFound"),
        ({"x-acs-version": "2014-01-01"}, "InvalidApi.NotFound"),
        ({"host": "ecs.aliyuncs.com"}, "InvalidProduct.NotFound"),
        ({"host": "r-kvstore.cn-hangzhou.aliyuncs.com"}, "InvalidOperation.NotSupportedEndpoint"),
    ],
)
def test_alibaba_refuses_with_its_own_code(standin: Standin, changed: dict[str, str], code: str | None) -> None:
    assert post(standin, acs3_headers(standin, b"PageSize=1", **changed), b"PageSize=1").get("Code") == code


def test_an_alibaba_request_cannot_be_replayed(standin: Standin) -> None:
    headers = acs3_headers(standin, b"")
    assert "Code" not in post(standin, headers, b"")
    assert post(standin, headers, b"")["Code"] == "SignatureNonceUsed"


def test_alibaba_wants_its_own_headers_signed(standin: Standin) -> None:
    unsigned = acs3_headers(standin, b"", without="x-acs-action")
    assert post(standin, unsigned, b"")["Code"] == "IncompleteSignature"


def old_query(**changed: str) -> str:
    """A query that carries Alibaba's older signature, signed by hand after `changed`."""
    said = {
        "Action": "DescribeInstances",
        "Version": "2015-01-01",
        "AccessKeyId": "LTAISTANDIN",
        "SecurityToken": "standin-session-token",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "SignatureNonce": uuid4().hex,
        "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        **changed,
    }
    signed = "&".join(f"{quote(name, safe='~')}={quote(said[name], safe='~')}" for name in sorted(said))
    text = f"POST&%2F&{quote(signed, safe='~')}".encode()
    signature = base64.b64encode(hmac.digest(b"standin-secret-key&", text, "sha1")).decode()
    return "?" + urlencode({"Signature": signature, **said, **{n: v for n, v in changed.items() if n == "Signature"}})


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({}, None),
        ({"Signature": "abc"}, "SignatureDoesNotMatch"),
        ({"SignatureMethod": "HMAC-SHA256"}, "UnsupportedSignatureMethod"),
        ({"SignatureVersion": "2.0"}, "UnsupportedSignatureMethod"),
        ({"AccessKeyId": "LTAIOTHER"}, "InvalidAccessKeyId.NotFound"),
        ({"SecurityToken": "other"}, "InvalidSecurityToken.Expired"),
        ({"Timestamp": "2020-01-01T00:00:00Z"}, "InvalidTimeStamp.Expired"),
    ],
)
def test_alibabas_older_signature_is_checked_as_well(
    standin: Standin, changed: dict[str, str], code: str | None
) -> None:
    host = {"host": "r-kvstore.aliyuncs.com"}
    assert post(standin, host, b"", old_query(**changed)).get("Code") == code


def test_an_older_alibaba_request_cannot_be_replayed(standin: Standin) -> None:
    query = old_query()
    assert "Code" not in post(standin, {"host": "r-kvstore.aliyuncs.com"}, b"", query)
    assert post(standin, {"host": "r-kvstore.aliyuncs.com"}, b"", query)["Code"] == "SignatureNonceUsed"


def test_what_is_no_api_call_gets_404(standin: Standin) -> None:
    assert post(standin, {}) == {"error": "no cloud's API call"}
    assert standin.calls() == []
