"""README is a promise: its commands run, its tables name what the code has."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from shared.command import Command, TencentCommand
from shared.errors import ErrorClass
from shared.result import _STATUS, Outcome
from tests.campaign.cases import FOLLOW_POINTS, KILL_POINTS, all_cases
from tests.campaign.kept_cases import kept_cases
from tests.cloud.processes import free_port
from tests.cloud.runtime import ROOT

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
IN_CI = ("make demo", "make test", "make campaign")


def test_every_command_that_tests_cannot_run_here_is_run_by_ci() -> None:
    ci = (ROOT / ".ci" / "run").read_text()
    for command in (line for block in BLOCKS for line in block.splitlines() if line in IN_CI):
        assert re.search(rf"\b{command}\b", ci), f"{command} is in README and not in .ci/run"


@pytest.mark.parametrize("block", [b for b in BLOCKS if not set(b.split("\n")) & set(IN_CI)])
def test_a_block_of_commands_runs_as_it_stands(block: str, tmp_path: Path) -> None:
    if "jose " in block and shutil.which("jose") is None:
        pytest.skip("jose, which opens the sealed secret, is not installed")
    script = block.replace("8765", str(free_port())).replace("/tmp/keyturn", f"{tmp_path}/keyturn")
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("KEYTURN_", "MAKE", "TENCENTCLOUD_", "ALIBABA_"))
    }
    shell = ["bash", "-euo", "pipefail", "-m", "-c", script]
    done = subprocess.run(shell, cwd=ROOT, env=env, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"Outcome":"changed"' in done.stdout.replace('": "', '":"')  # one of the two printers puts a space there
    assert '{"CommandId":"sealed-1","Subject":"redis/crs-demo0001/app","Secret":"' in done.stdout or "jose" not in block
    assert "nothing to change" in done.stdout or "make plan" not in block


def test_the_tables_name_every_outcome_error_class_and_common_field() -> None:
    for outcome in Outcome:
        assert f"| `{outcome.value}` |" in README
    for error_class in ErrorClass:
        assert f"| `{error_class.value}` | {_STATUS.get(error_class, 409)} |" in README
    for name in (field.alias for field in TencentCommand.model_fields.values()):
        assert f"`{name}`" in README
    assert Command.model_fields.keys() < TencentCommand.model_fields.keys()


def test_every_setting_that_the_code_reads_is_in_the_table() -> None:
    source = (ROOT / "shared" / "settings.py").read_text()
    for name in set(re.findall(r'text\("([A-Z_]+)"\)', source)):
        assert f"KEYTURN_{name}" in README


def test_the_campaigns_size_is_the_one_that_readme_quotes() -> None:
    plain, kept = len(list(all_cases())), len(list(kept_cases()))
    assert f"plays {plain + kept:,} cases" in README
    assert f"{kept} of them" in README
    assert f"SIGKILL at {len(KILL_POINTS) + len(FOLLOW_POINTS)} points" in README
