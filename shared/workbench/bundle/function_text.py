"""What a function file documents: the parts of its docstring, and the text below each field of its command."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from pydantic.alias_generators import to_pascal

from shared.workbench.bundle.checkout import ROOT
from shared.workbench.bundle.operations import operations

UNREAD = "still to be read"
"""The mark in a new function file at each place that must be filled in from the API's page."""


class TextMissing(Exception):
    """A function file lacks a required text. The message names the file and the text."""


@dataclass(frozen=True)
class Story:
    """The parts of a function file's docstring: its title, what it changes, its promise, notes, and its sources."""

    title: str
    summary: str
    promise: str
    notes: str
    source: str


def story(function: str, *, root: Path = ROOT) -> Story:
    """The docstring of a function file in its parts. Raises: TextMissing if it has no title or no promise."""
    text = ast.get_docstring(_tree(root / "functions" / f"{function}.py")) or ""
    first, *paragraphs = text.split("\n\n")
    title, colon, summary = first.partition(": ")
    body = "\n\n".join(paragraphs)
    before, found, source = re.compile(r"(Sources?: )").split(body, maxsplit=1) if "Source" in body else (body, "", "")
    promise = re.search(r"^Promise: (.*?)(?:\n\n|\Z)", before, re.DOTALL)
    if not colon or promise is None or (found and not source):
        raise TextMissing(f"functions/{function}.py: its docstring must begin with `Name: ...` and hold `Promise: ...`")
    notes = before.replace(promise.group(0), "").strip()
    return Story(title, summary, promise.group(1), notes, source)


def unread(function: str, *, root: Path = ROOT) -> list[str]:
    """The lines of a function file that still hold the mark UNREAD, each as `file:line: text`."""
    path = f"functions/{function}.py"
    lines = (root / path).read_text(encoding="utf-8").splitlines()
    return [f"{path}:{number}: {line.strip()}" for number, line in enumerate(lines, 1) if UNREAD in line]


@cache
def command_texts() -> Mapping[str, tuple[str, Mapping[str, str]]]:
    """By the class name of each operation's command: its function, and the meaning of each of its own fields."""
    texts: dict[str, tuple[str, Mapping[str, str]]] = {}
    for function, operation in operations().items():
        name = operation.command.__name__
        if name in texts:
            other = texts[name][0]
            raise TextMissing(f"functions/{function}.py: {name} is also the name of a command in functions/{other}.py")
        texts[name] = function, dict(_field_texts(ROOT / "functions" / f"{function}.py", name))
    return texts


def _field_texts(path: Path, name: str) -> Iterator[tuple[str, str]]:
    """The fields of a class that have a text below them, in the spelling of commands.

    The zips do not contain these texts.
    """
    found = [node for node in _tree(path).body if isinstance(node, ast.ClassDef) and node.name == name]
    body = found[0].body if found else []
    for field, below in pairwise(body):
        if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str):
            yield to_pascal(field.target.id), " ".join(below.value.value.split())


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))
