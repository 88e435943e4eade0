"""Which tests are quick: no server, no zip, no broker, no other program and no sleep. `pytest -m quick` runs them all.

`--first clouds/tencent/redis` runs the tests of that room first, beginning with the files that have the module's name.
A run that judges a mutant there then ends early.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import PurePosixPath

import pytest

from tests.cloud.state.checkout import ROOT

_ROOMS = ("changes", "clouds", "commands", "handlers", "results", "rotation", "runtime", "stores", "triggers")
# The fixtures that start a server, a broker or a browser, or build zips.
_SLOW_FIXTURES = frozenset({"browser", "cloud", "fleet", "house", "packages", "rabbitmq", "standin"})
# Files, and single tests, that start a program, fill a queue or wait, whatever their fixtures are.
_SLOW = frozenset(
    {
        "rotation/test_fleet.py",
        "runtime/test_cold_start.py",
        "runtime/test_warm.py",
        "stores/test_stores.py::test_naming_a_place_imports_no_client_and_opening_one_only_its_own",
    }
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--first", default="", metavar="ROOM/MODULE", help="run the tests of this module first")


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None]:
    """Mark the quick tests before markers select any, and sort the tests after all other plugins."""
    for item in items:
        if _is_quick(item):
            item.add_marker("quick")
    yield
    if first := config.getoption("--first"):
        items.sort(key=lambda item: _distance(item, PurePosixPath(first)))


def _place(item: pytest.Item) -> str:
    """`room/test_file.py`, or `test_file.py` for a test outside the rooms."""
    tests = ROOT / "tests"
    return item.path.relative_to(tests).as_posix() if item.path.is_relative_to(tests) else item.path.name


def _is_quick(item: pytest.Item) -> bool:
    place = _place(item)
    test = f"{place}::{getattr(item, 'originalname', item.name)}"
    if place.partition("/")[0] not in _ROOMS or place in _SLOW or test in _SLOW or item.get_closest_marker("long"):
        return False
    callspec = getattr(item, "callspec", None)
    parameters = callspec.params if callspec is not None else {}  # a parameter named `cloud` is no fixture
    return _SLOW_FIXTURES.isdisjoint(set(getattr(item, "fixturenames", ())) - set(parameters))


def _distance(item: pytest.Item, module: PurePosixPath) -> int:
    """0: the file's name holds the module's; 1: it is in the module's room; 2: it is in another room."""
    room, _, name = _place(item).partition("/")
    if room != module.parts[0]:
        return 2
    return 0 if module.stem in name else 1
