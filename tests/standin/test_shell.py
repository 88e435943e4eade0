"""`make shell`: a shell for a person who tries things. What it starts ends with it, and no call from it leaves."""

from __future__ import annotations

import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cloud.state.checkout import ROOT

SHELL = [sys.executable, "-m", "tests.cloud", "shell"]
START_FILE = """
export PATH=/nowhere:/usr/bin:/bin TENCENTCLOUD_SECRET_KEY=my-own-key KEYTURN_REGION=ap-mine KEYTURN_TENCENT_ENDPOINT=https://mine
echo the start file was read
"""
OWN = {"TENCENTCLOUD_SECRET_KEY": "my-own-key", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "my-own-key"}
OWN_SETTINGS = {"KEYTURN_RESULTS": "ckafka://mine", "KEYTURN_ALLOW": "mine", "YES": "1"}


def run(tmp_path: Path, typed: str, *options: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, **OWN, **OWN_SETTINGS, "SHELL": "/bin/sh", "TMPDIR": str(tmp_path)}
    environ.pop("STAND_IN", None)
    command = [*SHELL, *options]
    return subprocess.run(command, cwd=ROOT, env=environ, input=typed, capture_output=True, text=True, timeout=60)


def test_a_shell_has_the_standins_keys_and_settings_and_none_of_the_callers(tmp_path: Path) -> None:
    done = run(tmp_path, "env\nls $folder\nfalse\n")
    assert done.returncode == 0, done.stderr
    values = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    assert "my-own-key" not in done.stdout
    assert "KEYTURN_ALLOW" not in values and "YES" not in values
    for cloud in ("TENCENT", "ALIBABA"):
        assert values[f"KEYTURN_{cloud}_ENDPOINT"].startswith("http://127.0.0.1:")
    assert values["KEYTURN_RESULTS"].startswith(f"sqlite://{tmp_path}")
    assert values["TENCENTCLOUD_SECRET_ID"] == "AKIDSTANDIN"
    assert "cloud.json" in done.stdout


def test_exit_ends_the_standin_and_removes_what_was_written(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        "echo $folder > /dev/stderr\ntouch $folder/mine\nexit 3\n",
    )
    assert done.returncode == 0
    endpoint = done.stdout.split(" runs at ")[1].split(". ")[0]
    assert not Path(done.stderr.split()[-1]).exists()
    assert list(tmp_path.iterdir()) == []
    host, _, port = endpoint.removeprefix("http://").partition(":")
    with socket.socket() as nobody:
        assert nobody.connect_ex((host, int(port))) != 0


def test_another_world_brings_no_queues_and_tls_a_certificate_to_trust(tmp_path: Path) -> None:
    done = run(tmp_path, "env\n", "--world", "tests/cloud/empty.toml", "--tls")
    values = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    assert "KEYTURN_RESULTS" not in values and "KEYTURN_COMMANDS" not in values
    assert values["KEYTURN_TENCENT_ENDPOINT"].startswith("https://localhost:")
    assert values["KEYTURN_CA_FILE"]


def test_a_world_that_is_not_there_is_named_and_nothing_starts(tmp_path: Path) -> None:
    done = run(tmp_path, "echo never\n", "--world", "no-such.toml")
    assert done.returncode == 2
    assert "no-such.toml" in done.stderr and "Traceback" not in done.stderr
    assert "never" not in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "to"), [(signal.SIGTERM, os.kill), (signal.SIGHUP, os.kill), (signal.SIGHUP, os.killpg)]
)
def test_a_signal_ends_the_standin_too(
    tmp_path: Path, number: signal.Signals, to: Callable[[int, signal.Signals], None]
) -> None:
    """A terminal that is closed has SIGHUP sent to all processes of the command."""
    environ = {**os.environ, "SHELL": "/bin/sh", "TMPDIR": str(tmp_path)}
    environ.pop("STAND_IN", None)
    how: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    shell = subprocess.Popen(SHELL, cwd=ROOT, env=environ, start_new_session=True, **how)
    assert shell.stdout is not None and shell.stdin is not None
    shell.stdout.readline()
    to(shell.pid, number)
    shell.wait(20)
    until = time.monotonic() + 10
    while list(tmp_path.iterdir()) and time.monotonic() < until:
        time.sleep(0.1)
    assert list(tmp_path.iterdir()) == []
    shell.stdin.close()
    shell.stdout.close()


def interactive(tmp_path: Path, program: str, typed: str) -> tuple[int, str]:
    """The exit code, and all that a terminal shows."""
    ours, theirs = pty.openpty()
    folder = tmp_path / "tmp"
    folder.mkdir()
    environ = {**os.environ, "SHELL": program, "HOME": str(tmp_path), "TMPDIR": str(folder), "TERM": "dumb"}
    environ.pop("STAND_IN", None)
    with subprocess.Popen(
        SHELL, cwd=ROOT, env=environ, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as shell:
        os.close(theirs)
        os.write(ours, typed.encode())
        shown = b""
        try:
            while chunk := os.read(ours, 65536):
                shown += chunk
        except OSError:  # nobody has the terminal open any more
            pass
        finally:
            os.close(ours)
    return shell.returncode, shown.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("program", [name for name in ("bash", "dash", "zsh") if shutil.which(name)])
def test_the_users_own_start_file_is_read_and_sets_no_key_no_endpoint_and_no_other_python(
    tmp_path: Path, program: str
) -> None:
    (tmp_path / f".{program}rc").write_text(START_FILE)
    typed = "python -c 'import pydantic; print(6 * 7, 8 * 9)'\nenv\nexit\n"
    code, shown = interactive(tmp_path, shutil.which(program) or program, typed)
    assert code == 0, shown
    assert ("the start file was read" in shown) == (program != "dash")  # which reads one only if ENV names it
    assert "42 72\n" in shown
    assert "my-own-key" not in shown and "ap-mine" not in shown and "https://mine" not in shown
    assert "KEYTURN_TENCENT_ENDPOINT=http://127.0.0.1:" in shown
    assert "(stand-in) " in shown
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_shell_inside_a_shell_is_refused(tmp_path: Path) -> None:
    done = run(tmp_path, f"{sys.executable} -m tests.cloud shell; echo code $?\n")
    assert "code 2" in done.stdout
    assert "this shell has a stand-in already" in done.stderr
    assert done.returncode == 0


def test_a_python_without_the_packages_is_told_where_they_are() -> None:
    """`-S` hides what is installed, as the machine's own Python has none of it."""
    command = [sys.executable, "-S", "-m", "tests.cloud", "run", "--once"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2, done.stderr
    assert "this Python has no package" in done.stderr and "make shell" in done.stderr
    assert "Traceback" not in done.stderr
