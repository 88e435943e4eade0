"""Finds the files that a function needs: the imports of its file and, in turn, of each imported file, late imports
included.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

_OWN = "shared"


@dataclass
class ImportClosure:
    """The modules that one function file imports, directly or indirectly."""

    own: set[str] = field(default_factory=set)  # modules of shared/, dotted; a package by its own name
    foreign: set[str] = field(default_factory=set)  # all other modules, dotted, with the standard library


def import_closure(entry: Path, root: Path, carries: Callable[[str], bool]) -> ImportClosure:
    """Follow the imports of `entry` through `root`/shared.

    A module that `carries` refuses is left out, with its imports.
    """
    found = ImportClosure()
    todo = list(imported_names(entry, ""))
    while todo:
        name = todo.pop()
        if name.partition(".")[0] != _OWN:
            found.foreign.add(name)
            continue
        for module in _with_parents(name):
            file = source_of(root, module)
            if module in found.own or file is None or not carries(module):
                continue
            found.own.add(module)
            todo += imported_names(file, module if file.name == "__init__.py" else module.rpartition(".")[0])
    return found


def source_of(root: Path, module: str) -> Path | None:
    """The file of a module in the checkout. None: the name is not a module's."""
    path = root.joinpath(*module.split("."))
    for file in (path / "__init__.py", path.with_suffix(".py")):
        if file.is_file():
            return file
    return None


def _with_parents(name: str) -> Iterator[str]:
    parts = name.split(".")
    for length in range(1, len(parts) + 1):
        yield ".".join(parts[:length])


def imported_names(file: Path, package: str) -> tuple[str, ...]:
    """Every name that a file imports. `from a import b` may mean the module a.b, so both names are returned."""
    return _imported(file.read_text(encoding="utf-8"), str(file), package)


@lru_cache(maxsize=1024)  # the imports of all functions lead through the same files
def _imported(text: str, file: str, package: str) -> tuple[str, ...]:
    return tuple(_names(ast.parse(text, file), package))


def _names(module: ast.Module, package: str) -> Iterator[str]:
    for node in _executed(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _executed(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below, without code that only type checkers read."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            for other in child.orelse:
                yield other
                yield from _executed(other)
            continue
        yield child
        yield from _executed(child)
