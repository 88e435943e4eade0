"""make verify on Tencent Cloud, against the stand-in: all claims hold, each twist is found, and all is put back."""

from __future__ import annotations

import json
import signal
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.workbench.claims.table import read_claims
from shared.workbench.verify.tencent.checks import CHECKS
from tests.cloud.client.logins import redis_accepts, registry_accepts
from tests.cloud.client.standin import Standin
from tests.support.wrapped_lines import unwrapped
from tests.workbench.verify.runs import Account, Twist, twist_name, twists

SECRET = "keyturn-sandbox"
WORLD: dict[str, Any] = {
    "task_s": 0.8,
    "active_s": 0.6,
    "planes_lag_s": 0.8,
    "ssm": {SECRET: {"region": "ap-guangzhou", "versions": {"v1": "nothing"}}},
    "ckafka": {"datahub-verify01": {"region": "ap-guangzhou"}},
}
SANDBOX = f"""
[tencent.redis]
instance = "crs-demo0001"
account = "app"
account_password = "SANDBOX_REDIS_PASSWORD"
root_password = "SANDBOX_REDIS_ROOT_PASSWORD"
[tencent.tcr]
registry = "tcr-demo0001"
account = "robot"
account_password = "SANDBOX_TCR_PASSWORD"
[tencent.ssm]
secret = "{SECRET}"
[tencent.scf]
function = "keyturn-verify"
role = "keyturn-sandbox"
log_set = "11111111-1111-1111-1111-111111111111"
log_topic = "11111111-1111-1111-1111-111111111112"
[tencent.ckafka]
datahub = "datahub-verify01"
"""
PASSWORDS = {
    "SANDBOX_REDIS_PASSWORD": "App-Passw0rd",
    "SANDBOX_REDIS_ROOT_PASSWORD": "Old-Passw0rd",
    "SANDBOX_TCR_PASSWORD": "Robot-Passw0rd1",
}
# What a claim shows on the other site alone.
HALF_SEEN = {
    "Q2": "an account of the domestic site shows half of it: run verify with one of the international site",
}
TRIED = {one.claim for one in CHECKS}
# A registry that refuses every login looks like a present password that is wrong.
LIKE_A_WRONG_PASSWORD = "T5"
TWISTS = twists(TRIED - {LIKE_A_WRONG_PASSWORD})


@pytest.fixture
def account(standin: Standin, tmp_path: Path) -> Iterator[Account]:
    standin.reset(**WORLD)
    yield Account(standin, "tencent", SANDBOX, PASSWORDS, tmp_path)
    standin.reset()


def is_as_before(account: Account) -> bool:
    """Whether everything that the sandbox file names is as the world has it."""
    standin = account.standin
    redis, registry = standin.redis["crs-demo0001"], standin.registry["tcr-demo0001"]
    state = standin.state()
    shown = state["redis"]["instances"]["crs-demo0001"]["app"]
    return (
        redis_accepts(redis, PASSWORDS["SANDBOX_REDIS_PASSWORD"], "app")
        and redis_accepts(redis, PASSWORDS["SANDBOX_REDIS_ROOT_PASSWORD"])
        and registry_accepts(registry, "tcr$robot", PASSWORDS["SANDBOX_TCR_PASSWORD"])
        and (shown["Privilege"], shown["ReadonlyPolicy"], shown["Remark"]) == ("rw", ["master"], "orders")
        and list(state["ssm"]["secrets"][SECRET]["Versions"]) == ["v1"]
        and not standin.functions()
        and not account.journal.exists()
    )


