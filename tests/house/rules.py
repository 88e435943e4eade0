"""The rules of the house, each a function that names every place where a tree breaks it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import tomli

from tests.house.sources import Import, Source, Tree

TABLE = Path(__file__).with_name("rooms.toml")


@dataclass(frozen=True)
class House:
    """What rooms.toml says."""

    floors: list[dict[str, str]]  # the lowest first: each room by its folder, with its sentence
    ships: Mapping[str, list[str]]
    packages: Mapping[str, Any]
    reader: str
    most: Mapping[str, int]

    def floor(self, path: str) -> tuple[str, int] | None:
        """The room that a file or folder is in, and the number of its floor; None outside all rooms."""
        for number, rooms in enumerate(self.floors):
            for room in rooms:
                if f"{path}/".startswith(f"{room}/"):
                    return room, number
        return None

    def room(self, path: str) -> str:
        """The room that a file is in; empty outside all rooms."""
        found = self.floor(path)
        return found[0] if found else ""

    def is_shipped(self, path: str) -> bool:
        """Whether a file goes into zips."""
        return self.room(path) not in self.ships["not"]


@dataclass(frozen=True)
class Breach:
    """One place where a rule is broken; line 0 means the file or folder as a whole."""

    path: str
    line: int
    what: str


Rule = Callable[[Tree, House], Iterator[Breach]]


def read_house(path: Path = TABLE) -> House:
    table = tomli.loads(path.read_text(encoding="utf-8"))
    return House(table["floor"], table["ships"], table["packages"], table["environment"]["reader"], table["most"])


def broken(rule: str, tree: Tree, house: House) -> list[str]:
    """A line for each breach of a rule: where it is, which rule it is, and what is wrong there."""
    lines = [f"{each.path}:{each.line}: {rule}: {each.what}" for each in RULES[rule](tree, house)]
    return list(dict.fromkeys(lines))  # one import may name several things of one file


def _no_cycle(tree: Tree, house: House) -> Iterator[Breach]:
    """One breach for each knot of files: the shortest way round from the first of them by name."""
    lines: dict[str, dict[str, int]] = {module: {} for module in tree.sources}
    for one, target in tree.imports():
        for run in tree.run_by(one, target):
            lines[one.source.module].setdefault(run.module, one.line)
    told: set[str] = set()
    for start in sorted(lines):
        way = [] if start in told else _way_round(start, lines)
        if way:
            told |= _knot(start, lines)
            first = tree.sources[start].path
            steps = [f"{tree.sources[here].path}:{lines[here][there]}" for here, there in pairwise(way)]
            yield Breach(first, lines[start][way[1]], " -> ".join([*steps, first]))


def _way_round(start: str, graph: Mapping[str, Mapping[str, int]]) -> list[str]:
    """The shortest way from a file back to itself; empty if there is none."""
    ways = [[start]]
    seen: set[str] = set()
    for way in ways:
        for there in graph[way[-1]]:
            if there == start:
                return [*way, there]
            if there not in seen:
                seen.add(there)
                ways.append([*way, there])
    return []


def _knot(start: str, graph: Mapping[str, Mapping[str, int]]) -> set[str]:
    """Every file from which `start` is reached and which it reaches."""
    back: dict[str, dict[str, int]] = {module: {} for module in graph}
    for here, others in graph.items():
        for there in others:
            back[there][here] = 0
    return _reached(start, graph) & _reached(start, back)


def _reached(start: str, graph: Mapping[str, Mapping[str, int]]) -> set[str]:
    todo, seen = [start], {start}
    while todo:
        new = set(graph[todo.pop()]) - seen
        seen |= new
        todo += new
    return seen


def _down_the_floors(tree: Tree, house: House) -> Iterator[Breach]:
    for one, target in tree.imports():
        here, there = house.floor(one.source.path), house.floor(target.path)
        if here and there and here[0] != there[0] and there[1] >= here[1]:
            where = "the same floor as" if there[1] == here[1] else "a floor above"
            yield _breach(one, f"imports {target.module}, and {there[0]} is on {where} {here[0]}")


def _stays_home(tree: Tree, house: House) -> Iterator[Breach]:
    for one, target in tree.imports():
        if house.is_shipped(one.source.path) and not house.is_shipped(target.path):
            yield _breach(one, f"imports {target.module}, which does not ship")


def _functions_apart(tree: Tree, house: House) -> Iterator[Breach]:
    for one, target in tree.imports():
        folder = target.path.rpartition("/")[0]
        if folder == "functions" and target.module != "functions" and one.source.path.startswith("functions/"):
            yield _breach(one, f"imports {target.module}")


def _packages_at_home(tree: Tree, house: House) -> Iterator[Breach]:
    own = sys.stdlib_module_names | {"functions", "shared", "tests"} | set(house.packages["everywhere"])
    for source in tree.sources.values():
        if not house.is_shipped(source.path) or house.room(source.path) in house.packages["adapters"]:
            continue
        allowed = own | set(house.packages["files"].get(source.path, ()))
        for one in source.imports:
            if one.name.partition(".")[0] not in allowed:
                yield _breach(one, f"imports {one.name}; its place is {' or '.join(house.packages['adapters'])}")


def _nothing_loose(tree: Tree, house: House) -> Iterator[Breach]:
    for folder in house.ships["folders"]:
        for file in sorted((tree.root / folder).glob("*")):
            path = f"{folder}/{file.name}"
            if file.is_file() and file.name != "__init__.py":
                yield Breach(path, 0, f"stands beside the rooms of {folder}/, not in one")
            elif file.is_file():
                source = tree.sources[folder.replace("/", ".")]
                for code in ast.parse(source.text).body:
                    if not (isinstance(code, ast.Expr) and isinstance(code.value, ast.Constant)):
                        yield Breach(path, code.lineno, "holds code; only a docstring stands beside the rooms")


def _known_rooms(tree: Tree, house: House) -> Iterator[Breach]:
    paths = [source.path for source in tree.sources.values()]
    folders = sorted({"/".join(path.split("/")[:2]) for path in paths if path.count("/") > 1})
    for folder in folders:
        if not house.room(folder):
            yield Breach(folder, 0, f"is a room that {TABLE.name} does not have")


def _short_files(tree: Tree, house: House) -> Iterator[Breach]:
    for source in tree.sources.values():
        if (lines := len(source.text.splitlines())) > house.most["file"]:
            yield Breach(source.path, lines, f"has {lines} lines, and may have {house.most['file']}")


def _short_functions(tree: Tree, house: House) -> Iterator[Breach]:
    for source in tree.sources.values():
        for node in source.nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > house.most["function"]:
                    what = f"{node.name} has {lines} lines, and may have {house.most['function']}"
                    yield Breach(source.path, node.lineno, what)


_ENVIRONMENT = {"environ", "environb", "getenv", "getenvb"}


def _one_reader(tree: Tree, house: House) -> Iterator[Breach]:
    """Setting a variable is not reading: see `_set_only`."""
    for source in tree.sources.values():
        if house.is_shipped(source.path) and source.path != house.reader:
            systems = _names_of_os(source)
            set_only = {id(each) for node in source.nodes for each in _set_only(node)}
            for node in source.nodes:
                for what in () if id(node) in set_only else _environment(node, systems):
                    yield Breach(source.path, getattr(node, "lineno", 0), what)


def _names_of_os(source: Source) -> set[str]:
    imports = [each for node in source.nodes if isinstance(node, ast.Import) for each in node.names]
    return {
        each.asname or "os" for each in imports if each.name == "os" or (each.name == "os.path" and not each.asname)
    }


def _environment(node: ast.AST, systems: set[str]) -> Iterator[str]:
    """How a node takes hold of the process's environment."""
    if isinstance(node, ast.ImportFrom) and node.module == "os":
        yield from (f"imports {each.name} from os" for each in node.names if each.name in {*_ENVIRONMENT, "*"})
    elif isinstance(node, ast.Attribute) and node.attr in _ENVIRONMENT and ast.unparse(node.value) in systems:
        yield f"uses {ast.unparse(node)}"


