"""The pages that people read, and their blocks of commands, which tests run as they stand.

A block that is `make shell` opens a shell, the blocks behind it run there, and `exit` ends it.
"""

from __future__ import annotations

import fcntl
import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from shared.workbench.docs.marked_parts import MANUAL
from tests.cloud.client.control_path import opener
from tests.cloud.client.standin import Standin
from tests.cloud.state.checkout import ROOT
from tests.support.programs import CURL, JOSE, PYTHON_3_10, Program, require_program
from tests.support.shell_session import ShellSession

PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
MANUAL_FOLDER = ROOT / MANUAL
CHAPTERS = tuple(sorted(f"{MANUAL}/{path.name}" for path in MANUAL_FOLDER.glob("*.md")))
TEXTS = {name: (ROOT / name).read_text(encoding="utf-8") for name in (*PAGES, *CHAPTERS)}
BLOCK_S = 900  # make check beside seven other workers took 500 s on a slow machine of two cores

# What a block says if it wants a program; how a chapter of the manual calls the program.
WANTED: dict[str, tuple[str, Program]] = {
    "jose ": ("jose", JOSE),
    "curl ": ("curl", CURL),
    "CLOUD=": ("python3.10", PYTHON_3_10),
}


def blocks(page: str) -> list[str]:
    """A page's blocks of commands, in their order."""
    return re.findall(r"^```sh\n(.*?)^```", TEXTS[page], re.DOTALL | re.MULTILINE)


def missing_programs(block: str) -> list[Program]:
    """The programs that a block wants and this machine has not."""
    return [program for text, (_, program) in WANTED.items() if text in block and not program.find()]


def run_page(page: str, folder: Path, after: Callable[[str, str], None], *, skip: Callable[[str], bool]) -> None:
    """Run a page's blocks in their order; `after` gets each block and what it printed.

    Raises: AssertionError: a block fails, or `exit` leaves something behind.
    """
    for program in missing_programs("".join(block for block in blocks(page) if not skip(block))):
        require_program(program)
    with ExitStack() as stack:
        outside = stack.enter_context(ShellSession(_made(folder / "outside")))
        inside: ShellSession | None = None
        for block in (block for block in blocks(page) if not skip(block)):
            if block.startswith("make shell"):
                inside = stack.enter_context(ShellSession(_made(folder / "inside"), block.strip()))
                inside.run(":\n", timeout_s=BLOCK_S)
            elif block.partition("#")[0].strip() == "exit":
                assert inside is not None
                inside.leave(timeout_s=60)
                inside = None
                assert not list(folder.glob("keyturn-*/cloud.json")), "what `make shell` wrote is still there"
            else:
                after(block, (inside or outside).run(block, timeout_s=BLOCK_S))
        assert inside is None, f"{page} does not leave the shell that it opened"


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


def standin_of(folder: Path) -> AttachedStandin:
    """The stand-in of the shell that is open now."""
    (ready,) = folder.glob("keyturn-*/cloud.json")
    return AttachedStandin(ready)


def prose(page: str) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", TEXTS[page], flags=re.DOTALL | re.MULTILINE)


def anchors(path: Path) -> set[str]:
    """A page's anchors, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@contextmanager
def own_dist() -> Iterator[None]:
    """The checkout's `dist` for one page at a time: a plan that another page makes there would replace this one's."""
    (ROOT / ".keyturn").mkdir(exist_ok=True)
    with (ROOT / ".keyturn" / "dist.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class AttachedStandin(Standin):
    """A stand-in that somebody else started, from what it told when it was ready."""

    def __init__(self, ready: Path) -> None:
        told = json.loads(ready.read_text(encoding="utf-8"))
        self._opener = opener(told.get("ca"))
        self.endpoint, self.redis, self.registry = told["endpoint"], told["redis"], told["registry"]
        self.credentials = told["credentials"]
