"""`make mutants`: which mutants there are, which are drawn, and what the tests say of one in a copy of a checkout."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from shared.workbench.mutants import equivalents
from shared.workbench.mutants.candidates import mutants_of, mutated_source
from shared.workbench.mutants.drawing import drawn
from shared.workbench.mutants.judging import Checkout, Verdict
from tests.cloud.state.checkout import ROOT

SOURCE = '''"""A room's module."""
from dataclasses import dataclass

MOST = 3

@dataclass(frozen=True)
class Room:
    size: int

    @property
    def is_full(self) -> bool:
        return self.size >= MOST and not self.size == 7
'''
TEST = """from shared.clouds.room import Room

def test_it():
    assert Room(3).is_full and not Room(2).is_full
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with one module and one quick test."""
    root = tmp_path / "checkout"
    for name, text in {
        "shared/clouds/room.py": SOURCE,
        "tests/clouds/test_room.py": TEST,
        "conftest.py": """
def pytest_addoption(parser):
    parser.addoption("--first")

def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker("quick")
""",
        "pytest.ini": "[pytest]\nmarkers = quick\naddopts = -q -p no:xdist -p no:hypothesispytest -p no:schemathesis\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    return root


def test_constants_and_properties_of_a_dataclass_are_mutated_and_types_are_not(checkout: Path) -> None:
    made = [(one.where, one.was, one.becomes) for one in mutants_of(checkout, checkout / "shared/clouds/room.py")]
    assert ("", "3", "4") in made
    assert ("Room.is_full", ">= MOST", "> MOST") in made
    assert (
        "Room.is_full",
        "self.size >= MOST and not self.size == 7",
        "self.size >= MOST or not self.size == 7",
    ) in made
    assert ("Room.is_full", "not self.size == 7", "self.size == 7") in made
    assert not any("int" in was or "frozen" in was for _, was, _ in made)


def test_a_mutant_is_known_again_when_lines_are_shifted(checkout: Path) -> None:
    file = checkout / "shared/clouds/room.py"
    before = list(mutants_of(checkout, file))
    file.write_text(SOURCE.replace("MOST = 3\n", "# Why three.\n\nMOST = 3\n"), encoding="utf-8")
    after = list(mutants_of(checkout, file))
    assert [one.key for one in after] == [one.key for one in before]
    assert after[0].line == before[0].line + 2
    changed = mutated_source(checkout, before[0])
    assert "MOST = 4" in changed
    assert changed.replace("MOST = 4", "MOST = 3") == file.read_text(encoding="utf-8")


def test_a_seed_draws_the_same_ones_and_a_new_mutant_moves_no_other(checkout: Path) -> None:
    every = list(mutants_of(checkout, checkout / "shared/clouds/room.py"))
    assert drawn(every, "a", 3) == drawn(reversed(every), "a", 3)
    assert len({tuple(drawn(every, seed, 3)) for seed in "abcdef"}) > 1
    fewer = [one for one in every if one != drawn(every, "a", 1)[0]]
    assert drawn(fewer, "a", 2) == drawn(every, "a", 3)[1:]


def test_a_mutant_is_judged_in_a_copy_and_one_that_hangs_is_ended(checkout: Path, tmp_path: Path) -> None:
    path = "shared/clouds/room.py"
    copy = Checkout(checkout, tmp_path / "copy")
    assert copy.run(60.0).verdict is Verdict.SURVIVED
    killed = copy.judge(path, SOURCE.replace("MOST = 3", "MOST = 4"), 60.0)
    assert (killed.verdict, killed.killer) == (Verdict.KILLED, "tests/clouds/test_room.py::test_it")
    # Of the same size and within the same second as the one before it.
    assert copy.judge(path, SOURCE.replace("self.size == 7", "self.size == 8"), 60.0).verdict is Verdict.SURVIVED
    assert copy.judge(path, SOURCE + "\nwhile True:\n    pass\n", 3.0).verdict is Verdict.TIMED_OUT
    assert copy.judge(path, "not Python", 60.0).verdict is Verdict.KILLED
    assert (copy.folder / path).read_text(encoding="utf-8") == SOURCE
    assert (checkout / path).read_text(encoding="utf-8") == SOURCE


def test_each_listed_mutant_is_one_of_todays_code_and_has_a_reason() -> None:
    listed = equivalents.read()
    paths = {one.key[0] for one in listed}
    assert not equivalents.outdated(listed, (one.key for path in paths for one in mutants_of(ROOT, ROOT / path)))
