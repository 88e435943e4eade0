"""The hooks of pre-commit: local, without a network, and each stops a file with its kind of mistake."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cloud.state.checkout import ROOT

CONFIG: dict[str, Any] = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
HOOKS: dict[str, dict[str, Any]] = {hook["id"]: hook for hook in CONFIG["repos"][0]["hooks"]}
# https://pre-commit.com/#pre-commit-configyaml---hooks: those that a local hook must have, and those that we use.
NEEDED, USED = {"id", "name", "language", "entry"}, {"types_or", "require_serial"}

GOOD = "def double(number: int) -> int:\n    return number * 2\n"
BAD = {
    "ruff-check": "import os\n" + GOOD,
    "ruff-format": GOOD.replace("number * 2", "number*2"),
    "mypy": GOOD.replace("number * 2", "str(number)"),
}


def test_every_hook_is_a_tool_of_the_virtual_environment() -> None:
    (repo,) = CONFIG["repos"]
    assert repo["repo"] == "local"
    for hook in repo["hooks"]:
        assert NEEDED <= set(hook) <= NEEDED | USED
        assert hook["language"] == "system"
        assert hook["entry"].startswith(".venv/bin/")
        assert hook["types_or"] == ["python", "pyi"]


def passes(hook: str, file: Path) -> bool:
    """As pre-commit judges: the tool says yes, and leaves the file as it was."""
    tool, *options = HOOKS[hook]["entry"].removeprefix(".venv/bin/").split()
    before = file.read_text(encoding="utf-8")
    command = [str(Path(sys.executable).parent / tool), *options, str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    return done.returncode == 0 and file.read_text(encoding="utf-8") == before


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_stops_its_kind_of_mistake_and_nothing_else(hook: str, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.py", tmp_path / "bad.py"
    good.write_text(GOOD, encoding="utf-8")
    bad.write_text(BAD[hook], encoding="utf-8")
    assert passes(hook, good)
    assert not passes(hook, bad)


def test_the_hooks_are_what_make_lint_runs() -> None:
    target = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\nlint:")[2].partition("\n\n")[0]
    linted = [line.strip().removeprefix("$(VENV)/bin/") for line in target.splitlines()[1:]]
    entries = [hook["entry"].removeprefix(".venv/bin/") for hook in HOOKS.values()]
    assert [line.replace(" --check", "").removesuffix(" .") for line in linted] == entries