@pytest.mark.long
def test_every_claim_holds_on_the_stand_in(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    assert account.run(monkeypatch) == 0
    found = account.findings()
    assert {claim for claim, one in found.items() if one["Finding"] == "holds"} == TRIED - HALF_SEEN.keys()
    not_tried = {claim: one["Why"] for claim, one in found.items() if one["Finding"] == "not tried"}
    rows = {one.id: one.untried for one in read_claims() if "tencent" in one.clouds}
    assert not_tried == HALF_SEEN | {claim: why for claim, why in rows.items() if claim not in TRIED}
    assert is_as_before(account)


@pytest.mark.long
@pytest.mark.parametrize("twist", TWISTS, ids=lambda one: f"{one[0]} {twist_name(one[1])}")
def test_a_claim_that_does_not_hold_is_found(account: Account, monkeypatch: pytest.MonkeyPatch, twist: Twist) -> None:
    claim, world = twist
    if claim in HALF_SEEN:
        world = {**world, "ckafka": {"datahub-verify01": {"site": "intl"}}}
        account = Account(account.standin, "tencent", '[tencent]\nsite = "intl"\n' + SANDBOX, PASSWORDS, account.dist)
    account.standin.reset(**{**WORLD, **{name: _merged(WORLD.get(name), value) for name, value in world.items()}})
    assert account.run(monkeypatch, claim) == 1
    (found,) = account.findings().values()
    assert (found["Claim"], found["Finding"]) == (claim, "differs"), found
    assert claim in account.report.read_text()


@pytest.mark.parametrize("claim", [LIKE_A_WRONG_PASSWORD, "T1"])
def test_a_registry_that_refuses_every_login_is_left_alone(
    account: Account, monkeypatch: pytest.MonkeyPatch, claim: str
) -> None:
    account.standin.reset(**WORLD, not_so=[LIKE_A_WRONG_PASSWORD])
    assert account.run(monkeypatch, claim) == 2
    assert "or the registry refuses every login" in account.findings()[claim]["Why"]
    assert all(one["Action"] != "ModifyServiceAccountPassword" for one in account.standin.calls())


def _merged(mine: Any, other: Any) -> Any:
    both = isinstance(mine, dict) and isinstance(other, dict)
    return {**mine, **{name: _merged(mine.get(name), one) for name, one in other.items()}} if both else other


# A claim that is tried, and the call after which the run is ended.
MOMENTS = [
    ("R5", "ModifyInstanceAccount", 2),
    ("R5", "ModifyInstanceAccount", 4),
    ("W3", "ModifyInstanceAccount", 2),
    ("R2", "ModifyInstancePassword", 2),
    ("R2", "ModifyInstancePassword", 3),
    ("R21", "ModfiyInstancePassword", 1),
    ("R21", "ModfiyInstancePassword", 2),
    ("T1", "ModifyServiceAccountPassword", 1),
    ("S1", "PutSecretValue", 1),
    ("S7", "PutSecretValue", 6),
    ("P1", "CreateFunction", 1),
    ("P1", "CreateTrigger", 2),
    ("D5", "DeleteFunction", 1),
]


@pytest.mark.long
@pytest.mark.parametrize(("claim", "action", "count"), MOMENTS, ids=lambda one: str(one))
def test_a_run_that_is_interrupted_puts_back(account: Account, claim: str, action: str, count: int) -> None:
    number = signal.SIGTERM if count % 2 else signal.SIGINT
    run = account.start(claim)
    account.wait_for_call(run, action, count)
    run.send_signal(number)
    said, complained = run.communicate(timeout=60)
    assert (run.returncode, complained) == (1, ""), said
    assert "interrupted" in said
    assert is_as_before(account)


@pytest.mark.long
@pytest.mark.parametrize(("claim", "action", "count"), MOMENTS[::2], ids=lambda one: str(one))
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


@pytest.mark.parametrize("claim", ["R5", "R2", "S1", "P1"])
def test_a_story_that_fails_in_the_middle_is_put_back(
    account: Account, monkeypatch: pytest.MonkeyPatch, claim: str
) -> None:
    """A call that the story rests on is refused; so many of its kind go before, where there are any."""
    action = {"R5": "DescribeTaskList", "R2": "DescribeTaskList", "S1": "UpdateSecret", "P1": "Invoke"}[claim]
    times = 1 if claim in ("S1", "P1") else 50
    account.standin.faults([{"Action": action, "Fault": "code", "Code": "InternalError", "Times": times}])
    account.run(monkeypatch, claim)
    account.standin.clear_faults()
    assert account.findings()[claim]["Finding"] == "not tried"
    assert "InternalError" in account.findings()[claim]["Why"]
    assert is_as_before(account)


def test_what_cannot_be_put_back_is_told_and_put_back_later(
    account: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    account.standin.faults([{"Action": "DeleteSecretVersion", "Fault": "code", "Code": "InternalError", "Times": 99}])
    assert account.run(monkeypatch, "S1") == 1
    account.standin.clear_faults()
    told = unwrapped(capsys.readouterr().err)
    assert "not restored: versions of the secret" in told
    assert str(account.journal) in told and not is_as_before(account)
    assert account.run(monkeypatch, "W1") == 0
    assert "an earlier run left versions of the secret" in capsys.readouterr().out
    assert is_as_before(account)


@pytest.mark.long
def test_no_secret_is_shown_or_kept(account: Account) -> None:
    """Neither those of the caller nor those that were set meanwhile, which the journal holds while it is there."""
    run = account.start("R5,W3,R2,R21,T1,S1,P1")
    meanwhile: set[str] = set()
    arguments = Path(f"/proc/{run.pid}/cmdline").read_bytes().decode()
    while run.poll() is None:
        try:
            text, mode = account.journal.read_text(), account.journal.stat().st_mode
        except FileNotFoundError:
            continue
        assert stat.S_IMODE(mode) == 0o600
        meanwhile |= {one["password"] for one in json.loads(text)["open"] if one["password"]}
    said, complained = run.communicate()
    assert len(meanwhile) == 5
    files = [one.read_text() for one in account.dist.iterdir()]
    keys = account.standin.credentials["tencent"]
    for secret in {*meanwhile, *PASSWORDS.values(), keys["id"], keys["key"], keys["token"]}:
        assert all(secret not in text for text in (said, complained, arguments, *files))
    ids = ("crs-demo0001", "tcr-demo0001", SECRET)
    assert all(one not in said and one not in account.report.read_text() for one in ids)
