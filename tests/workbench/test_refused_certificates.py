"""A certificate that a command of the deployer refuses is named as such: whose it is, why, and what to do."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

import pytest

from shared.workbench.apis.calls import CallLost
from shared.workbench.apis.plain_http import send
from shared.workbench.bootstrap.shown import told
from shared.workbench.bundle.description import Description
from shared.workbench.deploy import access
from shared.workbench.deploy.control_plane import CallFailed
from tests.cloud.server.certificates import CertificateAuthority
from tests.support.tls_server import TlsServer, answers, serving
from tests.workbench.deploy_site import PLATFORMS, spec_of

_DAY = timedelta(days=1)
_UNKNOWN = "is signed by an authority that is not trusted here: check which server answers at that address"
_NO_CA_FILE = "; this command does not read KEYTURN_CA_FILE"


@pytest.fixture(params=PLATFORMS)
def description(request: pytest.FixtureRequest) -> Description:
    name: Literal["tencent", "alibaba"] = request.param
    region = "ap-guangzhou" if name == "tencent" else "cn-hangzhou"
    return Description(name, "scf" if name == "tencent" else "fc", "orders", region, (spec_of(name, "hello"),))


@pytest.fixture
def untrusted() -> Iterator[TlsServer]:
    """A server whose certificate nobody trusts."""
    with serving(answers(CertificateAuthority().server_context())) as server:
        yield server


def keys_to(description: Description, server: TlsServer) -> dict[str, str]:
    names = access.KEYS[description.cloud]
    endpoint = f"KEYTURN_{description.cloud.upper()}_ENDPOINT"
    return {names["id"]: "an-id", names["key"]: "a-key", endpoint: server.endpoint, "KEYTURN_CA_FILE": "ca.pem"}


def test_deploy_says_whose_certificate_was_refused_and_asks_once(
    description: Description, untrusted: TlsServer
) -> None:
    environ = keys_to(description, untrusted)
    with pytest.raises(access.Refused) as caught:
        access.account_of_caller(description, access.api(description, environ))
    said = str(caught.value)
    assert said.startswith(f"GetCallerIdentity: not sent, because the certificate of localhost {_UNKNOWN}{_NO_CA_FILE}")
    assert f"called {untrusted.endpoint} (KEYTURN_{description.cloud.upper()}_ENDPOINT)" in said
    assert "network" not in said
    assert (untrusted.connections, untrusted.requests) == (1, [])


def test_a_control_plane_says_it_too(description: Description, untrusted: TlsServer) -> None:
    with pytest.raises(CallFailed) as caught:
        access.control_plane(description, keys_to(description, untrusted)).read({"hello"})
    assert (caught.value.code, caught.value.may_have_happened) == ("CertificateRefused", False)
    assert caught.value.advice == f"not sent, because the certificate of localhost {_UNKNOWN}{_NO_CA_FILE}"
    assert untrusted.requests == []


@pytest.mark.parametrize("kind", ["unknown", "expired"])
def test_a_call_of_a_function_names_the_function_s_host(kind: str) -> None:
    authority = CertificateAuthority()
    context: ssl.SSLContext = authority.server_context()
    if kind == "expired":
        context = authority.server_context(begins_in=-2 * _DAY, ends_in=-_DAY)
    with serving(answers(context)) as server, pytest.raises(CallLost) as caught:
        send("POST", f"localhost:{server.port}", "/", {}, b"{}")
    assert caught.value.certificate.startswith(f"not sent, because the certificate of localhost:{server.port} is ")
    assert server.requests == []


def test_any_other_failure_is_still_an_answer_that_was_lost() -> None:
    lost = CallLost("DescribeX", ConnectionResetError())
    assert (str(lost), lost.certificate) == ("DescribeX: no answer (ConnectionResetError)", "")


def test_bootstrap_advises_no_second_run_where_a_certificate_is_refused(untrusted: TlsServer) -> None:
    with pytest.raises(CallLost) as caught:
        send("POST", f"localhost:{untrusted.port}", "/", {}, b"{}")
    assert told(caught.value, "tencent", {}) == str(caught.value)
    assert "run it again" in told(CallLost("CreateRole", ConnectionResetError()), "tencent", {})
