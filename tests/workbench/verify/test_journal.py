"""What an earlier run or another one left: whose it is, where it is put back, and what is never touched."""

from __future__ import annotations

import fcntl
import json
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared.workbench.apis.alibaba import AlibabaApi
from shared.workbench.apis.tencent import TencentApi
from shared.workbench.verify.alibaba.function import FcFunction
from shared.workbench.verify.interrupts import Interrupts
from shared.workbench.verify.tencent.scf_function import ScfFunction
from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import call_kms
from tests.cloud.state.accounts import ALIBABA_ACCOUNT
from tests.cloud.state.checkout import ROOT
from tests.support.wrapped_lines import unwrapped
from tests.workbench.verify import test_alibaba as alibaba
from tests.workbench.verify import test_tencent as tencent
from tests.workbench.verify.runs import Account
from tests.workbench.verify.test_wrong_keys_and_passwords import account_of, changes

Patch = pytest.MonkeyPatch
Output = pytest.CaptureFixture[str]
ROLE = f"acs:ram::{ALIBABA_ACCOUNT}:role/keyturn-sandbox"


def make_foreign(standin: Standin, cloud: str, region: str = "") -> None:
    """A function of the sandbox's name that no run made."""
    keys = standin.credentials[cloud]
    if cloud == "tencent":
        api = TencentApi(keys, region or "ap-guangzhou", "domestic", standin.endpoint)
        assert ScfFunction(api, "keyturn-verify", "of somebody else").create("keyturn-sandbox", {}, {}) == ""
    else:
        FcFunction(
            AlibabaApi(keys, region or "cn-hangzhou", standin.endpoint), "keyturn-verify", "of somebody else"
        ).create(ROLE, None)


def left_by_a_killed_run(account: Account, claim: str, action: str, count: int = 1) -> dict[str, Any]:
    """What the journal holds after a run was killed at a call."""
    run = account.start(claim)
    account.wait_for_call(run, action, count)
    run.kill()
    run.communicate()
    found: dict[str, Any] = json.loads(account.journal.read_text())
    return found


@pytest.mark.parametrize("cloud", ["tencent", "alibaba"])
def test_a_function_that_another_made_meanwhile_is_left_alone(
    standin: Standin, tmp_path: Path, monkeypatch: Patch, cloud: str
) -> None:
    """The first look does not find it, creating is refused: GetFunction lags, or somebody was faster."""
    account = account_of(standin, tmp_path, cloud)
    make_foreign(standin, cloud)
    missing = {"tencent": "ResourceNotFound.Function", "alibaba": "FunctionNotFound"}[cloud]
    fault = {"Action": "GetFunction", "Fault": "code", "Code": missing, "Times": 1}
    standin.faults([fault | ({"Status": 404} if cloud == "alibaba" else {})])
    account.run(monkeypatch, {"tencent": "P1,P10", "alibaba": "F1"}[cloud])
    assert "CreateFunction" in changes(standin)
    assert {one["Finding"] for one in account.findings().values()} == {"not tried"}
    assert standin.functions()
    assert "DeleteFunction" not in changes(standin)
    assert not account.journal.exists()


@pytest.mark.parametrize(
    ("cloud", "claim", "other"),
    [("tencent", "P1", 'region = "ap-shanghai"'), ("alibaba", "F1", 'region = "cn-shanghai"')],
)
def test_what_was_left_in_one_region_is_not_put_back_in_another(
    standin: Standin, tmp_path: Path, monkeypatch: Patch, capsys: Output, cloud: str, claim: str, other: str
) -> None:
    account = account_of(standin, tmp_path, cloud)
    left_by_a_killed_run(account, claim, "CreateFunction")
    before = account.journal.read_text()
    there = Account(standin, cloud, f"[{cloud}]\n{other}\n{account.sandbox}", account.secrets, tmp_path)
    assert there.run(monkeypatch, claim) == 2
    complained = unwrapped(capsys.readouterr().err)
    assert "left something elsewhere (region " in complained and str(account.journal) in complained
    reads = Account(standin, cloud, f"[{cloud}]\n{other}\n", {}, tmp_path)
    assert reads.run(monkeypatch, "W1") == 0
    assert "left something elsewhere" in unwrapped(capsys.readouterr().err)
    assert reads.findings()["W1"]["Finding"] == "holds"
    assert "DeleteFunction" not in changes(standin)
    assert account.journal.read_text() == before
    assert account.run(monkeypatch, "W1") == 0
    assert not standin.functions() and not account.journal.exists()


