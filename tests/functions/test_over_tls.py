"""The whole of a change over TLS: every service that a function calls, by the certificate of a CA of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.queues import pool
from tests.cloud.client.inboxes import open_any_inbox
from tests.cloud.client.standin import Standin
from tests.cloud.server.certificates import CertificateAuthority, ca_file, self_signed_context
from tests.conftest import ACCOUNT, PASSWORD, REGISTRY, TAIR, House, outcome, result
from tests.support.commands import VALID_COMMANDS
from tests.support.other_accounts import ROLES, two_accounts
from tests.support.relay import Relay
from tests.support.store_contents import store_contents
from tests.support.stored_commands import KEPT, follow_to_the_end, opens, send, stored_command
from tests.support.tls_server import TlsServer, answers, serving

CKAFKA = "ckafka://ap-guangzhou/datahub-demo01"
SMQ = "smq://1000000000000001.mns.cn-hangzhou.aliyuncs.com/keyturn-results"
NEW = {ACCOUNT: "app", PASSWORD: "root", REGISTRY: "robot", TAIR: "app"}


@pytest.fixture
def house(tls_standin: Standin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    tls_standin.reset()
    yield House(tls_standin, tmp_path, monkeypatch)
    pool.close_all()


def published(house: House, url: str) -> list[dict[str, Any]]:
    reader = open_any_inbox(url, environ=house.settings)
    try:
        return [json.loads(stored.message.body) for stored in reader.peek()]
    finally:
        reader.close()


@pytest.mark.parametrize("function", sorted(NEW))
def test_a_change_over_tls_is_made_on_the_real_server(house: House, function: str) -> None:
    command = VALID_COMMANDS[function]
    (new,) = (value for name, value in command.items() if name in ("AccountPassword", "Password", "NewAccountPassword"))
    resource = command.get("InstanceId") or command["RegistryId"]
    assert not house.accepts(resource, NEW[function], new)
    assert outcome(house.send(function, command, "fc" if function == TAIR else "scf")) == "changed"
    assert house.accepts(resource, NEW[function], new)
    place = house.cloud.endpoint.removeprefix("https://")
    assert {call["Host"] for call in house.cloud.calls()} == {place}


@pytest.mark.parametrize("url", [CKAFKA, SMQ])
@pytest.mark.parametrize("function", sorted(KEPT))
def test_a_secret_is_made_kept_and_told_over_tls(house: House, function: str, url: str) -> None:
    house.settings["KEYTURN_RESULTS"] = url
    returned = send(house, function, stored_command(function))
    assert returned.error is None
    (event,) = published(house, url)
    assert event["data"]["Outcome"] == "changed"
    assert opens(house, function, store_contents(house.cloud, KEPT[function][1]).current)


@pytest.mark.parametrize(("function", "cloud"), [(PASSWORD, "tencent"), (TAIR, "alibaba")])
def test_a_role_of_another_account_is_assumed_over_tls(house: House, function: str, cloud: str) -> None:
    house.cloud.reset(**two_accounts("*"))
    house.settings["KEYTURN_ASSUME"] = ROLES[cloud]
    command = {**VALID_COMMANDS[function], "Role": ROLES[cloud]}
    assert outcome(house.send(function, command, "fc" if function == TAIR else "scf")) == "changed"
    assert house.cloud.calls()[0]["Action"] == "AssumeRole"


def test_a_change_that_outlives_its_invocation_is_followed_over_tls(house: House) -> None:
    house.settings |= {"KEYTURN_COMMANDS": house.commands_url}
    house.cloud.reset(task_s=8.0)
    assert result(send(house, ACCOUNT, stored_command(ACCOUNT)))["Outcome"] == "pending"
    (event,) = follow_to_the_end(house)
    assert event["data"]["Outcome"] == "changed"
    assert opens(house, ACCOUNT, store_contents(house.cloud, KEPT[ACCOUNT][1]).current)


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "cut_body"])
@pytest.mark.parametrize("function", sorted(NEW))
def test_an_answer_that_is_lost_over_tls_is_found_out(house: House, function: str, fault: str) -> None:
    actions = {
        ACCOUNT: "ModifyInstanceAccount",
        PASSWORD: "ModifyInstancePassword",
        REGISTRY: "ModifyServiceAccountPassword",
        TAIR: "ModifyAccountPassword",
    }
    house.cloud.faults([{"Action": actions[function], "Fault": fault}])
    data = result(house.send(function, VALID_COMMANDS[function], "fc" if function == TAIR else "scf"))
    assert data["Outcome"] == "changed"
    sent = [call["Code"] for call in house.cloud.calls() if call["Action"] == actions[function]]
    assert len(sent) > 1  # a call that was sent is never taken for one that was not


def test_invocations_keep_their_connections_over_tls(house: House) -> None:
    relay = Relay(house.cloud.endpoint)
    try:
        for url in (CKAFKA, SMQ):
            before = relay.accepted
            house.settings |= {
                "KEYTURN_TENCENT_ENDPOINT": relay.endpoint,
                "KEYTURN_ALIBABA_ENDPOINT": relay.endpoint,
                "KEYTURN_RESULTS": url,
            }
            for n in range(3):
                command = {**VALID_COMMANDS[ACCOUNT], "AccountPassword": f"Warm-Passw0rd{n}"}
                assert outcome(house.send(ACCOUNT, command, trigger="queue", name=f"m-{n}")) == "changed"
            assert relay.accepted - before <= 2  # one to the API, which the second round finds open, one to the queue
            assert len(published(house, url)) == 3
    finally:
        pool.close_all()
        relay.close()


# --- a certificate that is refused


@pytest.fixture
def impostor(house: House) -> Iterator[TlsServer]:
    """In the clouds' place, by a certificate of its own."""
    with serving(answers(self_signed_context())) as server, ca_file(CertificateAuthority()) as path:
        house.settings |= {
            "KEYTURN_TENCENT_ENDPOINT": server.endpoint,
            "KEYTURN_ALIBABA_ENDPOINT": server.endpoint,
            "KEYTURN_CA_FILE": str(path),
        }
        yield server


