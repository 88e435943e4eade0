"""Runs of verify against the stand-in, in this process or one of their own."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shared.workbench.claims.table import read_claims
from shared.workbench.verify.commands import main
from tests.cloud.client.standin import Standin
from tests.cloud.state.checkout import ROOT

_A_DAY = 8
_OURS = ("KEYTURN_", "TENCENTCLOUD_", "ALIBABA_CLOUD_", "SANDBOX_", "YES", "SLOW")

Twist = tuple[str, dict[str, Any]]
"""A claim, and a world in which it does not hold."""


def twists(tried: set[str]) -> list[Twist]:
    """Every other world of every claim that is tried: a sample that each day draws anew, or all (KEYTURN_TWISTS)."""
    every = [(claim.id, world) for claim in read_claims() if claim.id in tried for world in claim.otherwise]
    if os.environ.get("KEYTURN_TWISTS") == "all":
        return every
    drawn = random.Random(time.strftime("%Y%m%d", time.gmtime())).sample(range(len(every)), min(_A_DAY, len(every)))
    return [every[place] for place in sorted(drawn)]


def twist_name(value: object) -> str:
    """How a test is called that plays one."""
    return value if isinstance(value, str) else json.dumps(value)


@dataclass(frozen=True)
class Account:
    """A stand-in as the owner of a sandbox sees it. `secrets`: environment variable -> present password."""

    standin: Standin
    cloud: str
    sandbox: str
    secrets: dict[str, str]
    dist: Path

    @property
    def journal(self) -> Path:
        """What is not back yet."""
        return self.dist / f"verify-{self.cloud}-open.json"

    @property
    def report(self) -> Path:
        """The text for a bug report."""
        return self._last("txt")

    def _last(self, kind: str) -> Path:
        """The last run's file: one with ONLY= writes its own."""
        stems = (f"verify-{self.cloud}", f"verify-{self.cloud}-only")
        there = [path for path in (self.dist / f"{stem}.{kind}" for stem in stems) if path.exists()]
        return max(there, key=lambda path: path.stat().st_mtime_ns)

    def findings(self) -> dict[str, dict[str, str]]:
        """The last run's, by claim."""
        whole = json.loads(self._last("json").read_text())
        return {one["Claim"]: one for one in whole["Findings"]}

    def environment(self, **more: str) -> dict[str, str]:
        """The caller's, who agreed to every change unless `more` says otherwise."""
        keys = self.standin.credentials[self.cloud]
        names = ("TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY", "TENCENTCLOUD_TOKEN")
        if self.cloud == "alibaba":
            names = ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        given = dict(zip(names, (keys["id"], keys["key"], keys["token"]), strict=True))
        endpoint = {f"KEYTURN_{self.cloud.upper()}_ENDPOINT": self.standin.endpoint}
        return {**clean, **given, **endpoint, **self.secrets, "YES": "1", **more}

    def arguments(self, only: str = "") -> list[str]:
        """Of one run."""
        file = self.dist / "sandbox.toml"
        file.write_text(self.sandbox)
        return [self.cloud, "--sandbox", str(file), "--dist", str(self.dist), *(["--only", only] if only else [])]

    def run(self, patch: pytest.MonkeyPatch, only: str = "") -> int:
        """One run in this process; its exit code."""
        with patch.context() as inner:
            for name in [one for one in os.environ if one.startswith(_OURS)]:
                inner.delenv(name)
            for name, value in self.environment().items():
                inner.setenv(name, value)
            return main(self.arguments(only))

    def start(self, only: str = "", **environment: str) -> subprocess.Popen[str]:
        """One run in a process of its own, without a terminal."""
        return subprocess.Popen(
            [sys.executable, "-m", "shared.workbench.verify", *self.arguments(only)],
            cwd=ROOT,
            env=self.environment(**environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_for_call(self, run: subprocess.Popen[str], action: str, count: int) -> None:
        """Until the stand-in has answered so many calls of an action. Raises: AssertionError: it never came."""
        until = time.monotonic() + 60
        while sum(one["Action"] == action for one in self.standin.calls()) < count:
            assert run.poll() is None and time.monotonic() < until, f"there was no {action} number {count}"
            time.sleep(0.01)
