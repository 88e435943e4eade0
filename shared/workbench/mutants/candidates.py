"""Every mutant of a file: its place, the code there, and the code that replaces it."""

from __future__ import annotations

import itertools
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation import mutators

ROOMS = ("changes", "stores", "handlers", "clouds")
_NAMED = 60  # so many characters of a text identify it

# mutmut's operators that change a decision, a count, a read or a value that is passed on. Not used: an assignment or an
# argument that becomes None, and a lambda without a body. The type checker refuses most of these.
_OPERATORS: tuple[tuple[type, Callable[[Any], Iterable[Any]]], ...] = (
    (cst.BaseNumber, mutators.operator_number),
    (cst.Name, mutators.operator_name),
    (cst.AugAssign, mutators.operator_augmented_assignment),
    (cst.UnaryOperation, mutators.operator_remove_unary_ops),
    (cst.Call, mutators.operator_symmetric_string_methods_swap),
    (cst.Call, mutators.operator_unsymmetrical_string_methods_swap),
    (cst.CSTNode, mutators.operator_keywords),
    (cst.CSTNode, mutators.operator_swap_op),
    (cst.Match, mutators.operator_match),
    (cst.IfExp, mutators.operator_if_exp),
)


@dataclass(frozen=True)
class Mutant:
    """One change of one place. `line` does not identify it, so a mutant stays the same if lines move."""

    path: str  # path from the checkout's root
    where: str  # the class and function around the place, "" at the top level of a module
    source: str  # the line where the place begins, without its indent
    was: str
    becomes: str
    nth: int  # number, from 1, among the places of this function that are otherwise the same
    line: int

    @property
    def key(self) -> tuple[str, str, str, str, str, int]:
        return (self.path, self.where, self.source, self.was, self.becomes, self.nth)

    @property
    def room(self) -> str:
        return self.path.split("/")[1]

    def told(self) -> str:
        """The mutant in two lines, for a person."""
        return f"{self.path}:{self.line} {self.where or 'module'}: {self.source}\n    {self.was}  ->  {self.becomes}"


def files(root: Path, rooms: Iterable[str] = ROOMS) -> list[Path]:
    """The Python files of the rooms, below a checkout's root, in the same order on every machine."""
    return sorted(path for room in rooms for path in (root / "shared" / room).rglob("*.py"))


def mutants_of(root: Path, file: Path) -> Iterator[Mutant]:
    """Every mutant of a file."""
    for mutant, _ in _SourceFile(root, file).mutants():
        yield mutant


def mutated_source(root: Path, mutant: Mutant) -> str:
    """The whole text of the mutant's file with the mutation. Raises: LookupError: the place does not exist."""
    source = _SourceFile(root, root / mutant.path)
    for one, (node, replacement) in source.mutants():
        if one.key == mutant.key:
            module = source.module
            changed = module.deep_remove(node) if replacement is None else module.deep_replace(node, replacement)
            if not isinstance(changed, cst.Module):
                raise LookupError(f"{mutant.path} is not a module any more with {mutant.becomes}")
            return str(changed.code)
    raise LookupError(f"no such place: {mutant.told()}")


class _SourceFile:
    """One file as a syntax tree that keeps every character."""

    def __init__(self, root: Path, file: Path) -> None:
        self._path = file.relative_to(root).as_posix()
        text = file.read_text(encoding="utf-8")
        self._lines = text.splitlines()
        wrapper = MetadataWrapper(cst.parse_module(text))
        self.module: Any = wrapper.module
        self._positions: Any = wrapper.resolve(PositionProvider)

    def mutants(self) -> Iterator[tuple[Mutant, tuple[Any, Any]]]:
        """Each mutant, with the node at its place and the node that replaces it."""
        seen: Counter[tuple[str, ...]] = Counter()
        for node, where, line in self._places(self.module, "", 1):
            for part, replacement in _changes(node):
                was = self._code(part)
                becomes = self._code(replacement) if replacement is not None else "(nothing)"
                source = self._lines[line - 1].strip()
                alike = (where, source, was, becomes)
                seen[alike] += 1
                yield Mutant(self._path, where, source, was, becomes, seen[alike], line), (part, replacement)

    def _places(self, node: Any, where: str, line: int) -> Iterator[tuple[Any, str, int]]:
        """Every node that may be mutated, with its function and the line where it begins."""
        if _is_left_alone(node):
            return
        position = self._positions.get(node)
        line = position.start.line if position is not None and not isinstance(node, cst.Module) else line
        if isinstance(node, (cst.FunctionDef, cst.ClassDef)):
            where = f"{where}.{node.name.value}".lstrip(".")
        yield node, where, line
        for child in node.children:
            yield from self._places(child, where, line)

    def _code(self, node: Any) -> str:
        text = " ".join(self.module.code_for_node(node).split())
        return textwrap.shorten(text, _NAMED, placeholder="...") if len(text) > _NAMED else text


def _is_left_alone(node: Any) -> bool:
    """Whether a node is never mutated: types, decorators, imports, and code for type checkers."""
    if isinstance(node, (cst.Annotation, cst.Decorator, cst.Import, cst.ImportFrom)):
        return True
    return isinstance(node, cst.If) and isinstance(node.test, cst.Name) and node.test.value == "TYPE_CHECKING"


def _changes(node: Any) -> Iterator[tuple[Any, Any]]:
    """The possible changes of a node or a part of it: the part and its replacement. None: the part is removed."""
    for kind, operator in _OPERATORS:
        if isinstance(node, kind):
            yield from ((node, replacement) for replacement in operator(node))
    if isinstance(node, cst.SimpleString):
        yield from ((node, replacement) for replacement in _other_word(node))
    if isinstance(node, (cst.If, cst.While, cst.CompIf)) and not _has_operator(node.test):
        yield node.test, _negated(node.test)
    if isinstance(node, cst.Expr) and isinstance(node.value, cst.Call):
        yield node.value, cst.Name("None")  # the call is removed
    if isinstance(node, cst.Arg) and node.keyword is not None:
        yield node, None


def _other_word(node: cst.SimpleString) -> Iterator[Any]:
    """Another name for a field, a code or an action. A text with a space is a sentence, and no code depends on it."""
    word = str(node.evaluated_value)
    if word and not any(char.isspace() for char in word):
        yield from itertools.islice(mutators.operator_string(node), 1)


def _has_operator(test: Any) -> bool:
    """Whether mutmut's operators change this condition themselves."""
    return isinstance(test, (cst.Comparison, cst.BooleanOperation)) or (
        isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not)
    )


def _negated(test: Any) -> Any:
    return cst.UnaryOperation(cst.Not(), test.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()]))
