"""The import graph of the checkout, its sizes, and its one reader of the environment, held to rooms.toml.

Each rule is tried on small trees that break it, and on some that nearly do.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import tomli

from tests.cloud.state.checkout import ROOT
from tests.house.rules import RULES, broken, read_house
from tests.house.sources import Tree, read_tree

HOUSE = read_house()
TREES: dict[str, list[dict[str, Any]]] = tomli.loads(Path(__file__).with_name("trees.toml").read_text(encoding="utf-8"))
FILES, FUNCTIONS = "files are short", "functions are short"


def function(lines: int, before: str = "") -> str:
    return before + "\n    ".join(["def f():", *["f()"] * (lines - 1)]) + "\n"


LENGTHS = [
    (FILES, "tests/a.py", "\n" * 400, []),
    (FILES, "tests/a.py", "\n" * 401, ["tests/a.py:401: has 401 lines, and may have 400"]),
    (FUNCTIONS, "functions/a.py", function(60), []),
    (FUNCTIONS, "functions/a.py", function(61), ["functions/a.py:1: f has 61 lines, and may have 60"]),
    (FUNCTIONS, "functions/a.py", function(61, "async "), ["functions/a.py:1: f has 61 lines, and may have 60"]),
    (FUNCTIONS, "tests/a.py", function(60, "@g(" + "\n" * 9 + ")\n"), []),
    (FUNCTIONS, "tests/a.py", "class C:\n" + function(61, " "), ["tests/a.py:2: f has 61 lines, and may have 60"]),
]


@pytest.fixture(scope="module")
def checkout() -> Tree:
    return read_tree(ROOT)


@pytest.mark.parametrize("rule", RULES)
def test_the_checkout_keeps_the_rule(rule: str, checkout: Tree) -> None:
    if found := broken(rule, checkout, HOUSE):
        pytest.fail("\n".join(found), pytrace=False)


def test_rooms_toml_names_each_room_once_and_no_path_that_is_gone() -> None:
    rooms = [room for floor in HOUSE.floors for room in floor]
    assert [room for room in rooms if rooms.count(room) > 1 or not (ROOT / room / "__init__.py").is_file()] == []
    assert [room for floor in HOUSE.floors for room, sentence in floor.items() if not sentence.endswith(".")] == []
    paths = [HOUSE.reader, *HOUSE.packages["files"], *HOUSE.packages["adapters"], *HOUSE.ships["not"]]
    assert [path for path in paths if not (ROOT / path).exists()] == []


def built(folder: Path, files: Mapping[str, str]) -> Tree:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return read_tree(folder)


@pytest.mark.parametrize("case", TREES["breaks"])
def test_a_tree_that_breaks_a_rule_is_told_where(case: dict[str, Any], tmp_path: Path) -> None:
    said = broken(case["rule"], built(tmp_path, case["files"]), HOUSE)
    assert sorted(line.replace(f" {case['rule']}:", "", 1) for line in said) == case["says"]


@pytest.mark.parametrize("case", TREES["keeps"])
def test_a_tree_that_nearly_breaks_a_rule_is_left_in_peace(case: dict[str, Any], tmp_path: Path) -> None:
    assert broken(case["rule"], built(tmp_path, case["files"]), HOUSE) == []


@pytest.mark.parametrize(("rule", "path", "text", "says"), LENGTHS)
def test_files_and_functions_are_counted_to_the_line(
    rule: str, path: str, text: str, says: list[str], tmp_path: Path
) -> None:
    said = broken(rule, built(tmp_path, {path: text}), HOUSE)
    assert [line.replace(f" {rule}:", "", 1) for line in said] == says


def test_every_rule_is_tried_on_trees_that_break_and_keep_it() -> None:
    lengths = {rule for rule, *_ in LENGTHS}
    for kind in ("breaks", "keeps"):
        assert {case["rule"] for case in TREES[kind]} | lengths == set(RULES)
