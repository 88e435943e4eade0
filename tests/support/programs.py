"""Programs that some tests need and a machine may lack: which tests these are, and how to get the program."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from shared.workbench.package.dependencies import PackageError, find_interpreter
from tests.cloud.backends import rabbitmq
from tests.cloud.state.checkout import ROOT

MISSING = "not installed: "
NODE_PACKAGES = ROOT / ".keyturn" / "node"
NODE_SDKS_LOCK = ROOT / "tests" / "support" / "node" / "package-lock.json"
_NODE_SDKS = NODE_PACKAGES / "vendors"


@dataclass(frozen=True)
class Program:
    """`find` returns its path, or None; `get` is the command that installs it on Debian."""

    name: str
    get: str
    find: Callable[[], str | None]


def _on_path(*names: str) -> Callable[[], str | None]:
    return lambda: next((path for name in names if (path := shutil.which(name))), None)


def _python(version: str) -> Callable[[], str | None]:
    def find() -> str | None:
        try:
            return find_interpreter(version).path
        except PackageError:
            return None

    return find


def _node_package(path: str) -> Callable[[], str | None]:
    def find() -> str | None:
        folder = NODE_PACKAGES / "node_modules" / path
        return str(folder) if folder.exists() and shutil.which("node") else None

    return find


def _node_sdks() -> str | None:
    """The folder of Node packages, if it has those of the lock file."""
    lock = _NODE_SDKS / NODE_SDKS_LOCK.name
    same = lock.is_file() and lock.read_bytes() == NODE_SDKS_LOCK.read_bytes()
    packages = _NODE_SDKS / "node_modules"
    return str(packages) if same and packages.is_dir() and shutil.which("node") else None


def _npm(package: str) -> str:
    return f"npm install --prefix {NODE_PACKAGES.relative_to(ROOT)} {package} (needs Node)"


ASYNCAPI = Program("@asyncapi/parser", _npm("@asyncapi/parser@3.6.3"), _node_package("@asyncapi/parser"))
# The headless shell is the same browser without a window, and takes half the time.
_BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = Program("Chromium", "apt-get install chromium-headless-shell (or chromium)", _on_path(*_BROWSERS))
CURL = Program("curl", "apt-get install curl", _on_path("curl"))
JOSE = Program("jose", "apt-get install jose", _on_path("jose"))
NODE_SDKS = Program("the vendors' Node SDKs", "tests/support/node/install (needs Node and npm)", _node_sdks)
OPENSSL = Program("openssl", "apt-get install openssl", _on_path("openssl"))
PYTHON_3_9 = Program("Python 3.9", "pyenv install 3.9", _python("3.9"))
PYTHON_3_10 = Program("Python 3.10", "pyenv install 3.10", _python("3.10"))
PYTHON_3_12 = Program("Python 3.12", "pyenv install 3.12", _python("3.12"))
RABBITMQ = Program(
    "RabbitMQ", "apt-get install rabbitmq-server", lambda: None if rabbitmq.missing_programs() else "here"
)
SERVERLESS = Program("serverless", _npm("serverless@3"), _node_package(".bin/serverless"))
_SLS_SDK = ROOT / ".keyturn" / "sls"
# Only its models: its client needs two packages without wheels, and the lock file allows wheels only.
SLS_SDK = Program(
    "the models of Alibaba's SLS SDK",
    "python3 -m pip install --no-deps --target .keyturn/sls alibabacloud-sls20201230==5.15.1",
    lambda: str(_SLS_SDK) if (_SLS_SDK / "alibabacloud_sls20201230").is_dir() else None,
)
TCCLI = Program(
    "tccli",
    "python3 -m venv .keyturn/tccli && .keyturn/tccli/bin/pip install tccli==3.1.189.1",
    lambda: shutil.which(str(ROOT / ".keyturn" / "tccli" / "bin" / "tccli")),
)


def require_program(program: Program) -> str:
    """The path of the program. Without it the test is skipped, and the end of the run says so; in CI the test fails."""
    found = program.find()
    if found is None:
        reason = f"{MISSING}{program.name}: {program.get}"
        if "KEYTURN_CI" in os.environ:
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return found


def missing_programs_report(reasons: list[str]) -> list[str]:
    """The lines about tests that could not run, from the reasons of all skipped tests."""
    counts: dict[str, int] = {}
    for reason in reasons:
        if reason.startswith(MISSING):
            counts[reason] = counts.get(reason, 0) + 1
    if not counts:
        return []
    lines = ["Not tested, because a program is missing:"]
    for reason, count in sorted(counts.items()):
        name, _, get = reason.removeprefix(MISSING).partition(": ")
        lines.append(f"  {count:>4} {'test needs' if count == 1 else 'tests need'} {name}: {get}")
    return lines
