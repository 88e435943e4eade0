"""How the tests run: their order, their processes, the markers of functions, and the report of what could not be
tested.
"""

from __future__ import annotations

import os
import random
import re
import signal
import zlib
from functools import cache
from itertools import chain, zip_longest
from pathlib import Path

import hypothesis
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling, Scheduling

from tests.cloud.state.checkout import ROOT
from tests.support.programs import missing_programs_report

_FUNCTIONS = {path.stem for path in (ROOT / "functions").glob("[a-z]*.py")}
_MODULE_FIXTURE = 'scope="module"'
_PROGRAM_FIXTURES = {"browser", "rabbitmq"}
_SHARE_BETWEEN = 0.8  # of the short tests


def pytest_configure(config: pytest.Config) -> None:
    """Add a marker for each function, by its name.

    Hypothesis draws the same examples in each run, unless more are asked for.

    SIGTERM ends a run as Ctrl-C does, with everything that its workers started.
    """
    if not hasattr(config, "workerinput"):
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    hypothesis.settings.register_profile("same each time", derandomize="KEYTURN_FUZZ" not in os.environ)
    hypothesis.settings.load_profile("same each time")
    for name in _FUNCTIONS:
        config.addinivalue_line("markers", f"{name}: the tests of functions/{name}.py (make check FUNCTION=)")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each function's tests, and sort all tests into the order in which processes take them.

    KEYTURN_SAMPLE=WORD/N leaves one in N, with all that it shares something with, and all that want another program.
    The word draws which.
    """
    for item in items:
        for name in _functions_of(item):
            item.add_marker(name)
        if _wants_program(item):
            item.add_marker("program")
    if sample := os.environ.get("KEYTURN_SAMPLE"):
        word, _, of = sample.partition("/")
        items[:] = [one for one in items if one.get_closest_marker("program") or _is_drawn(one, word, int(of))]
    items[:] = _interleaved(items)


def _is_drawn(item: pytest.Item, word: str, of: int) -> bool:
    return zlib.crc32(f"{word} {_group_of(item.nodeid) or item.nodeid}".encode()) % of == 0


def _wants_program(item: pytest.Item) -> bool:
    """Whether a test is skipped where a program is missing, Python 3.10 excepted."""
    if _PROGRAM_FIXTURES & set(getattr(item, "fixturenames", ())):
        return True
    return _names_program(ROOT / item.nodeid.partition("::")[0])


@cache
def _names_program(path: Path) -> bool:
    return re.search(r"require_program\((?!PYTHON_3_10\))|run_page", path.read_text(encoding="utf-8")) is not None


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """Tests that share something costly run in one process. Every other test goes to a free process."""
    config.option.loadscopereorder = False
    return _ByGroup(config, log)


class _ByGroup(LoadScopeScheduling):  # type: ignore[misc]
    def _split_scope(self, nodeid: str) -> str:
        return _group_of(nodeid) or nodeid


@cache
def _group_of(nodeid: str) -> str | None:
    """What a test shares with others: a fixture of its module, the broker, or a warm process to fork from."""
    path = nodeid.partition("::")[0]
    name = Path(path).stem
    if name == "test_rabbitmq" or "amqp" in nodeid.partition("[")[2] or "broker" in nodeid.partition("::")[2]:
        return "rabbitmq"
    if name == "test_no_secret_leaves":
        return f"{name} {zlib.crc32(nodeid.encode()) % 3}"
    return name if _has_module_fixture(ROOT / path) else None


def _has_module_fixture(path: Path) -> bool:
    """Whether a test file has a module fixture of its own, or uses one from its folder's `conftest.py`."""
    text, conftest = path.read_text(encoding="utf-8"), path.with_name("conftest.py")
    if _MODULE_FIXTURE in text:
        return True
    if path.parent.name == "tests" or not conftest.exists():
        return False
    shared = conftest.read_text(encoding="utf-8")
    return _MODULE_FIXTURE in shared and any(name in text for name in re.findall(r"^def (\w+)\(", shared, re.MULTILINE))


def _interleaved(items: list[pytest.Item]) -> list[pytest.Item]:
    """Mix tests that compute long, tests that wait long and short tests. Only short tests are at the end.

    If all computing tests ran at once, they would slow each other down. If all waiting tests did, the processor would
    idle.
    """
    waiting: list[list[pytest.Item]] = []
    groups: dict[str, list[pytest.Item]] = {}
    short: list[pytest.Item] = []
    for item in items:
        if group := _group_of(item.nodeid):
            groups.setdefault(group, []).append(item)
        elif item.get_closest_marker("long"):
            waiting.append([item])
        else:
            short.append(item)
    random.Random(0).shuffle(short)  # tests that are neighbours in a file are alike: all wait, or all compute
    working = sorted(groups.values(), key=len, reverse=True)
    turns = list(chain.from_iterable(zip_longest(waiting, working, fillvalue=list[pytest.Item]())))
    between = int(len(short) * _SHARE_BETWEEN / max(1, len(turns)))
    ordered: list[pytest.Item] = []
    for number, turn in enumerate(turns):
        ordered += [*turn, *short[number * between : (number + 1) * between]]
    return ordered + short[len(turns) * between :]


def _functions_of(item: pytest.Item) -> set[str]:
    """The functions in a test's parameters. Empty for a test of pages, which needs a browser and Node."""
    if "browser" in getattr(item, "fixturenames", ()):
        return set()
    callspec = getattr(item, "callspec", None)
    given = list(callspec.params.values()) if callspec else []
    words: set[str] = set()
    for value in given:
        parts = value if isinstance(value, tuple) else (value,)
        words |= {part.partition("/")[0] for part in parts if isinstance(part, str)}  # the folder of a file in events/
        words.add(str(getattr(value, "function", "")))
    return words & _FUNCTIONS


def _skips(terminal: pytest.TerminalReporter) -> list[str]:
    return [str(report.longrepr[2]).removeprefix("Skipped: ") for report in terminal.stats.get("skipped", [])]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what could not be tested here, at the end, in one block."""
    for line in missing_programs_report(_skips(terminalreporter)):
        terminalreporter.write_line(line)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI every program is installed, so a skipped test counts as failed."""
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None and "KEYTURN_CI" in os.environ and _skips(terminal):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
