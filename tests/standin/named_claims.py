"""Which claims the stand-in's code names: the functions that answer or refuse a call, and what each says it plays.

A function names a claim by asking for it, `holds("R5")`, or by a line `# claims: R5, W3` among its own; for all that a
class or a module does, its docstring has a line `Claims: R5, W3.`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.cloud.state.checkout import ROOT

CLOUD = ROOT / "tests" / "cloud"
SERVICES = ("tencent", "alibaba", "queues")
_ASKED = re.compile(r'holds\("([A-Z]\d+)"\)')
_LINE = re.compile(r"^ *# claims: (.+)$", re.MULTILINE)
_IN_DOCSTRING = re.compile(r"^Claims: (.+)\.$", re.MULTILINE)
_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Rule:
    """A function that answers an action or refuses one, and the ids that it or what it stands in names."""

    place: str
    claims: frozenset[str]


def asked_claims(folder: Path = CLOUD) -> set[str]:
    """Every id that some code asks its world for."""
    return {id_ for path in folder.rglob("*.py") for id_ in _ASKED.findall(path.read_text(encoding="utf-8"))}


def named_claims(folder: Path = CLOUD) -> set[str]:
    """Every id that some code asks for or names."""
    found = set()
    for path in folder.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        found |= {*_ASKED.findall(text), *(one for line in _LINE.findall(text) for one in line.split(", "))}
        documented = (node for node in ast.walk(ast.parse(text)) if isinstance(node, _Documented))
        found |= {one for node in documented for one in _of_docstring(node)}
    return found


def read_switches(folder: Path = CLOUD) -> set[str]:
    """Every name that some code reads as an attribute."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in folder.rglob("*.py"))
    return {node.attr for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def rules(folder: Path = CLOUD) -> Iterator[Rule]:
    """The rules of the services."""
    for path in sorted(path for service in SERVICES for path in (folder / service).glob("*.py")):
        yield from rules_of(path.read_text(encoding="utf-8"), path.relative_to(folder).as_posix())


def rules_of(text: str, place: str) -> Iterator[Rule]:
    """The rules of one file."""
    tree, lines = ast.parse(text), text.splitlines()
    handlers = {name for node in ast.walk(tree) for name in _handlers(node)}
    for node, outer in _functions(tree, _of_docstring(tree)):
        if node.name in handlers or any(_makes_refusal(inner) for inner in ast.walk(node)):
            source = "\n".join(lines[node.lineno - 1 : node.end_lineno])
            named = {*_ASKED.findall(source), *(one for line in _LINE.findall(source) for one in line.split(", "))}
            yield Rule(f"{place}:{node.lineno} {node.name}", frozenset(named | outer | _of_docstring(node)))


def _functions(node: ast.AST, outer: set[str]) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, set[str]]]:
    """Functions and methods, and the ids that the docstrings around each name."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield from _functions(child, outer | _of_docstring(child))
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield child, outer


def _handlers(node: ast.AST) -> Iterator[str]:
    """The method that an `Action(parameters, self.method)` is answered by."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Action":
        yield from (argument.attr for argument in node.args[1:2] if isinstance(argument, ast.Attribute))


def _makes_refusal(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "ApiError"


def _of_docstring(node: _Documented) -> set[str]:
    return {one for line in _IN_DOCSTRING.findall(ast.get_docstring(node) or "") for one in line.split(", ")}
