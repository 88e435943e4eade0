"""make verify used wrongly, or with nothing that may be changed: the same on both clouds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cloud.client.standin import Standin
from tests.support.wrapped_lines import unwrapped
from tests.workbench.verify import test_alibaba as alibaba
from tests.workbench.verify import test_tencent as tencent
from tests.workbench.verify.runs import Account

SIDES: dict[str, Any] = {"tencent": tencent, "alibaba": alibaba}
READS = {
    "tencent": {"R1", "R13", "R16", "W1", "W2", "W4", "W9"},
    "alibaba": {"A10", "W1", "W2", "W4", "W9"},
}
REDIS, TAIR = (
    f'[{part}]\ninstance = "{kind}-1"\naccount = "app"\naccount_password = '
    for part, kind in (("tencent.redis", "crs"), ("alibaba.tair", "r"))
)
WRONG = [
    ("tencent", f'{REDIS}"Pa55-word"', "account_password"),
    ("tencent", "[tencent.redis]\ninstance = 5", "tencent.redis.instance"),
    ("tencent", '[tencent.ssm]\nsecret = "a"\nvalue = "Pa55-word"', "tencent.ssm.value"),
    ("tencent", f'{REDIS}"NOT_SET"', "NOT_SET is not set"),
    ("tencent", "Pa55-word", "is not TOML"),
    ("alibaba", f'{TAIR}"Pa55-word"', "account_password"),
    ("alibaba", "[alibaba.fc]\nfunction = 5", "alibaba.fc.function"),
    ("alibaba", '[alibaba.kms]\nsecret = "a"\nvalue = "Pa55-word"', "alibaba.kms.value"),
    ("alibaba", f'{TAIR}"NOT_SET"', "NOT_SET is not set"),
]


@pytest.mark.parametrize(("cloud", "wrong", "told"), WRONG)
def test_a_wrong_sandbox_file_names_the_field_and_the_rule(
    standin: Standin,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    cloud: str,
    wrong: str,
    told: str,
) -> None:
    standin.reset()
    assert Account(standin, cloud, wrong, {}, tmp_path).run(monkeypatch) == 2
    complained = unwrapped(capsys.readouterr().err)
    assert told in complained
    assert "Pa55-word" not in complained


@pytest.mark.parametrize(("cloud", "claim"), [("tencent", "R5"), ("alibaba", "A1")])
def test_without_a_terminal_and_without_a_yes_nothing_is_changed(
    standin: Standin, tmp_path: Path, cloud: str, claim: str
) -> None:
    side = SIDES[cloud]
    standin.reset(**side.WORLD)
    run = Account(standin, cloud, side.SANDBOX, side.PASSWORDS, tmp_path).start(claim, YES="")
    _, complained = run.communicate(timeout=30)
    assert run.returncode == 2
    assert "set YES=1" in complained
    assert not standin.calls()


@pytest.mark.parametrize("cloud", SIDES)
def test_without_a_sandbox_only_reads_are_tried(
    standin: Standin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cloud: str
) -> None:
    side = SIDES[cloud]
    standin.reset(**side.WORLD)
    other = Account(standin, cloud, "", {}, tmp_path)
    assert other.run(monkeypatch) == 0
    assert {claim for claim, one in other.findings().items() if one["Finding"] == "holds"} == READS[cloud]
    assert side.is_as_before(Account(standin, cloud, side.SANDBOX, side.PASSWORDS, tmp_path))
