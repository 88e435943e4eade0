"""Adds an entry for a new function to serverless.yml, on each platform where the other function has one.

Comments stay.
"""

from __future__ import annotations

import re

from shared.workbench.scaffold.names import NewOperation, ScaffoldRefused

_KEY = re.compile(r"^( *)([A-Za-z0-9_]+):")


def with_entries(new: NewOperation, text: str) -> str:
    """The file's text with the new entries. Each follows the other function's. Raises: ScaffoldRefused."""
    lines = text.splitlines()
    starts = [at for at, line in enumerate(lines) if (key := _KEY.match(line)) and key[2] == new.source]
    if not starts:
        raise ScaffoldRefused(
            f"serverless.yml: has no function for functions/{new.source}.py, so there is no entry to copy"
        )
    for start in reversed(starts):
        end = _end_of(lines, start)
        entry = [new.renamed(line) for line in lines[start:end]]
        lines[end:end] = ["", *entry]
    return "\n".join(lines) + "\n"


def _end_of(lines: list[str], start: int) -> int:
    """The line after an entry. Lines that are indented deeper than the entry's key belong to it."""
    depth = len(lines[start]) - len(lines[start].lstrip())
    end = start + 1
    for at in range(start + 1, len(lines)):
        if lines[at].strip() and len(lines[at]) - len(lines[at].lstrip()) <= depth:
            break
        if lines[at].strip():
            end = at + 1
    return end