@pytest.mark.parametrize("field", ["cloud", "endpoint", "site", "account"])
def test_another_cloud_endpoint_site_or_account_is_elsewhere(
    standin: Standin, tmp_path: Path, monkeypatch: Patch, field: str
) -> None:
    account = account_of(standin, tmp_path, "tencent")
    whole = left_by_a_killed_run(account, "S1", "PutSecretValue")
    whole["place"][field] = "another"
    account.journal.write_text(json.dumps(whole))
    assert account.run(monkeypatch, "W1") == 2
    assert "DeleteSecretVersion" not in changes(standin)


def test_putting_back_is_agreed_to_like_any_change(standin: Standin, tmp_path: Path) -> None:
    account = account_of(standin, tmp_path, "tencent")
    left_by_a_killed_run(account, "S1", "PutSecretValue")
    reads = Account(standin, "tencent", "", {}, tmp_path)
    run = reads.start("W1", YES="")
    said, complained = run.communicate(timeout=60)
    assert run.returncode == 1 and "not restored: versions of the secret" in complained
    assert "W1   holds" in said and "an earlier run left versions of the secret" in said
    assert "DeleteSecretVersion" not in changes(standin)
    run = reads.start("W1")
    run.communicate(timeout=60)
    assert run.returncode == 0 and tencent.is_as_before(account)


def test_versions_and_values_of_others_stay(standin: Standin, tmp_path: Path, monkeypatch: Patch) -> None:
    account = account_of(standin, tmp_path, "tencent")
    foreign = "keyturn-verify-foreign-a"
    versions = {"v1": "nothing", foreign: "theirs"}
    standin.reset(**{**tencent.WORLD, "ssm": {tencent.SECRET: {"region": "ap-guangzhou", "versions": versions}}})
    assert account.run(monkeypatch, "S1") == 0
    assert set(standin.state()["ssm"]["secrets"][tencent.SECRET]["Versions"]) == {"v1", foreign}


def test_a_value_that_somebody_made_current_since_stays(standin: Standin, tmp_path: Path, monkeypatch: Patch) -> None:
    account = account_of(standin, tmp_path, "alibaba")
    left_by_a_killed_run(account, "S4", "UpdateSecretVersionStage", 2)
    given = {"SecretName": alibaba.SECRET, "VersionId": "theirs", "SecretData": "a newer value"}
    call_kms(standin, "PutSecretValue", given)
    assert account.run(monkeypatch, "W1") == 0
    assert call_kms(standin, "GetSecretValue", {"SecretName": alibaba.SECRET})["SecretData"] == "a newer value"
    assert not account.journal.exists()


def test_a_second_run_says_that_another_is_at_work(
    standin: Standin, tmp_path: Path, monkeypatch: Patch, capsys: Output
) -> None:
    account = account_of(standin, tmp_path, "tencent")
    with (tmp_path / ".verify-tencent.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert account.run(monkeypatch, "S1") == 2
    assert "another run is using" in unwrapped(capsys.readouterr().err)
    assert not standin.calls()
    assert account.run(monkeypatch, "S1") == 0


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "null", "5", '{"place": {}, "open": []}', '{"place": 1, "open": 2}', "\xff", "[" * 9999, None],
    ids=lambda one: repr(one)[:20],
)
def test_a_journal_that_is_not_ours_is_named_and_left(
    standin: Standin, tmp_path: Path, monkeypatch: Patch, capsys: Output, text: str | None
) -> None:
    account = account_of(standin, tmp_path, "tencent")
    if text is None:
        account.journal.mkdir()
    else:
        account.journal.write_bytes(text.encode("latin-1"))
    assert account.run(monkeypatch, "S1") == 2
    complained = unwrapped(capsys.readouterr().err)
    assert f"{account.journal} was not written by verify: look at it, and move it away" in complained
    assert not standin.calls() and account.journal.exists()


