"""Sets up the virtual environment that the Makefile's targets run in, and adds the packages that a target needs.

`python3 -m shared.workbench.environment [--venv .venv] [--exactly] SET...` installs `requirements-<SET>.txt`, by hash.
A set that is there already costs one look at a file. Two targets that start at once wait for each other. `--exactly`:
make the environment anew if another version of Python made it. Runs before anything is installed, so it uses the
standard library alone.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.runtime.spelling import meant
from shared.workbench.environment.command_line import CommandLine
from shared.workbench.environment.counted import counted
from shared.workbench.environment.interrupts import INTERRUPTED
from shared.workbench.environment.terminal import Terminal

_ROOT = Path(__file__).parents[3]
_OLDEST = (3, 10)
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
_RECORD, _CONFIG = "keyturn-installed.json", "pyvenv.cfg"
# With these pip would install into another place, or nothing.
_ELSEWHERE = {"PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_DRY_RUN"}
_LOOK_S = 0.5


def main(argv: list[str]) -> int:
    """Exit 1: Python is too old, or pip could not install; its reason is on stderr."""
    parser = CommandLine(
        "python3 -m shared.workbench.environment", __doc__, "python3 -m shared.workbench.environment demo pages"
    )
    parser.add_argument("sets", nargs="+", metavar="SET", help="as in requirements-<SET>.txt")
    parser.add_argument("--venv", type=Path, default=_ROOT / ".venv")
    parser.add_argument("--exactly", action="store_true", help="with this version of Python and no other")
    arguments = parser.parse_args(argv)
    if sys.version_info < _OLDEST:
        print("keyturn needs Python 3.10 or newer: make PYTHON=python3.12 ...", file=sys.stderr)
        return 1
    known = sorted(path.stem.removeprefix("requirements-") for path in _ROOT.glob("requirements-*.txt"))
    if unknown := [one for one in arguments.sets if one not in known]:
        parser.error(f"there is no set {unknown[0]}{meant(unknown[0], known) or ';'} there are {', '.join(known)}")
    environment = VirtualEnvironment(arguments.venv.absolute(), exactly=arguments.exactly)
    if not environment.lacking(arguments.sets):
        return 0
    terminal = Terminal(sys.stderr)  # what a target prints is the target's alone
    with _alone(environment.folder, terminal) as lock:
        # Another target may have installed the same while this one waited.
        lacking = environment.lacking(arguments.sets)
        try:
            if lacking:
                environment.install(lacking, terminal, lock)
        except SetUpError as error:
            print(error, file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            terminal.say(f"Interrupted: {environment.folder.name} is not complete. The next command installs the rest.")
            return INTERRUPTED
    return 0


class SetUpError(Exception):
    """The environment could not be set up; the text says why and what to do."""


class VirtualEnvironment:
    """One virtual environment, with a record of what was installed into it."""

    def __init__(self, folder: Path, *, exactly: bool = False) -> None:
        self.folder = folder
        self._record = folder / _RECORD
        self._exactly = exactly
        self._python = folder / "bin" / "python"

    def lacking(self, sets: list[str]) -> list[str]:
        """The sets of which something is not installed in the version that their file names."""
        held = self._installed().items()
        return [one for one in sets if not _pinned(one).items() <= held]

    def install(self, sets: list[str], terminal: Terminal, lock: int) -> None:
        """Install every package of these sets, and say how far it is. Raises: SetUpError.

        `lock`: the open lock file. Children hold it too: pip may outlive this process.
        """
        started = time.monotonic()
        wanted: dict[str, str] = {}
        for one in sets:
            wanted |= _pinned(one)
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        if not self._is_whole():
            self._make(version, terminal, lock)
        held = self._installed()
        new = {name: wanted[name] for name in wanted if held.get(name) != wanted[name]}
        terminal.say(
            f"Installing {counted(len(new), 'package')} ({', '.join(sets)}) into {self.folder.name}: "
            "under a minute with a package index nearby."
        )
        self._pip(sets, len(new), terminal, lock)
        self._write(held | wanted)
        seconds = time.monotonic() - started
        terminal.say(f"Installed in {seconds:.0f} s; {self.folder.name} holds {_megabytes(self.folder):.0f} MB.")

    def _make(self, version: str, terminal: Terminal, lock: int) -> None:
        """A new environment, in the place of an old one and of nothing else."""
        held = self.folder.is_dir() and any(self.folder.iterdir())
        if self.folder.is_file() or (held and not any((self.folder / name).exists() for name in (_CONFIG, _RECORD))):
            raise SetUpError(f"{self.folder} is there and is no virtual environment: name another folder (VENV=)")
        terminal.say(f"Setting up {self.folder.name} with Python {version}.")
        command = [sys.executable, "-m", "venv", "--clear", str(self.folder)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, pass_fds=(lock,))
        if done.returncode:
            raise SetUpError(f"{(done.stdout + done.stderr).strip()}\npython3 -m venv failed: see above")
        self._write({})

    def _pip(self, sets: list[str], count: int, terminal: Terminal, lock: int) -> None:
        command = [str(self._python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
        command += ["--progress-bar=off", "--require-hashes", "--only-binary=:all:"]
        for one in sets:
            command += ["-r", str(_requirements(one))]
        environ = {name: value for name, value in os.environ.items() if name not in _ELSEWHERE}
        before = self._packages()
        with tempfile.TemporaryFile("w+", encoding="utf-8") as said, tempfile.TemporaryFile("w+") as complained:
            process = subprocess.Popen(
                command, env=environ, stdin=subprocess.DEVNULL, stdout=said, stderr=complained, pass_fds=(lock,)
            )
            try:
                while process.poll() is None:
                    said.seek(0)
                    found = sum(line.startswith("Collecting ") for line in said)
                    done = self._packages() - before
                    what = f"installed {done}" if done > 0 else f"found {found}"
                    terminal.progress(f"  {what} of {counted(count, 'package')}")
                    time.sleep(_LOOK_S)
            except KeyboardInterrupt:
                process.terminate()
                process.wait()
                raise
            if process.returncode:
                complained.seek(0)
                terminal.say(complained.read().strip())
                raise SetUpError(f"pip could not install the packages of {', '.join(sets)}: see above")

    def _packages(self) -> int:
        return sum(1 for _ in self.folder.glob("lib/python*/site-packages/*.dist-info"))

    def _is_whole(self) -> bool:
        """Whether there is an environment that was made to its end, and by this Python if that is asked for."""
        if not self._record.is_file() or not self._python.exists() or not (self.folder / _CONFIG).is_file():
            return False
        found = re.search(r"^version\s*=\s*(\d+)\.(\d+)", (self.folder / _CONFIG).read_text(), re.MULTILINE)
        made_by = (int(found[1]), int(found[2])) if found else None
        return made_by == sys.version_info[:2] if self._exactly else made_by is not None

    def _installed(self) -> dict[str, str]:
        if not self._is_whole():
            return {}
        try:
            held: dict[str, str] = json.loads(self._record.read_text(encoding="utf-8"))
        except ValueError:  # cut short
            return {}
        return held

    def _write(self, held: dict[str, str]) -> None:
        new = self._record.with_suffix(".new")
        new.write_text(json.dumps(held, indent=1, sort_keys=True), encoding="utf-8")
        new.replace(self._record)


def _requirements(name: str) -> Path:
    return _ROOT / f"requirements-{name}.txt"


def _pinned(name: str) -> dict[str, str]:
    """Name -> version, of every package that a set's file names."""
    return dict(_PINNED.findall(_requirements(name).read_text(encoding="utf-8")))


def _megabytes(folder: Path) -> float:
    """What `du` would say: blocks of the disk, each file once."""
    seen: dict[tuple[int, int], int] = {}
    for path in folder.rglob("*"):
        told = path.lstat()
        seen[(told.st_dev, told.st_ino)] = told.st_blocks * 512
    return sum(seen.values()) / 1e6


@contextmanager
def _alone(venv: Path, terminal: Terminal) -> Iterator[int]:
    """Hold the environment's lock file, whose number is given, until the last process that has it open ends."""
    folder = _ROOT / ".keyturn"
    folder.mkdir(exist_ok=True)
    with (folder / f"{venv.name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            terminal.say(f"Another command is installing into {venv.name}; waiting for it to end.")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()
