"""A shell that goes on from one block of commands to the next, as a person at a terminal does."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType

from tests.cloud.state.checkout import ROOT

# What a block left in the background ends with the shell.
_PROLOGUE = "trap 'for job in $(jobs -p); do kill $job 2>/dev/null || true; done' EXIT\n"
_OURS = ("KEYTURN_", "MAKE", "PYTEST_", "TENCENTCLOUD_", "ALIBABA_")
_LOOK_S = 0.05


class ShellSession:
    """bash at the checkout's root, without any setting of ours; it ends at the first command that fails.

    With `opener`, a command that starts a shell (`make shell`), that command starts it.
    """

    def __init__(self, folder: Path, opener: str = "") -> None:
        self._folder = folder
        self._blocks = 0
        self._said = folder / "said.txt"
        environ = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        strict = folder / "strict-bash"
        strict.write_text("#!/bin/sh\nexec bash -euo pipefail -s\n", encoding="utf-8")
        strict.chmod(0o700)
        environ["SHELL"] = str(strict)
        with self._said.open("ab") as said:
            self._shell = subprocess.Popen(
                ["bash", "-c", f"exec {opener or strict}"],
                cwd=ROOT,
                env=environ,
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._tell(_PROLOGUE)

    def run(self, block: str, *, timeout_s: float) -> str:
        """What a block prints. Raises: AssertionError with all of that, if it fails or takes too long."""
        self._blocks += 1
        before, ended = self._said.stat().st_size, self._folder / f"ended-{self._blocks}"
        script = self._folder / f"block-{self._blocks}.sh"
        script.write_text(block, encoding="utf-8")
        # From a file: commands that read their input would read the rest of a script that comes by it.
        self._tell(f". {script} < /dev/null\n: > {ended}\n")
        until = time.monotonic() + timeout_s
        while not ended.exists() and self._shell.poll() is None and time.monotonic() < until:
            time.sleep(_LOOK_S)
        said = self._said.read_bytes()[before:].decode("utf-8", "replace")
        assert ended.exists(), f"{block}\n--- failed, exit {self._shell.poll()}; it said:\n{said}"
        return said

    def leave(self, *, timeout_s: float) -> None:
        """`exit`, and wait until what the opener started has ended, too. Raises: AssertionError if it does not."""
        self._tell("exit\n")
        assert self._shell.wait(timeout_s) == 0, self._said.read_text(encoding="utf-8", errors="replace")

    def __enter__(self) -> ShellSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._shell.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._shell.stdin.close()
        try:
            self._shell.wait(5)
        except subprocess.TimeoutExpired:  # a block hangs: TERM lets bash run its trap once that has ended
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._shell.pid, signal.SIGTERM)
            self._shell.wait(10)

    def _tell(self, text: str) -> None:
        assert self._shell.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended, which whoever waits for the block sees
            self._shell.stdin.write(text.encode())
            self._shell.stdin.flush()