@pytest.mark.parametrize("dist", ["a file", "a file/below", "/proc/nowhere"])
def test_a_folder_that_takes_nothing_ends_it_before_any_call(standin: Standin, tmp_path: Path, dist: str) -> None:
    account = account_of(standin, tmp_path, "tencent")
    (tmp_path / "a file").write_text("")
    run = subprocess.run(
        [sys.executable, "-m", "shared.workbench.verify", "tencent", "--dist", str(tmp_path / dist)],
        cwd=ROOT, env=account.environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (run.returncode, "Traceback" in run.stderr) == (2, False)
    assert "nothing can be written to" in run.stderr
    assert not standin.calls()


def test_a_sandbox_file_in_another_encoding_is_told(
    standin: Standin, tmp_path: Path, monkeypatch: Patch, capsys: Output
) -> None:
    account = account_of(standin, tmp_path, "tencent")
    arguments = account.arguments()
    (tmp_path / "sandbox.toml").write_bytes(b'[tencent.ssm]\nsecret = "\xff"\n')
    monkeypatch.setattr(Account, "arguments", lambda *_: arguments)
    assert account.run(monkeypatch) == 2
    assert "is not UTF-8" in unwrapped(capsys.readouterr().err)


def test_the_end_of_input_is_a_no(standin: Standin, tmp_path: Path, monkeypatch: Patch) -> None:
    account = account_of(standin, tmp_path, "tencent")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", _ctrl_d)
    monkeypatch.setattr(Account, "environment", lambda self, _was=Account.environment: {**_was(self), "YES": ""})
    assert account.run(monkeypatch, "S1") == 0
    assert "did not agree to" in account.findings()["S1"]["Why"]
    assert "PutSecretValue" not in changes(standin)


def _ctrl_d(_: str) -> str:
    raise EOFError


@pytest.mark.parametrize("imported", ["shared.workbench.claims.table", "shared.workbench.verify.sandbox"])
def test_a_signal_in_the_first_moments_is_one_line(standin: Standin, tmp_path: Path, imported: str) -> None:
    """While it still imports; the interpreter says what is imported."""
    account = account_of(standin, tmp_path, "tencent")
    run = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "shared.workbench.verify", *account.arguments("W1")],
        cwd=ROOT, env=account.environment(), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background ignores it
    )  # fmt: skip
    assert run.stderr
    assert any(line.endswith(f" {imported}\n") for line in run.stderr)
    run.send_signal(signal.SIGINT)
    _, complained = run.communicate(timeout=60)
    assert run.returncode == 130
    assert "Traceback" not in complained and "verify: interrupted before anything" in complained


