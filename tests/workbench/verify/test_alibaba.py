"""make verify on Alibaba Cloud, against the stand-in: all claims hold, each twist is found, and all is put back."""

from __future__ import annotations

import json
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.workbench.claims.table import read_claims
from shared.workbench.verify.alibaba.checks import CHECKS
from tests.cloud.client.logins import redis_accepts
from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import call_kms
from tests.cloud.state.accounts import ALIBABA_ACCOUNT
from tests.cloud.state.world import merge_tables
from tests.workbench.verify.runs import Account, Twist, twist_name, twists

SECRET, VALUE = "keyturn-sandbox", "nothing that anybody needs"
PASSWORD = "TairPassw0rd"
PASSWORDS = {"SANDBOX_TAIR_PASSWORD": PASSWORD}
WORLD: dict[str, Any] = {
    "settle_s": 0.5,
    "tair": {"r-demo0001": {"accounts": {"app": {"password": PASSWORD}}}},
    "kms": {SECRET: {"region": "cn-hangzhou", "versions": {"v1": VALUE}}},
}
SANDBOX = f"""
[alibaba.tair]
instance = "r-demo0001"
account = "app"
account_password = "SANDBOX_TAIR_PASSWORD"
[alibaba.kms]
secret = "{SECRET}"
[alibaba.fc]
function = "keyturn-verify"
role = "acs:ram::{ALIBABA_ACCOUNT}:role/keyturn-sandbox"
log_project = "keyturn-sandbox"
logstore = "functions"
[alibaba.smq]
account = "{ALIBABA_ACCOUNT}"
queue = "keyturn-sandbox"
"""
# The stand-in's instances take a second change at once: none is ever busy.
NEVER_BUSY = {"R14": "a second change right after the first was accepted: nothing was busy"}
TRIED = {one.claim for one in CHECKS}
# On an engine before 6.0 the claim says itself that there are no two words.
SAID_SO = ("A8", {"tair": {"r-demo0001": {"engine_version": "4.0"}}})
TWISTS = [one for one in twists(TRIED - NEVER_BUSY.keys()) if one != SAID_SO]


@pytest.fixture
def account(standin: Standin, tmp_path: Path) -> Iterator[Account]:
    standin.reset(**WORLD)
    yield Account(standin, "alibaba", SANDBOX, PASSWORDS, tmp_path)
    standin.reset()


def is_as_before(account: Account, *, versions: bool = True) -> bool:
    """Whether everything that the sandbox file names is as the world has it; `versions`: the first one is there."""
    standin = account.standin
    current = call_kms(standin, "GetSecretValue", {"SecretName": SECRET})
    shown = standin.state()["kms"]["secrets"][SECRET]["Versions"]
    labels = {label for one in shown.values() for label in one["Stages"]}
    return (
        redis_accepts(standin.redis["r-demo0001"], PASSWORD, "app")
        and current["SecretData"] == VALUE
        and labels <= {"ACSCurrent", "ACSPrevious"}
        and (current["VersionId"] == "v1" or not versions)
        and not standin.functions()
        and not account.journal.exists()
    )


@pytest.mark.long
def test_every_claim_holds_on_the_stand_in_and_no_secret_is_shown_or_kept(account: Account) -> None:
    """Neither a secret of the caller's nor one that was set meanwhile, which the journal holds while it is there."""
    run = account.start()
    meanwhile: set[str] = set()
    arguments = Path(f"/proc/{run.pid}/cmdline").read_bytes().decode()
    while run.poll() is None:
        try:
            text, mode = account.journal.read_text(), account.journal.stat().st_mode
        except FileNotFoundError:
            continue
        assert stat.S_IMODE(mode) == 0o600
        meanwhile |= {one["password"] for one in json.loads(text)["open"] if one["password"]}
        time.sleep(0.01)
    said, complained = run.communicate()
    assert run.returncode == 0
    found = account.findings()
    assert {claim for claim, one in found.items() if one["Finding"] == "holds"} == TRIED - NEVER_BUSY.keys()
    rows = {one.id: one.untried for one in read_claims() if "alibaba" in one.clouds and one.id not in TRIED}
    assert all(rows.values())
    not_tried = {claim: one["Why"] for claim, one in found.items() if one["Finding"] == "not tried"}
    assert not_tried == NEVER_BUSY | rows
    assert is_as_before(account, versions=False)
    assert len(meanwhile) == 7
    keys = account.standin.credentials["alibaba"]
    files = [one.read_text() for one in account.dist.iterdir() if one.name != "sandbox.toml"]
    for secret in {*meanwhile, PASSWORD, VALUE, keys["id"], keys["key"], keys["token"]}:
        assert all(secret not in text for text in (said, complained, arguments, *files))
    assert all(id_ not in text for text in (said, *files) for id_ in ("r-demo0001", SECRET))


