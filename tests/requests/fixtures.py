"""The requests that were recorded, as files: one for each kind, named by what it asks, with who makes it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from tests.cloud.state.checkout import ROOT

FOLDER = ROOT / "tests" / "fixtures" / "requests"
RECORD = "KEYTURN_RECORD=1 python -m pytest tests/requests/test_requests.py"
Request = dict[str, Any]


def read_fixtures() -> dict[str, Request]:
    """Every fixture by its file's name."""
    return {path.name: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def made_by(scenario: str) -> list[Request]:
    """The requests that a scenario makes, as the fixtures say."""
    return [_bare(one) for one in read_fixtures().values() if scenario in one["scenarios"]]


def write_fixtures(scenario: str, recorded: Iterable[Request]) -> None:
    """Put these in the place of what the fixtures say of a scenario; what no scenario makes goes."""
    makers: dict[str, set[str]] = {
        _text(_bare(one)): {*one["scenarios"]} - {scenario} for one in read_fixtures().values()
    }
    for request in recorded:
        makers.setdefault(_text(request), set()).add(scenario)
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.json"):
        path.unlink()
    seen: Counter[str] = Counter()
    for text, scenarios in sorted(makers.items()):
        if scenarios:
            request = json.loads(text)
            name = "-".join(request[part] for part in ("cloud", "service", "action"))
            seen[name] += 1
            number = f"-{seen[name]}" if seen[name] > 1 else ""
            ordered = {"scenarios": sorted(scenarios), **request}
            (FOLDER / f"{name}{number}.json").write_text(json.dumps(ordered, indent=2) + "\n")


def differences(kept: Iterable[Request], recorded: Iterable[Request]) -> list[str]:
    """What is sent and has no fixture, and what has one and is not sent."""
    old, new = {_text(one) for one in kept}, {_text(one) for one in recorded}
    return [f"new: {one}" for one in sorted(new - old)] + [f"no longer sent: {one}" for one in sorted(old - new)]


def _bare(fixture: Mapping[str, Any]) -> Request:
    return {name: value for name, value in fixture.items() if name != "scenarios"}


def _text(request: Request) -> str:
    return json.dumps(request, sort_keys=True)
