"""The pages that people read, and their blocks of commands, which tests run as they stand."""

from __future__ import annotations

import fcntl
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

from tests.cloud.client.standin import Standin
from tests.cloud.state.checkout import ROOT
from tests.support.programs import CURL, JOSE, PYTHON_3_10, Program

PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
MANUAL = ROOT / "shared" / "workbench" / "docs" / "manual"
CHAPTERS = tuple(sorted(path.relative_to(ROOT).as_posix() for path in MANUAL.glob("*.md")))
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
    """The stand-in that a block started, from the line that it printed when it was ready."""

    def __init__(self, ready: Path) -> None:
        told = json.loads(ready.read_text(encoding="utf-8"))
        self._opener = build_opener(ProxyHandler({}))
        self.endpoint, self.redis, self.registry = told["endpoint"], told["redis"], told["registry"]
        self.credentials = told["credentials"]
