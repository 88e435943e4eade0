"""`make shell`: a shell for a person who tries things. What it starts ends with it, and no call from it leaves."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cloud.state.checkout import ROOT

SHELL = [sys.executable, "-m", "tests.cloud", "shell"]
OWN = {"TENCENTCLOUD_SECRET_KEY": "my-own-key", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "my-own-key"}
OWN_SETTINGS = {"KEYTURN_RESULTS": "ckafka://mine", "KEYTURN_ALLOW": "mine", "YES": "1"}


def run(tmp_path: Path, typed: str, *options: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, **OWN, **OWN_SETTINGS, "SHELL": "/bin/sh", "TMPDIR": str(tmp_path)}
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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_standin_too(tmp_path: Path, number: signal.Signals) -> None:
    environ = {**os.environ, "SHELL": "/bin/sh", "TMPDIR": str(tmp_path)}
    shell = subprocess.Popen(SHELL, cwd=ROOT, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert shell.stdout is not None and shell.stdin is not None
    shell.stdout.readline()
    shell.send_signal(number)
    shell.wait(20)
    until = time.monotonic() + 10
    while list(tmp_path.iterdir()) and time.monotonic() < until:
        time.sleep(0.1)
    assert list(tmp_path.iterdir()) == []
    shell.stdin.close()
    shell.stdout.close()
