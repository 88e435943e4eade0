"""The Python files of a checkout, and what each imports: at the top, late, for type checkers, by a name in a text."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

FOLDERS = ("shared", "functions", "tests")


@dataclass(frozen=True, eq=False)
class Import:
    """One import: in which file, on which line, of which module, by its dotted name."""

    source: Source
    line: int
    name: str


@dataclass(frozen=True, eq=False)
class Source:
    """One Python file."""

    path: str  # from the root, with slashes
    text: str

    @cached_property
    def module(self) -> str:
        """Its dotted name; of an `__init__.py` the package's."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @cached_property
    def package(self) -> str:
        """What its relative imports start from."""
        return self.module if self.path.endswith("/__init__.py") else self.module.rpartition(".")[0]

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(ast.parse(self.text, self.path)))

    @cached_property
    def imports(self) -> list[Import]:
        """Every import, in the order of lines. `from a import b` may mean the module a.b, so it is told as a.b."""
        loaders = _loaders(self.nodes)
        nodes = [node for node in self.nodes if isinstance(node, ast.Import | ast.ImportFrom | ast.Call)]
        found = [Import(self, node.lineno, name) for node in nodes for name in _named(node, self.package, loaders)]
        return sorted(found, key=lambda one: one.line)


@dataclass(frozen=True)
class Tree:
    """All sources of a checkout, by dotted name."""

    root: Path
    sources: Mapping[str, Source] = field(repr=False)

    def imported(self, name: str) -> Source | None:
        """The file that an import of `name` runs last: the module, or the package that the name stands in."""
        while name:
            if name in self.sources:
                return self.sources[name]
            name = name.rpartition(".")[0]
        return None

    def imports(self) -> Iterator[tuple[Import, Source]]:
        """Every import of a file of this checkout by another, or by itself."""
        for source in self.sources.values():
            for one in source.imports:
                if target := self.imported(one.name):
                    yield one, target

    def run_by(self, one: Import, target: Source) -> Iterator[Source]:
        """The files that an import runs: the target, and each package around it that the importer is not in."""
        yield target
        package = target.module
        while package := package.rpartition(".")[0]:
            if package in self.sources and not f"{one.source.module}.".startswith(f"{package}."):
                yield self.sources[package]


def read_tree(root: Path) -> Tree:
    """Every Python file below `root`'s folders."""
    files = sorted(file for folder in FOLDERS for file in (root / folder).rglob("*.py"))
    sources = [Source(file.relative_to(root).as_posix(), file.read_text(encoding="utf-8")) for file in files]
    return Tree(root, {source.module: source for source in sources})


def _loaders(nodes: list[ast.AST]) -> set[str]:
    """What `import_module` is called in a file."""
    names = {"__import__"}
    for node in nodes:
        if isinstance(node, ast.Import):
            # `import importlib.util` binds the package's name too.
            bound = {each.asname or "importlib" for each in node.names if each.name.split(".")[0] == "importlib"}
            names |= {f"{name}.import_module" for name in bound}
        elif isinstance(node, ast.ImportFrom) and node.module == "importlib":
            names |= {each.asname or each.name for each in node.names if each.name == "import_module"}
    return names


def _named(node: ast.AST, package: str, loaders: set[str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (each.name for each in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = _absolute("." * node.level + (node.module or ""), package)
        yield from (base if each.name == "*" else f"{base}.{each.name}" for each in node.names)
    elif isinstance(node, ast.Call) and ast.unparse(node.func) in loaders:
        given = [*node.args, *(each.value for each in node.keywords if each.arg in ("name", "package"))]
        name = _literal(given[0]) if given else ""
        around = _literal(given[1]) if len(given) > 1 and name.startswith(".") else ""
        if name.strip("."):
            yield _absolute(name, around or package)


def _absolute(name: str, package: str) -> str:
    """A dotted name without its leading dots: one is the package itself, each further one the package around it."""
    relative = name.lstrip(".")
    level = len(name) - len(relative)
    if not level:
        return name
    around = package.split(".")
    return ".".join([*around[: len(around) - level + 1], *([relative] if relative else [])])


def _literal(node: ast.expr) -> str:
    """The text of a literal; of an f-string the whole names with which it begins."""
    if isinstance(node, ast.JoinedStr):
        begin = _literal(node.values[0]) if node.values else ""
        return begin.rpartition(".")[0]
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