@pytest.mark.long
def test_claims_hold_on_a_secret_that_has_all_its_versions(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        assert account.run(monkeypatch, "S1,S4,S5,S6,S7,S9") == 0
        assert {one["Finding"] for one in account.findings().values()} == {"holds"}
        assert is_as_before(account, versions=False)


@pytest.mark.long
@pytest.mark.parametrize("twist", TWISTS, ids=lambda one: f"{one[0]} {twist_name(one[1])}")
def test_a_claim_that_does_not_hold_is_found(account: Account, monkeypatch: pytest.MonkeyPatch, twist: Twist) -> None:
    claim, world = twist
    account.standin.reset(**merge_tables(WORLD, world))
    assert account.run(monkeypatch, claim) == 1
    (found,) = account.findings().values()
    assert (found["Claim"], found["Finding"]) == (claim, "differs"), found
    assert claim in account.report.read_text()
    account.standin.reset(**WORLD)
    assert not account.journal.exists()


# A claim that is tried, and the call after which the run is ended.
MOMENTS = [
    ("A1", "ModifyAccountPassword", 1),
    ("A1", "ModifyAccountPassword", 4),
    ("A1", "ModifyAccountPassword", 6),
    ("A1", "ModifyAccountPassword", 8),
    ("W3", "ModifyAccountPassword", 7),
    ("W3", "ModifyAccountPassword", 10),
    ("S1", "PutSecretValue", 1),
    ("S1", "UpdateSecretVersionStage", 2),
    ("S1", "PutSecretValue", 7),
    ("F1", "CreateFunction", 1),
    ("F1", "CreateTrigger", 1),
    ("F1", "DeleteTrigger", 1),
    ("Q1", "SendMessage", 1),
]


@pytest.mark.long
@pytest.mark.parametrize(("claim", "action", "count"), MOMENTS, ids=lambda one: str(one))
def test_a_run_that_is_interrupted_puts_back(account: Account, claim: str, action: str, count: int) -> None:
    number = signal.SIGTERM if count % 2 else signal.SIGINT
    run = account.start(claim)
    account.wait_for_call(run, action, count)
    run.send_signal(number)
    said, complained = run.communicate(timeout=60)
    assert "Traceback" not in complained
    assert "interrupted" in said
    assert is_as_before(account)


@pytest.mark.long
@pytest.mark.parametrize(("claim", "action", "count"), MOMENTS[1::2], ids=lambda one: str(one))
def test_a_run_that_is_killed_is_put_back_by_the_next(
    account: Account, monkeypatch: pytest.MonkeyPatch, claim: str, action: str, count: int
) -> None:
    run = account.start(claim)
    account.wait_for_call(run, action, count)
    run.kill()
    run.communicate()
    assert stat.S_IMODE(account.journal.stat().st_mode) == 0o600
    assert account.run(monkeypatch, "W1") == 0
    assert is_as_before(account)


@pytest.mark.parametrize(
    ("claim", "action"), [("A5", "DescribeInstances"), ("S4", "ListSecretVersionIds"), ("E4", "GetAsyncInvokeConfig")]
)
def test_a_story_that_fails_in_the_middle_is_put_back(
    account: Account, monkeypatch: pytest.MonkeyPatch, claim: str, action: str
) -> None:
    """A read that the story rests on is refused; the first read of a run may be one of them."""
    account.standin.faults([{"Action": action, "Fault": "code", "Code": "InternalError", "Times": 2}])
    account.run(monkeypatch, claim)
    account.standin.clear_faults()
    assert account.findings()[claim]["Finding"] == "not tried"
    assert "InternalError" in account.findings()[claim]["Why"]
    assert is_as_before(account)


def test_what_cannot_be_put_back_is_told_and_put_back_later(
    account: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    account.standin.faults([{"Action": "GetFunction", "Fault": "code", "Code": "InternalError", "Times": 1}])
    account.standin.faults([{"Action": "InvokeFunction", "Fault": "code", "Code": "InternalError", "Times": 1}])
    assert account.run(monkeypatch, "F1") == 0  # before anything is made
    assert "InternalError" in account.findings()["F1"]["Why"]
    account.standin.faults([{"Action": "DeleteFunction", "Fault": "stall", "Times": 1}])
    capsys.readouterr()
    run = account.start("F1")
    account.wait_for_call(run, "DeleteFunction", 1)
    run.kill()
    run.communicate()
    assert not is_as_before(account)
    assert account.run(monkeypatch, "W1") == 0
    assert "an earlier run left the function" in capsys.readouterr().out
    assert is_as_before(account)


def test_a_password_that_might_not_go_back_is_left_alone(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    world = {"tair": {"r-demo0001": {"accounts": {"app": {"password": "Tair Passw0rd"}}}}}
    account.standin.reset(**merge_tables(WORLD, world))
    other = Account(account.standin, "alibaba", SANDBOX, {"SANDBOX_TAIR_PASSWORD": "Tair Passw0rd"}, account.dist)
    assert other.run(monkeypatch, "A1,W2,W3") == 0
    found = other.findings()
    assert found["W2"]["Finding"] == "holds"
    assert all("published rule" in found[claim]["Why"] for claim in ("A1", "W3"))
    assert all(one["Action"] != "ModifyAccountPassword" for one in account.standin.calls())


def test_a_function_that_is_there_is_left_alone(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    run = account.start("F1")
    account.wait_for_call(run, "CreateFunction", 1)
    run.kill()
    run.communicate()
    account.journal.unlink()
    assert account.run(monkeypatch, "F1") == 0
    assert "exists already" in account.findings()["F1"]["Why"]
    assert [one["Function"] for one in account.standin.functions()] == ["keyturn-verify"]