class _Destroyed:
    """Something whose destructor a signal finds at work."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGTERM)


def test_a_signal_that_a_destructor_swallows_ends_the_run_at_the_next_look(capfd: pytest.CaptureFixture[str]) -> None:
    interrupts, done = Interrupts(), []
    with interrupts.caught():
        with pytest.raises(KeyboardInterrupt):
            for one in interrupts.between("abc"):
                done.append(one)
                del one
                _Destroyed()
        with pytest.raises(KeyboardInterrupt), interrupts.put_off():
            done.append("put back")
        interrupts.heard()
        with interrupts.put_off():
            done.append("told")
        assert list(interrupts.between("d")) == ["d"]
    assert done == ["a", "put back", "told"]
    assert capfd.readouterr() == ("", "")


def test_what_a_destructor_raises_otherwise_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    class Broken:
        def __del__(self) -> None:
            raise ValueError("of its own")

    with Interrupts().caught():
        Broken()
    assert "of its own" in capfd.readouterr().err


@pytest.mark.parametrize("pause_s", [0.0, 0.02, 0.3])
def test_two_signals_put_back_and_write_the_files(standin: Standin, tmp_path: Path, pause_s: float) -> None:
    account = account_of(standin, tmp_path, "tencent")
    run = account.start("S1")
    account.wait_for_call(run, "PutSecretValue", 2)
    run.send_signal(signal.SIGINT)
    try:
        run.wait(pause_s)
    except subprocess.TimeoutExpired:
        run.send_signal(signal.SIGTERM)
    said, complained = run.communicate(timeout=60)
    assert (run.returncode, complained) == (1, "")
    assert "interrupted" in said
    assert account.report.exists() and tencent.is_as_before(account)


@pytest.mark.parametrize(("cloud", "claim"), [("tencent", "P1"), ("alibaba", "F1")])
def test_a_deletion_that_is_throttled_is_repeated(
    standin: Standin, tmp_path: Path, monkeypatch: Patch, cloud: str, claim: str
) -> None:
    account = account_of(standin, tmp_path, cloud)
    code = {"tencent": "RequestLimitExceeded", "alibaba": "Throttling"}[cloud]
    standin.faults([{"Action": "DeleteFunction", "Fault": "code", "Code": code, "Times": 1}])
    account.run(monkeypatch, claim)
    assert not standin.functions() and not account.journal.exists()


def test_clean_leaves_what_may_hold_the_only_copy_of_a_password(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    kept = tmp_path / "dist" / "verify-alibaba-open.json"
    kept.parent.mkdir()
    kept.write_text("{}")
    refused = subprocess.run(["make", "clean"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert refused.returncode and kept.exists()
    assert "only copy of a password" in refused.stderr and kept.name in refused.stdout + refused.stderr
    kept.unlink()
    subprocess.run(["make", "clean"], cwd=tmp_path, capture_output=True, check=True)
    assert not kept.parent.exists()


PASSES = [
    ("tencent", "T1", [{"Action": "ModifyServiceAccountPassword", "Fault": "code", "Code": "RequestLimitExceeded"}]),
    ("tencent", "T7", [{"Action": "ModifyServiceAccountPassword", "Fault": "code", "Code": "RequestLimitExceeded"}]),
    ("tencent", "R3", [{"Action": "ModifyInstancePassword", "Fault": "fail_task"}]),
    ("tencent", "R5", [{"Action": "ModifyInstanceAccount", "Fault": "fail_task", "Times": 2}]),
    ("tencent", "R8", [{"Action": "ModifyInstanceAccount", "Fault": "fail_task", "Times": 2}]),
    ("tencent", "R16", [{"Action": "ModifyInstanceAccount", "Fault": "code", "Code": "ResourceUnavailable.Locked"}]),
    ("tencent", "P10", [{"Action": "CreateFunction", "Fault": "code", "Code": "LimitExceeded.Function", "Times": 2}]),
    ("alibaba", "W3", [{"Action": "ModifyAccountPassword", "Fault": "code", "Code": "Throttling"}]),
]  # fmt: skip


@pytest.mark.parametrize(("cloud", "claim", "faults"), PASSES, ids=lambda one: str(one)[:24])
def test_a_refusal_that_passes_is_no_finding(
    standin: Standin, tmp_path: Path, monkeypatch: Patch, cloud: str, claim: str, faults: list[dict[str, Any]]
) -> None:
    account = account_of(standin, tmp_path, cloud)
    standin.faults([{"Times": 1, **one} for one in faults])
    assert account.run(monkeypatch, claim) in (0, 2)
    assert account.findings()[claim]["Finding"] == "not tried", account.findings()
    assert not account.journal.exists()


@pytest.mark.parametrize("claim", ["Q1", "Q2"])
@pytest.mark.parametrize("cloud", ["tencent", "alibaba"])
def test_a_mistyped_queue_is_no_finding(
    standin: Standin, tmp_path: Path, monkeypatch: Patch, cloud: str, claim: str
) -> None:
    if (cloud, claim) == ("alibaba", "Q2"):
        return
    sandbox = {
        "tencent": '[tencent]\nsite = "intl"\n[tencent.ckafka]\ndatahub = "datahub-missing1"\n',
        "alibaba": f'[alibaba.smq]\naccount = "{ALIBABA_ACCOUNT}"\nqueue = "missing"\n',
    }[cloud]
    account = account_of(standin, tmp_path, cloud, sandbox)
    assert account.run(monkeypatch, claim) == 0
    assert account.findings()[claim]["Finding"] == "not tried"


def test_the_journal_names_the_place_and_is_for_its_user_alone(standin: Standin, tmp_path: Path) -> None:
    account = account_of(standin, tmp_path, "tencent")
    place = left_by_a_killed_run(account, "S1", "PutSecretValue")["place"]
    assert [place[name] for name in ("cloud", "endpoint", "region", "site")] == [
        "tencent", standin.endpoint, "ap-guangzhou", "domestic",
    ]  # fmt: skip
    assert len(place["account"]) == len(place["key"]) == 16
    assert stat.S_IMODE(account.journal.stat().st_mode) == 0o600
