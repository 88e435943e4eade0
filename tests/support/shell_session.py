"""A shell that keeps running from one block of commands to the next, as a person's terminal does."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType

from tests.cloud.state.checkout import ROOT

# Jobs that a block left in the background end with the shell.
_PROLOGUE = "trap 'for job in $(jobs -p); do kill $job 2>/dev/null || true; done' EXIT\n"
_OURS = ("KEYTURN_", "MAKE", "PYTEST_", "TENCENTCLOUD_", "ALIBABA_")
_LOOK_S = 0.05


class ShellSession:
    """bash in the checkout's root, without this project's settings. It ends at the first command that fails.

    `opener` is a command that starts a shell, such as `make shell`. It then starts this shell.
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
        """The output of a block. Raises: AssertionError with the output, if the block fails or takes too long."""
        self._blocks += 1
        before, ended = self._said.stat().st_size, self._folder / f"ended-{self._blocks}"
        script = self._folder / f"block-{self._blocks}.sh"
        script.write_text(block, encoding="utf-8")
        # From a file: otherwise a command that reads its input would read the rest of the script.
        self._tell(f". {script} < /dev/null\n: > {ended}\n")
        until = time.monotonic() + timeout_s
        while not ended.exists() and self._shell.poll() is None and time.monotonic() < until:
            time.sleep(_LOOK_S)
        said = self._said.read_bytes()[before:].decode("utf-8", "replace")
        assert ended.exists(), f"{block}\n--- failed, exit {self._shell.poll()}; it said:\n{said}"
        return said

    def leave(self, *, timeout_s: float) -> None:
        """Run `exit`, and wait until everything that the opener started has ended.

        Raises: AssertionError: it does not end.
        """
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
        except subprocess.TimeoutExpired:  # a block hangs: after TERM, bash runs its trap once the block has ended
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._shell.pid, signal.SIGTERM)
            self._shell.wait(10)

    def _tell(self, text: str) -> None:
        assert self._shell.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # the shell has ended; the caller who waits for the block sees that
            self._shell.stdin.write(text.encode())
            self._shell.stdin.flush()
