"""The generated parts of a page, each between two markers: `<!-- name -->` and `<!-- /name -->`."""

from __future__ import annotations

from pathlib import Path

from shared.workbench.bundle.checkout import ROOT

MANUAL = "shared/workbench/docs/manual"


def with_part(text: str, name: str, part: str) -> str:
    """The page with this part between its markers. Raises: ValueError: a marker is missing, or is there twice."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"a generated part must be between {begin} and {end}, and each of these must be there once")
    before, rest = text.split(begin)
    return f"{before}{begin}\n{part.rstrip()}\n{end}{rest.split(end)[1]}"


def write_part(page: str, name: str, part: str, root: Path = ROOT) -> None:
    """Write one part of a page, in one step. `page`: its path in the checkout. Raises: ValueError."""
    path = root / page
    beside = path.with_name(path.name + ".part")
    beside.write_text(with_part(path.read_text(encoding="utf-8"), name, part), encoding="utf-8")
    beside.replace(path)
