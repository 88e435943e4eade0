"""The mutants that change no behaviour, each with the reason, in `equivalents.toml`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MOST = 30
FILE = Path(__file__).with_name("equivalents.toml")

Key = tuple[str, str, str, str, str, int]


@dataclass(frozen=True)
class Equivalent:
    """A mutant by its key (see `candidates.Mutant`), and why its behaviour is the same as the original's."""

    key: Key
    reason: str


def read(file: Path = FILE) -> list[Equivalent]:
    """The list. Raises: ValueError: an entry has no reason, or there are too many entries."""
    entries = tomllib.loads(file.read_text(encoding="utf-8")).get("mutant", [])
    if len(entries) > MOST:
        raise ValueError(
            f"{file.name} lists {len(entries)} mutants, but may list at most {MOST}: write tests for some of them"
        )
    found = []
    for one in entries:
        key = (one["path"], one["where"], one["source"], one["was"], one["becomes"], one.get("nth", 1))
        if not one.get("reason", "").strip():
            raise ValueError(f"{file.name}: no reason for {key}")
        found.append(Equivalent(key, one["reason"]))
    return found


def outdated(listed: Iterable[Equivalent], keys: Iterable[Key]) -> list[Equivalent]:
    """The entries that match no mutant of the present code. The line has changed, so check the reason again."""
    there = set(keys)
    return [one for one in listed if one.key not in there]
