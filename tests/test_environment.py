"""Setting up: one version of each package on every Python, small steps, two targets at once, and what a person sees."""

from __future__ import annotations

import json
import os
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cloud.runtime import ROOT
from tests.programs import PYTHON_3_9, PYTHON_3_10, need

LOCKS = sorted(ROOT.glob("requirements-*.txt"))
PINNED = re.compile(r"^([a-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
# A package that stands twice in a lock is two projects; each needs a reason here, such as a Python without a wheel.
TWICE: dict[str, str] = {}
CI = (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def pins(lock: Path) -> list[tuple[str, str]]:
    return PINNED.findall(lock.read_text(encoding="utf-8"))


# --- the locks


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_each_package_has_one_version_for_all_pythons_or_a_written_reason(lock: Path) -> None:
    names = [name for name, _ in pins(lock)]
    assert names
    assert {name for name in names if names.count(name) > 1} == {name for name in TWICE if name in names}
    assert all(TWICE.values())


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_each_lock_agrees_with_the_one_that_holds_everything(lock: Path) -> None:
    assert set(pins(lock)) <= set(pins(ROOT / "requirements-dev.txt"))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_names_no_place_and_has_a_hash_for_each_package(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text
    assert "index-url" not in text
    for _, start in ((match[0], match.end()) for match in PINNED.finditer(text)):
        assert "--hash=sha256:" in text[start : start + 400]


# --- setting up


def set_up(venv: Path, *more: str, python: str = sys.executable) -> subprocess.Popen[str]:
    command = [python, "-m", "shared.workbench.environment", "--venv", str(venv), *more]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.long
def test_two_that_start_at_once_install_once_and_a_third_has_nothing_to_do(tmp_path: Path) -> None:
    venv = tmp_path / "both"
    started = [set_up(venv, "amqp") for _ in range(2)]
    said = [process.communicate(timeout=240) for process in started]
    assert [process.returncode for process in started] == [0, 0], said
    assert [out for out, _ in said] == ["", ""]
    told = "".join(err for _, err in said)
    assert told.count("Installing 7 packages (amqp) into both") == 1
    assert told.count("Another command is installing into both; waiting for it to end.") == 1
    assert re.search(r"Installed in \d+ s; both holds \d+ MB\.", told)
    assert "\x1b" not in told and "\r" not in told
    assert not list(venv.glob("**/site-packages/mypy"))
    third = set_up(venv, "amqp")
    assert third.communicate(timeout=60) == ("", "")
    run = [str(venv / "bin" / "python"), "-c", "import amqp, pydantic"]
    assert subprocess.run(run, cwd=tmp_path, timeout=60).returncode == 0


@pytest.mark.parametrize("target", ["demo", "test"])
def test_a_python_that_is_too_old_is_told_so_in_one_line(target: str, tmp_path: Path) -> None:
    old = need(PYTHON_3_9)
    command = ["make", "--no-print-directory", target, f"PYTHON={old}", f"VENV={tmp_path / 'venv'}"]
    environ = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stdout == ""
    said = [line for line in done.stderr.splitlines() if not line.startswith("make: ***")]
    assert said == ["keyturn needs Python 3.10 or newer: make PYTHON=python3.12 ..."]
    assert not (tmp_path / "venv").exists()


def test_a_python_that_is_asked_for_makes_it_anew_and_what_pip_complains_of_is_shown(tmp_path: Path) -> None:
    older, venv = need(PYTHON_3_10), tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(sys.executable)
    (venv / "keyturn-installed.json").write_text(json.dumps(dict(pins(ROOT / "requirements-amqp.txt"))))
    (venv / "pyvenv.cfg").write_text("version = 3.9.18\n")
    environ = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "PATH": os.environ["PATH"]}
    command = [older, "-m", "shared.workbench.environment", "--venv", str(venv), "amqp"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    command.append("--exactly")
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Setting up venv with Python 3.10." in done.stderr
    assert "Installed in" not in done.stderr
    assert "No matching distribution" in done.stderr
    assert "pip could not install the packages of amqp" in done.stderr


# --- what a person sees

SHOW = """
import time
from shared.workbench.terminal import Terminal
terminal = Terminal()
terminal.say("first")
terminal.progress("half way")
terminal.say(terminal.good("all held"))
"""


def on_a_terminal(**environ: str) -> str:
    """What the program writes to a real pseudo-terminal."""
    ours, theirs = os.openpty()
    env = {"PATH": os.environ["PATH"], "TERM": "xterm", **environ}
    process = subprocess.Popen(
        [sys.executable, "-c", SHOW], cwd=ROOT, env=env, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    said = b""
    until = time.monotonic() + 30
    while time.monotonic() < until and select.select([ours], [], [], 30)[0]:
        try:
            chunk = os.read(ours, 4096)
        except OSError:  # the other side is closed, as Linux tells it
            break
        if not chunk:
            break
        said += chunk
    os.close(ours)
    assert process.wait(30) == 0
    return said.decode()


def test_a_terminal_shows_progress_and_colour() -> None:
    assert on_a_terminal() == "first\r\n\x1b[2mhalf way\x1b[0m\r\x1b[2K\x1b[32mall held\x1b[0m\r\n"


def test_no_color_leaves_the_line_of_progress_and_takes_the_colour() -> None:
    assert on_a_terminal(NO_COLOR="1") == "first\r\nhalf way\r\x1b[2Kall held\r\n"


def test_a_terminal_that_can_do_nothing_gets_plain_lines() -> None:
    assert on_a_terminal(TERM="dumb") == "first\r\nall held\r\n"


def test_a_pipe_gets_plain_lines() -> None:
    done = subprocess.run([sys.executable, "-c", SHOW], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout == "first\nall held\n"


# --- CI


def test_ci_takes_the_two_commands_from_readme_and_spells_neither() -> None:
    assert "## Two commands" in CI
    assert "## Two commands" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert not re.search(r"make +(demo|test)\b", CI)


def test_ci_reads_nothing_outside_the_checkout() -> None:
    assert "../" not in CI
