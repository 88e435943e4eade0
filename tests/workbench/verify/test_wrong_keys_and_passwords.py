"""make verify with what is not right: keys, regions, passwords, names, and what an earlier run left."""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from shared.workbench.verify.commands import main
from tests.cloud.client.logins import redis_accepts, registry_accepts
from tests.cloud.client.standin import Standin
from tests.cloud.state.checkout import ROOT
from tests.support.wrapped_lines import unwrapped
from tests.workbench.verify import test_alibaba as alibaba
from tests.workbench.verify import test_tencent as tencent
from tests.workbench.verify.runs import Account

Patch = pytest.MonkeyPatch
Output = pytest.CaptureFixture[str]
SIDES = {"tencent": tencent, "alibaba": alibaba}
WRONG = "Wrong-Passw0rd9"


def account_of(standin: Standin, dist: Path, cloud: str, sandbox: str | None = None, **changed: str) -> Account:
    """A fresh stand-in, and its owner with some variables changed."""
    side: Any = SIDES[cloud]
    standin.reset(**side.WORLD)
    text = side.SANDBOX if sandbox is None else sandbox
    return Account(standin, cloud, text, {**side.PASSWORDS, **changed}, dist)


def changes(standin: Standin) -> set[str]:
    """The actions that were called and are no reads."""
    return {one["Action"] for one in standin.calls() if not one["Action"].startswith(("Describe", "List", "Get"))}


@pytest.mark.parametrize(
    ("cloud", "claim", "variable"),
    [
        ("tencent", "R5", "SANDBOX_REDIS_PASSWORD"),
        ("tencent", "W3", "SANDBOX_REDIS_PASSWORD"),
        ("tencent", "R17", "SANDBOX_REDIS_PASSWORD"),
        ("tencent", "R2", "SANDBOX_REDIS_ROOT_PASSWORD"),
        ("tencent", "R21", "SANDBOX_REDIS_ROOT_PASSWORD"),
        ("tencent", "R18", "SANDBOX_REDIS_ROOT_PASSWORD"),
        ("tencent", "T1", "SANDBOX_TCR_PASSWORD"),
        ("tencent", "T5", "SANDBOX_TCR_PASSWORD"),
        ("alibaba", "A2", "SANDBOX_TAIR_PASSWORD"),
        ("alibaba", "W3", "SANDBOX_TAIR_PASSWORD"),
        ("alibaba", "A8", "SANDBOX_TAIR_PASSWORD"),
    ],
)
def test_a_wrong_present_password_is_told_and_nothing_is_changed(
    standin: Standin, tmp_path: Path, monkeypatch: Patch, cloud: str, claim: str, variable: str
) -> None:
    account = account_of(standin, tmp_path, cloud, **{variable: WRONG})
    assert account.run(monkeypatch, claim) == 2
    found = account.findings()[claim]
    assert found["Finding"] == "not tried"
    assert found["Why"].startswith(f"{variable} does not hold the present password")
    assert SIDES[cloud].is_as_before(account)


@pytest.mark.parametrize("equal", ["refuse", "same_code"])
def test_the_fence_proves_the_password_of_root_where_equal_passwords_are_refused(
    standin: Standin, tmp_path: Path, monkeypatch: Patch, equal: str
) -> None:
    account = account_of(standin, tmp_path, "tencent", SANDBOX_REDIS_ROOT_PASSWORD=WRONG)
    standin.reset(**tencent.WORLD, old_equals_new=equal)
    assert account.run(monkeypatch, "R21") == 2
    assert tencent.is_as_before(account)
    right = Account(standin, "tencent", tencent.SANDBOX, tencent.PASSWORDS, tmp_path)
    assert right.run(monkeypatch, "R21") == 0
    assert right.findings()["R21"]["Finding"] == "holds"


