"""Runs the quick tests on one mutant, in a copy of the checkout."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

# The folders with quick tests. Collecting the others would take longer than most runs.
_TESTED = ("changes", "clouds", "commands", "handlers", "results", "rotation", "runtime", "stores", "triggers")
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)
_MOST_MEMORY = 4 << 30  # in bytes: a mutant may turn a loop endless, and fill a list
_SLACK_S = 15.0
_NO_TESTS = 5  # pytest's exit code if a room has no quick test
_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"


class Verdict(Enum):
    """The result of the tests for one mutant."""

    KILLED = "killed"
    TIMED_OUT = "timed out"  # the tests did not end: this counts as noticed
    SURVIVED = "survived"


@dataclass(frozen=True)
class Judgement:
    """One run of the quick tests: the result, the test that decided it, the seconds it took."""

    verdict: Verdict
    killer: str
    seconds: float

    def after(self, earlier: Judgement) -> Judgement:
        """The same judgement, with the time of an earlier run added."""
        return replace(self, seconds=self.seconds + earlier.seconds)


class Checkout:
    """A copy of the checkout in which one file at a time is replaced. Only one thread may use it."""

    def __init__(self, root: Path, folder: Path) -> None:
        """Copy the files of `root` that git tracks or would add, as they are now."""
        self.folder = folder
        self._running: subprocess.Popen[str] | None = None
        for name in _files(root):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, folder / name, follow_symlinks=False)

    def judge(self, path: str, source: str, limit_s: float) -> Judgement:
        """Run the quick tests with other source in one file, then restore the file.

        The tests of its own room run first.
        """
        file = self.folder / path
        original = file.read_bytes()
        try:
            self._put(file, source.encode())
            module = path.removeprefix("shared/").removesuffix(".py")
            own = module.partition("/")[0]
            near = self.run(limit_s, (own,), module)
            others = tuple(room for room in _TESTED if room != own)
            return self.run(limit_s, others).after(near) if near.verdict is Verdict.SURVIVED else near
        finally:
            self._put(file, original)

    def run(self, limit_s: float, rooms: Sequence[str] = _TESTED, first: str = "") -> Judgement:
        """Run these rooms' quick tests until one fails. The tests of the module `first` run before the others."""
        command = [sys.executable, "-m", "pytest", "-m", "quick", "-x", "-rfE", "--tb=no", "--first", first]
        tests = [f"tests/{room}" for room in rooms if (self.folder / "tests" / room).is_dir()]
        if not tests:
            return Judgement(Verdict.SURVIVED, "", 0.0)
        environ = {name: value for name, value in os.environ.items() if name not in (_NO_BYTECODE, "KEYTURN_CI")}
        began = time.monotonic()
        process = subprocess.Popen(
            [*command, *tests],
            cwd=self.folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._running = process
        resource.prlimit(process.pid, resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
        try:
            said, _ = process.communicate(timeout=limit_s)
            none_failed = process.returncode in (0, _NO_TESTS if rooms != _TESTED else 0)
            verdict = Verdict.SURVIVED if none_failed else Verdict.KILLED
        except subprocess.TimeoutExpired:
            said, verdict = "", Verdict.TIMED_OUT
        finally:
            self._running = None
            _end(process)
        found = _FAILED.search(said)
        killer = found[1] if found else ("" if verdict is not Verdict.KILLED else said.strip()[-300:])
        return Judgement(verdict, killer, time.monotonic() - began)

    def stop(self) -> None:
        """Stop a run that another thread waits for."""
        if self._running is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._running.pid, signal.SIGKILL)

    def _put(self, file: Path, source: bytes) -> None:
        file.write_bytes(source)
        # Python would use the old compiled file if the new source had the same size and time.
        for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
            compiled.unlink()


def limit_of(baseline_s: float) -> float:
    """The seconds after which a run is stopped, if a run without a mutant takes `baseline_s`."""
    return 3 * baseline_s + _SLACK_S


def _files(root: Path) -> list[str]:
    listing = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    told = subprocess.run(listing, stdout=subprocess.PIPE, check=True).stdout.decode()
    return [name for name in told.split("\0") if name and (root / name).is_file()]


def _end(process: subprocess.Popen[str]) -> None:
    """Stop the tests and every process that they started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
