"""KEYTURN_CA_FILE: what it goes with, what it is refused with, and what each connection is given of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.clouds.tencent.session import TencentSession
from shared.handlers.access import access_to
from shared.queues.pool import QueueKey
from shared.queues.port import QueueAccess
from shared.runtime.errors import SettingsError
from shared.runtime.settings import read_settings
from shared.runtime.tls import ca_path, certificate_problem, client_context
from tests.cloud.server.certificates import CertificateAuthority, ca_file
from tests.conftest import ACCOUNT, House
from tests.support.commands import VALID_COMMANDS
from tests.support.scripted_world import World

HERE = "https://localhost:8443"
TENCENT, ALIBABA = "KEYTURN_TENCENT_ENDPOINT", "KEYTURN_ALIBABA_ENDPOINT"


@pytest.fixture(scope="module")
def ca() -> Iterator[str]:
    with ca_file(CertificateAuthority()) as path:
        yield str(path)


@pytest.mark.parametrize(
    "endpoints",
    [
        {TENCENT: HERE},
        {ALIBABA: HERE},
        {TENCENT: HERE, ALIBABA: "https://127.0.0.1:8443"},
        {TENCENT: "https://[::1]:8443/"},
    ],
)
@pytest.mark.parametrize("on_platform", [True, False])
def test_it_is_taken_with_https_endpoints_of_this_machine(
    endpoints: dict[str, str], on_platform: bool, ca: str
) -> None:
    assert read_settings({"KEYTURN_CA_FILE": ca, **endpoints}, on_platform=on_platform).ca_file == ca
    assert read_settings({"KEYTURN_CA_FILE": " ", **endpoints}).ca_file is None


@pytest.mark.parametrize(
    ("endpoints", "says"),
    [
        ({}, "no KEYTURN_..._ENDPOINT is set"),
        ({TENCENT: "http://127.0.0.1:8080"}, f"{TENCENT} is not"),
        ({ALIBABA: "https://r-kvstore.example.com"}, f"{ALIBABA} is not"),
        ({TENCENT: "https://10.0.0.1"}, f"{TENCENT} is not"),
        ({TENCENT: "https://localhost.example.com"}, f"{TENCENT} is not"),
        ({TENCENT: HERE, ALIBABA: "https://vpc.example.com"}, f"{ALIBABA} is not"),
        ({TENCENT: HERE, ALIBABA: "http://127.0.0.1:8080"}, f"{ALIBABA} is not"),
    ],
)
def test_with_any_other_endpoint_it_is_refused(endpoints: dict[str, str], says: str, ca: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings({"KEYTURN_CA_FILE": ca, **endpoints})
    assert str(refused.value).startswith(
        "KEYTURN_CA_FILE: works only if each endpoint that is set is https:// on loopback"
    )
    assert str(refused.value).endswith(says)
    assert ca not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "it cannot be read"),
        (b"", "it holds no certificate in PEM"),
        (b"-----BEGIN CERTIFICATE-----\nhunter2\n-----END CERTIFICATE-----\n", "it holds no certificate in PEM"),
        (b"-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n", "it holds no certificate in PEM"),
        (bytes(range(256)), "it holds no certificate in PEM"),
    ],
)
def test_a_file_that_cannot_be_trusted_by_is_named(content: bytes | None, says: str, tmp_path: Path) -> None:
    path = tmp_path / "some-ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError) as refused:
        read_settings({"KEYTURN_CA_FILE": str(path), TENCENT: HERE})
    assert str(refused.value) == f"KEYTURN_CA_FILE: must be a PEM file with the certificates to trust; {says}"


def test_a_folder_is_no_ca_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^KEYTURN_CA_FILE: must be a PEM file"):
        read_settings({"KEYTURN_CA_FILE": str(tmp_path), TENCENT: HERE})


def test_a_command_under_a_refused_setting_calls_nothing_and_names_it(house: House, ca: str) -> None:
    house.settings["KEYTURN_CA_FILE"] = ca  # and the endpoints are the stand-in's, without TLS
    returned = house.send(ACCOUNT, VALID_COMMANDS[ACCOUNT])
    error = returned.body["Result"]["data"]["Error"]
    assert (returned.value["statusCode"], error["Code"]) == (500, "Settings")
    assert "KEYTURN_CA_FILE: works only if each endpoint" in error["Message"]
    assert house.cloud.calls() == []


# --- where it goes


def test_a_cloud_without_an_endpoint_is_not_vouched_for_by_it() -> None:
    assert (ca_path(HERE, "/some/ca.pem"), ca_path(None, "/some/ca.pem"), ca_path(HERE, None)) == (
        "/some/ca.pem",
        None,
        None,
    )


def session(settings: dict[str, str]) -> TencentSession:
    access = access_to(World(read_settings(settings)).invocation, "tencent")
    return TencentSession(access, "ap-guangzhou", "domestic", "redis", object)


def test_an_invocation_reaches_its_clouds_by_it(ca: str) -> None:
    assert session({"KEYTURN_CA_FILE": ca, TENCENT: HERE}).access.ca_file == ca
    assert session({TENCENT: HERE}).access.ca_file is None


def test_a_client_that_rests_is_one_of_the_same_trust(ca: str) -> None:
    assert session({"KEYTURN_CA_FILE": ca, TENCENT: HERE})._key != session({TENCENT: HERE})._key


def test_a_queue_that_rests_is_one_of_the_same_trust() -> None:
    url, keys = "smq://1.mns.cn-hangzhou.aliyuncs.com/q", World().invocation.keys
    trusted = (None, "/some/ca.pem", "/another.pem")
    accesses = [QueueAccess(keys, lambda _: HERE, ca_file=one) for one in trusted]
    assert len({QueueKey.of(url, None, False, access) for access in accesses}) == len(trusted)


def test_a_context_trusts_a_file_a_folder_or_what_the_system_does(ca: str, tmp_path: Path) -> None:
    assert len(client_context(ca).get_ca_certs()) == 1
    assert client_context(str(tmp_path)).get_ca_certs() == []  # read when a server shows a certificate
    assert client_context(None).cert_store_stats() == client_context(None).cert_store_stats()


@pytest.mark.parametrize("code", [1, None, "20"])
def test_a_code_that_openssl_gives_for_something_rare_is_told_as_it_is(code: object) -> None:
    assert certificate_problem(code).startswith(f"cannot be verified (OpenSSL code {code}): ")
