"""Part 4: the size of each zip, and its largest parts."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from typing import Any

from shared.workbench.bench.build import PackagedFunction

_MB = 1_000_000
_SHOWN = 6
_LIMIT_MB = {"tencent": 4.0, "alibaba": 4.6}
_SEALS_MB = 5.0  # allowed for sealing: JOSE and cryptography


def measure(packed: Mapping[tuple[str, str], PackagedFunction]) -> list[dict[str, Any]]:
    """One row for each zip."""
    rows = []
    for (cloud, function), one in packed.items():
        seals = bool(getattr(one.built.spec, "seals", False))
        with zipfile.ZipFile(one.built.path) as archive:
            largest, rest = largest_parts({entry.filename: entry.compress_size for entry in archive.infolist()})
        rows.append(
            {
                "cloud": cloud,
                "function": function,
                "mb": round(one.built.size / _MB, 2),
                "budget_mb": _LIMIT_MB[cloud] + _SEALS_MB * seals,
                "unpacked_mb": round(one.built.unpacked / _MB, 1),
                "files": one.built.files,
                "parts_mb": {name: round(size / _MB, 2) for name, size in largest},
                "rest_mb": round(rest / _MB, 2),
            }
        )
    return rows


def largest_parts(sizes: Mapping[str, int]) -> tuple[list[tuple[str, int]], int]:
    """The largest packages of a zip (name, bytes), and the bytes of all others. `sizes`: by name in the zip."""
    tops: dict[str, int] = {}
    for name, size in sizes.items():
        top = name.partition("/")[0]
        tops[top] = tops.get(top, 0) + size
    ordered = sorted(tops.items(), key=lambda item: (-item[1], item[0]))
    return ordered[:_SHOWN], sum(size for _, size in ordered[_SHOWN:])
