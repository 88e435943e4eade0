"""The distributions in a tree: what pip installed, and which of their files are left."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Distribution:
    """One installed distribution. `sha256`: of the wheel, in hex; `info`: its .dist-info folder; `files`: its code."""

    name: str
    version: str
    sha256: str
    info: str
    files: tuple[str, ...]

    def is_in(self, names: Collection[str]) -> bool:
        """Whether a zip with these files contains the distribution: its metadata, and at least one file of its code."""
        return f"{self.info}/METADATA" in names and any(file in names for file in self.files)


def installed(folder: Path, report: Path) -> list[Distribution]:
    """What `pip install --report` installed in `folder`, by name. Call this before any file is removed.

    Raises: LookupError, OSError, ValueError: the report or the folder has another form than pip's.
    """
    infos = {_normal(info.name.partition("-")[0]): info for info in folder.glob("*.dist-info")}
    found = []
    for one in json.loads(report.read_text(encoding="utf-8"))["install"]:
        info = infos[_normal(one["metadata"]["name"])]
        with (info / "RECORD").open(newline="", encoding="utf-8") as record:
            files = [row[0] for row in csv.reader(record) if row and not row[0].startswith((info.name, ".."))]
        sha256 = one["download_info"]["archive_info"]["hashes"]["sha256"]
        named = _normal(one["metadata"]["name"]), one["metadata"]["version"]
        found.append(Distribution(*named, sha256, info.name, tuple(sorted(files))))
    return sorted(found, key=lambda one: one.name)


def left_of(distribution: Distribution, folder: Path) -> Distribution:
    """The distribution with the files that are still below `folder`, as source or as bytecode."""
    names = (name for file in distribution.files for name in (file, re.sub(r"\.py$", ".pyc", file)))
    files = tuple(sorted({name for name in names if (folder / name).is_file()}))
    return Distribution(distribution.name, distribution.version, distribution.sha256, distribution.info, files)


def _normal(name: str) -> str:
    """A distribution's name as in package URLs (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