def test_where_no_login_can_be_had_the_title_says_what_the_account_ends_with(
    standin: Standin, tmp_path: Path, monkeypatch: Patch, capsys: Output
) -> None:
    account = account_of(standin, tmp_path, "tencent")
    standin.reset(**tencent.WORLD, not_so=["W5"])
    account.run(monkeypatch, "R5")
    assert "at the end it has the value of SANDBOX_REDIS_PASSWORD" in capsys.readouterr().out


def test_a_tair_password_with_symbols_is_put_back(standin: Standin, tmp_path: Path, monkeypatch: Patch) -> None:
    password = "Tair_Passw0rd!"
    account = account_of(standin, tmp_path, "alibaba", SANDBOX_TAIR_PASSWORD=password)
    standin.reset(**{**alibaba.WORLD, "tair": {"r-demo0001": {"accounts": {"app": {"password": password}}}}})
    assert account.run(monkeypatch, "A1") == 0
    assert account.findings()["A1"]["Finding"] == "holds"
    assert redis_accepts(standin.redis["r-demo0001"], password, "app")


@pytest.mark.parametrize(
    ("cloud", "changed", "told"),
    [
        ("tencent", {"TENCENTCLOUD_SECRET_ID": "AKIDOTHER"}, "refuses these keys: AuthFailure.SecretIdNotFound"),
        ("tencent", {"TENCENTCLOUD_SECRET_KEY": "other"}, "refuses these keys: AuthFailure.SignatureFailure"),
        ("tencent", {"TENCENTCLOUD_TOKEN": ""}, "refuses these keys: AuthFailure.TokenFailure"),
        ("alibaba", {"ALIBABA_CLOUD_ACCESS_KEY_ID": "LTAIOTHER"}, "refuses these keys: InvalidAccessKeyId.NotFound"),
        ("alibaba", {"ALIBABA_CLOUD_ACCESS_KEY_SECRET": "other"}, "refuses these keys: SignatureDoesNotMatch"),
        ("alibaba", {"ALIBABA_CLOUD_SECURITY_TOKEN": ""}, "refuses these keys: InvalidSecurityToken"),
    ],
)
def test_keys_that_are_refused_end_the_run_at_the_first_read(
    standin: Standin, tmp_path: Path, monkeypatch: Patch, capsys: Output, cloud: str, changed: dict[str, str], told: str
) -> None:
    account = account_of(standin, tmp_path, cloud, **changed)
    assert account.run(monkeypatch) == 2
    complained = unwrapped(capsys.readouterr().err)
    assert told in complained and "check " in complained
    assert len(standin.calls()) <= 1
    assert not list(tmp_path.glob("verify-*"))


def test_a_wrong_region_ends_the_run_at_the_first_read(
    standin: Standin, tmp_path: Path, monkeypatch: Patch, capsys: Output
) -> None:
    account = account_of(standin, tmp_path, "tencent", '[tencent]\nregion = "ap-nowhere"\n')
    assert account.run(monkeypatch) == 2
    complained = unwrapped(capsys.readouterr().err)
    assert "refuses this region, ap-nowhere: UnsupportedRegion; check `region`" in complained


@pytest.mark.parametrize("cloud", SIDES)
def test_where_nothing_is_reached_the_network_is_to_be_looked_at(
    standin: Standin, tmp_path: Path, monkeypatch: Patch, capsys: Output, cloud: str
) -> None:
    with socket.socket() as bound:  # nobody listens there
        bound.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{bound.getsockname()[1]}"
        account = account_of(standin, tmp_path, cloud, **{f"KEYTURN_{cloud.upper()}_ENDPOINT": nowhere})
        assert account.run(monkeypatch) == 2
    assert "check the network" in unwrapped(capsys.readouterr().err)
    assert not list(tmp_path.glob("verify-*"))


def test_a_missing_right_is_no_finding_of_a_claim_about_something_else(
    standin: Standin, tmp_path: Path, monkeypatch: Patch
) -> None:
    account = account_of(standin, tmp_path, "tencent", "")
    standin.reset(**tencent.WORLD, deny=["ModifyInstancePassword", "ModifyInstanceAccount", "DescribeTaskInfo"])
    assert account.run(monkeypatch, "R1,R16,W9") == 0
    for found in account.findings().values():
        assert found["Finding"] == "not tried"
        assert "your keys or their rights" in found["Why"] and "UnauthorizedOperation" in found["Why"]


