"""Setting up: one version of each package on every Python, small steps, two targets at once, and what a person sees."""

from __future__ import annotations

import fcntl
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cloud.backends import child_processes
from tests.cloud.state.checkout import ROOT
from tests.support.programs import PYTHON_3_9, PYTHON_3_10, require_program

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
    # None, if one had ended before the other had begun.
    assert told.count("Another command is installing into both; waiting for it to end.") <= 1
    assert re.search(r"Installed in \d+ s; both holds \d+ MB\.", told)
    assert "\x1b" not in told and "\r" not in told
    assert not list(venv.glob("**/site-packages/mypy"))
    third = set_up(venv, "amqp")
    assert third.communicate(timeout=60) == ("", "")
    run = [str(venv / "bin" / "python"), "-c", "import amqp, pydantic"]
    assert subprocess.run(run, cwd=tmp_path, timeout=60).returncode == 0


@pytest.mark.parametrize("target", ["demo", "test"])
def test_a_python_that_is_too_old_is_told_so_in_one_line(target: str, tmp_path: Path) -> None:
    old = require_program(PYTHON_3_9)
    command = ["make", "--no-print-directory", target, f"PYTHON={old}", f"VENV={tmp_path / 'venv'}"]
    environ = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stdout == ""
    said = [line for line in done.stderr.splitlines() if not line.startswith("make: ***")]
    assert said == ["keyturn needs Python 3.10 or newer: make PYTHON=python3.12 ..."]
    assert not (tmp_path / "venv").exists()


def test_a_python_that_is_asked_for_makes_it_anew_and_what_pip_complains_of_is_shown(tmp_path: Path) -> None:
    older, venv = require_program(PYTHON_3_10), tmp_path / "venv"
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


def test_a_folder_that_is_no_environment_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    process = set_up(tmp_path, "amqp")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert err == f"{tmp_path} is there and is no virtual environment: name another folder (VENV=)\n"
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("venv", ["", "two words"])
def test_a_venv_that_is_no_single_path_is_refused(venv: str) -> None:
    environ = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    command = ["make", "clean", f"VENV={venv}"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60)
    assert (done.returncode, "VENV= must be one folder" in done.stderr) == (2, True)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
def test_the_lock_is_held_for_as_long_as_pip_runs(tmp_path: Path) -> None:
    """Also if the script that started pip is killed: else two would install over each other."""
    process = set_up(tmp_path / "venv", "amqp")
    children: list[int] = []
    until = time.monotonic() + 120
    while not children and time.monotonic() < until:
        found = child_processes.child_pids(process.pid)
        children = [pid for pid in found if b"--require-hashes" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        time.sleep(0.02)
    (pip,) = children
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    lock = (ROOT / ".keyturn" / "venv.lock").open("w")
    with lock:
        if Path(f"/proc/{pip}").exists():
            with pytest.raises(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(lock, fcntl.LOCK_EX)  # pip ends, and lets go of it


# --- what a person sees

SHOW = """
import time
from shared.workbench.environment.terminal import Terminal
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


# --- CI as a newcomer

TOY_MAKEFILE = """one:
\t@env
\t@echo "  held in   12.5 s"
\t@cat
two:
\t@echo "the second ran"
\t@test ! -e fails
"""


def newcomer(folder: Path, readme: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """CI's first part on a small project with two commands of its own."""
    (folder / ".ci").mkdir(parents=True)
    (folder / ".ci" / "newcomer").write_bytes((ROOT / ".ci" / "newcomer").read_bytes())
    (folder / "README.md").write_text(readme, encoding="utf-8")
    (folder / "Makefile").write_text(TOY_MAKEFILE, encoding="utf-8")
    git = ["git", "-C", str(folder), "-c", "user.name=toy", "-c", "user.email=toy@example.invalid"]
    for what in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "toy"]):
        subprocess.run([*git, *what], check=True, timeout=60)
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), **environ}
    command = ["bash", str(folder / ".ci" / "newcomer")]
    return subprocess.run(command, env=env, input="typed", capture_output=True, text=True, timeout=120)


def toy(*commands: str) -> str:
    lines = "\n".join(commands)
    return f"# Toy\n\n## Two commands\n\n```sh\n{lines}\n```\n\n## More\n\n```sh\nmake three\n```\n"


def test_the_newcomer_runs_both_commands_with_a_bare_environment(tmp_path: Path) -> None:
    done = newcomer(tmp_path / "toy", toy("make one", "make two"), KEYTURN_CI="1", CI="true", PIP_RETRIES="7")
    assert (done.returncode, done.stderr) == (0, "")
    assert "PIP_RETRIES=7" in done.stdout and "the second ran" in done.stdout
    assert "KEYTURN_CI" not in done.stdout and "CI=true" not in done.stdout and "typed" not in done.stdout
    assert "make three" not in done.stdout
    clone = re.search(r"^PWD=(.*)$", done.stdout, re.MULTILINE)
    assert clone is not None and not Path(clone[1]).exists()


@pytest.mark.parametrize(
    ("commands", "says"),
    [
        (("make none", "make two"), "README's command failed: make none"),
        (("make one", "make two && false"), "README's command failed: make two && false"),
        (("make one",), "holds 1 lines"),
        ((), "holds 1 lines"),
        (("make one", "make two", "make two"), "holds 3 lines"),
    ],
)
def test_the_newcomer_fails_where_readme_does(tmp_path: Path, commands: tuple[str, ...], says: str) -> None:
    done = newcomer(tmp_path / "toy", toy(*commands))
    assert done.returncode != 0
    assert says in done.stderr


@pytest.mark.parametrize(("line", "code"), [("  held in 7 s", 0), ("...", 0), ("  held in a minute", 1)])
def test_what_readme_shows_is_what_its_first_command_prints(tmp_path: Path, line: str, code: int) -> None:
    recording = f"\n<!-- recording -->\n```text\n{line}\n```\n<!-- /recording -->\n"
    done = newcomer(tmp_path / "toy", toy("make one", "make two") + recording)
    assert done.returncode == code, done.stderr
    assert ("held in a minute" in done.stderr) == bool(code)


def test_ci_is_the_newcomer_first_and_spells_neither_command() -> None:
    newcomer_script = (ROOT / ".ci" / "newcomer").read_text(encoding="utf-8")
    assert "## Two commands" in (ROOT / "README.md").read_text(encoding="utf-8")
    for text in (CI, newcomer_script):
        assert not re.search(r"make +(demo|test)\b", text)
        assert text.count("../") == 0 and text.count('/.."') == 1  # nothing outside the checkout
    assert CI.index("bash .ci/newcomer") < CI.index("apt-get install")