def _set_only(node: ast.AST) -> Iterator[ast.expr]:
    """The `os.environ` of a statement that sets one variable to a literal, as a switch of a library imported next.

    That is `os.environ["A"] = "b"` or `os.environ.setdefault("A", "b")`, whose value nobody takes.
    """
    match node:
        case ast.Assign(targets=[ast.Subscript(value=held, slice=name)], value=value) if _are_texts(name, value):
            yield held
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=held, attr="setdefault"), args=[name, value])):
            if _are_texts(name, value):
                yield held


def _are_texts(*nodes: ast.expr) -> bool:
    return all(isinstance(node, ast.Constant) and isinstance(node.value, str) for node in nodes)


def _breach(one: Import, what: str) -> Breach:
    return Breach(one.source.path, one.line, what)


RULES: dict[str, Rule] = {
    "no cycle of imports": _no_cycle,
    "imports go down the floors": _down_the_floors,
    "what ships imports nothing that does not": _stays_home,
    "no function imports another": _functions_apart,
    "SDKs are imported by adapters alone": _packages_at_home,
    "nothing stands loose beside the rooms": _nothing_loose,
    "every room stands in rooms.toml": _known_rooms,
    "files are short": _short_files,
    "functions are short": _short_functions,
    "one file reads the environment": _one_reader,
}