@pytest.mark.parametrize(
    ("cloud", "was", "now", "claim", "told"),
    [
        ("tencent", '"robot"', '"nobody"', "T1", "there is no account nobody on tcr-...01"),
        ("tencent", '"robot"', '"nobody"', "T4", "there is no account nobody on tcr-...01"),
        ("tencent", '"tcr-demo0001"', '"tcr-missing1"', "T1", ""),
        ("tencent", '"app"', '"nobody"', "R5", "there is no account nobody on crs-...01"),
        ("tencent", '"crs-demo0001"', '"crs-missing1"', "R5", ""),
        ("tencent", '"crs-demo0001"', '"crs-missing1"', "R2", ""),
        ("tencent", f'"{tencent.SECRET}"', '"missing"', "S1", ""),
        ("tencent", f'"{tencent.SECRET}"', '"missing"', "W2", ""),
        ("alibaba", '"app"', '"nobody"', "A1", "there is no account nobody on r-...01"),
        ("alibaba", '"app"', '"nobody"', "A10", "there is no account nobody on r-...01"),
        ("alibaba", '"r-demo0001"', '"r-missing1"', "A1", ""),
        ("alibaba", f'"{alibaba.SECRET}"', '"missing"', "S4", ""),
        ("alibaba", '"keyturn-sandbox"\n', '"missing"\n', "Q5", ""),
    ],
)
def test_a_mistyped_name_leaves_nothing_open(
    standin: Standin, tmp_path: Path, monkeypatch: Patch, cloud: str, was: str, now: str, claim: str, told: str
) -> None:
    side: Any = SIDES[cloud]
    account = account_of(standin, tmp_path, cloud, side.SANDBOX.replace(was, now))
    assert account.run(monkeypatch, claim) == 0
    found = account.findings()[claim]
    assert found["Finding"] == "not tried"
    assert told in found["Why"]
    assert not account.journal.exists()


def test_a_change_that_is_refused_leaves_nothing_open(
    standin: Standin, tmp_path: Path, monkeypatch: Patch
) -> None:  # fmt: skip
    account = account_of(standin, tmp_path, "tencent")
    action = "ModifyServiceAccountPassword"
    standin.faults([{"Action": action, "Fault": "code", "Code": "InvalidParameter", "Times": 9}])
    account.run(monkeypatch, "T2")
    assert account.findings()["T2"]["Finding"] == "not tried"
    assert not account.journal.exists()


def test_what_cannot_be_put_back_is_told_with_the_way_by_hand_and_reads_go_on(
    standin: Standin, tmp_path: Path, monkeypatch: Patch, capsys: Output
) -> None:
    account = account_of(standin, tmp_path, "tencent")
    standin.faults([{"Action": "DeleteSecretVersion", "Fault": "code", "Code": "InternalError", "Times": 99}])
    assert account.run(monkeypatch, "S1") == 1
    capsys.readouterr()
    assert account.run(monkeypatch, "W1,T1") == 1
    complained = unwrapped(capsys.readouterr().err)
    assert "not restored: versions of the secret" in complained
    assert "by hand: remove what the title names" in complained and "remove that file" in complained
    found = account.findings()
    assert (found["W1"]["Finding"], found["T1"]["Finding"]) == ("holds", "not tried")
    assert "not restored" in found["T1"]["Why"]
    assert "ModifyServiceAccountPassword" not in changes(standin)
    standin.clear_faults()
    assert account.run(monkeypatch, "T1") == 0
    assert tencent.is_as_before(account)


