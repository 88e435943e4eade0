"""serverless.yml with an entry for a new function, on each platform where the other has one. Comments stay."""

from __future__ import annotations

import re

from shared.workbench.scaffold.names import NewOperation, ScaffoldRefused

_KEY = re.compile(r"^( *)([A-Za-z0-9_]+):")


def with_entries(new: NewOperation, text: str) -> str:
    """The file's text with the new entries, each behind the other function's. Raises: ScaffoldRefused."""
    lines = text.splitlines()
    starts = [at for at, line in enumerate(lines) if (key := _KEY.match(line)) and key[2] == new.source]
    if not starts:
        raise ScaffoldRefused(
            f"serverless.yml: no function for functions/{new.source}.py, so none to make another from"
        )
    for start in reversed(starts):
        end = _end_of(lines, start)
        entry = [new.renamed(line) for line in lines[start:end]]
        lines[end:end] = ["", *entry]
    return "\n".join(lines) + "\n"


def _end_of(lines: list[str], start: int) -> int:
    """The line behind an entry: what is indented deeper than its key is its own."""
    depth = len(lines[start]) - len(lines[start].lstrip())
    end = start + 1
    for at in range(start + 1, len(lines)):
        if lines[at].strip() and len(lines[at]) - len(lines[at].lstrip()) <= depth:
            break
        if lines[at].strip():
            end = at + 1
    return end