@pytest.mark.parametrize("function", sorted(KEPT))
def test_a_refused_certificate_ends_a_command_at_once_and_does_not_hand_it_back(
    house: House, impostor: TlsServer, function: str
) -> None:
    house.settings |= {"KEYTURN_COMMANDS": house.commands_url}
    returned = send(house, function, stored_command(function))
    data = returned.value["Results"][0]["data"]
    assert (data["Outcome"], data["Error"]["Class"], data["Error"]["Code"]) == (
        "not_changed",
        "failed",
        "CertificateRefused",
    )
    assert data["Error"]["Retryable"] is False
    assert (
        "the certificate of localhost is self-signed: check which server answers at that address"
        in data["Error"]["Message"]
    )
    assert (impostor.connections, impostor.requests) == (1, [])
    assert (len(house.results()), house.commands()) == (1, [])


def test_a_change_that_is_followed_says_that_the_certificate_keeps_its_end_away(house: House) -> None:
    house.settings |= {"KEYTURN_COMMANDS": house.commands_url}
    house.cloud.reset(task_s=8.0)
    assert result(send(house, ACCOUNT, stored_command(ACCOUNT)))["Outcome"] == "pending"
    with serving(answers(self_signed_context())) as server:
        house.settings["KEYTURN_TENCENT_ENDPOINT"] = server.endpoint
        (event,) = follow_to_the_end(house)
        assert (event["data"]["Outcome"], event["data"]["Error"]["Code"]) == ("unknown", "CertificateRefused")
        assert server.requests == []


def test_a_certificate_that_is_refused_once_does_not_end_what_is_followed(house: House) -> None:
    house.settings |= {"KEYTURN_COMMANDS": house.commands_url}
    house.cloud.reset(task_s=8.0)
    assert result(send(house, ACCOUNT, stored_command(ACCOUNT)))["Outcome"] == "pending"
    with serving(answers(self_signed_context())) as server:
        relay = Relay(house.cloud.endpoint, first=server.endpoint)
        try:
            house.settings["KEYTURN_TENCENT_ENDPOINT"] = relay.endpoint
            (event,) = follow_to_the_end(house)
        finally:
            relay.close()
        assert (event["data"]["Outcome"], server.connections, server.requests) == ("changed", 1, [])


@pytest.mark.parametrize("url", [CKAFKA, SMQ])
def test_a_results_queue_whose_certificate_is_refused_is_tried_once_and_named_in_the_log(
    house: House, impostor: TlsServer, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    house.settings["KEYTURN_RESULTS"] = url
    returned = house.send(ACCOUNT, {"InstanceId": "crs-demo0001"})
    assert (returned.body["Delivered"], impostor.connections, impostor.requests) == (False, 1, [])
    (failed,) = (line for line in caplog.messages if "publish_failed" in line)
    assert json.loads(failed)["why"] == "QueueCertificateRefused"