def test_where_it_ran_is_on_the_screen_and_in_both_files(
    standin: Standin, tmp_path: Path, monkeypatch: Patch, capsys: Output
) -> None:
    account = account_of(standin, tmp_path, "tencent", "")
    assert account.run(monkeypatch) == 0
    whole = json.loads((tmp_path / "verify-tencent.json").read_text())
    place = {name: whole[name] for name in ("Cloud", "Endpoint", "Region", "Site", "Key")}
    key = standin.credentials["tencent"]["id"]
    shown = f"{key[:4]}...{key[-2:]}"
    assert list(place.values()) == ["tencent", standin.endpoint, "ap-guangzhou", "domestic", shown]
    line = "; ".join(f"{name}: {value}" for name, value in place.items())
    assert line in capsys.readouterr().out
    assert line in (tmp_path / "verify-tencent.txt").read_text()


@pytest.mark.parametrize("cloud", SIDES)
def test_without_a_sandbox_what_needs_one_is_one_line(
    standin: Standin, tmp_path: Path, monkeypatch: Patch, capsys: Output, cloud: str
) -> None:
    account = account_of(standin, tmp_path, cloud, "")
    assert account.run(monkeypatch) == 0
    said = capsys.readouterr().out
    assert "  not tried  " not in said
    assert "claims need a sandbox" in said
    whole = account.findings()
    assert sum(one["Finding"] == "not tried" for one in whole.values()) > 20
    assert all(one["Why"] in account.report.read_text() for one in whole.values() if one["Finding"] == "not tried")


def test_claims_that_are_named_are_shown_with_their_sentence_and_kept_apart(
    standin: Standin, tmp_path: Path, monkeypatch: Patch, capsys: Output
) -> None:
    account = account_of(standin, tmp_path, "tencent", "")
    assert account.run(monkeypatch, "w9, s1") == 0
    said = capsys.readouterr().out
    assert "W9   holds      " in said and " | unknown: " in said
    assert "S1   not tried  " in said and "the sandbox file has no [tencent.ssm]" in said
    assert sorted(path.name for path in tmp_path.glob("verify-*")) == [
        "verify-tencent-only.json",
        "verify-tencent-only.txt",
    ]


def test_a_claim_about_the_other_cloud_is_told(
    standin: Standin, tmp_path: Path, monkeypatch: Patch, capsys: Output
) -> None:
    account = account_of(standin, tmp_path, "tencent", "")
    assert account.run(monkeypatch, "A1") == 2
    assert "A1 is about Alibaba: use CLOUD=alibaba" in unwrapped(capsys.readouterr().err)


def test_without_a_cloud_it_asks_for_one(capsys: Output) -> None:
    assert main([]) == 2
    assert "make verify CLOUD=tencent" in unwrapped(capsys.readouterr().err)
    told = subprocess.run(["make", "-n", "verify"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "shared.workbench.verify tencent" not in told.stdout


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("[tencent.tkr]\n", "tencent.tkr is not known; known here: region, site, redis, tcr, ssm, scf, ckafka"),
        ("[tencent.ssm]\nname = 'a'\n", "tencent.ssm.name is not known; known here: secret"),
        ("[aws]\n", "aws is not known; known here: tencent, alibaba"),
    ],
)
def test_a_name_that_the_sandbox_file_does_not_have_is_told_with_the_known_ones(
    standin: Standin, tmp_path: Path, monkeypatch: Patch, capsys: Output, wrong: str, told: str
) -> None:
    account = account_of(standin, tmp_path, "tencent", wrong)
    assert account.run(monkeypatch) == 2
    assert told in unwrapped(capsys.readouterr().err)


def test_the_registry_keeps_its_password_where_the_variable_is_wrong(
    standin: Standin, tmp_path: Path, monkeypatch: Patch
) -> None:
    account = account_of(standin, tmp_path, "tencent", SANDBOX_TCR_PASSWORD="Other-Passw0rd2")
    assert account.run(monkeypatch, "T1,T2,T3,T7") == 2
    assert "ModifyServiceAccountPassword" not in changes(standin)
    assert registry_accepts(standin.registry["tcr-demo0001"], "tcr$robot", "Robot-Passw0rd1")
