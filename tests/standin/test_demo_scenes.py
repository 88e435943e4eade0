"""How the demo says that it ended: nobody reads `All proofs held` where one failed or was left out."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cloud.demo.fleets import FleetTally
from tests.cloud.demo.scenes import Scene, end_of


def scene(*proofs: bool, left_out: str = "") -> Scene:
    made = Scene("a heading", lambda _: None, left_out=left_out)
    for held in proofs:
        made.tell("a proof", held)
    return made


@pytest.mark.parametrize(
    ("scenes", "says"),
    [
        ([scene(True), scene(True, True)], "All proofs held"),
        ([scene(True), scene(True, False)], "1 proof FAILED"),
        ([scene(False), scene(False, left_out="no Python 3.10")], "2 proofs FAILED"),
        ([scene(True), scene(left_out="no Python 3.10")], "All proofs that could be shown held (no Python 3.10)"),
    ],
)
def test_the_end_tells_what_failed_and_what_was_left_out(scenes: list[Scene], says: str) -> None:
    assert end_of(scenes) == says


def page(mode: str, due: int) -> dict[str, Any]:
    return {"type": "keyturn.rotation.report", "data": {"Mode": mode, "Due": due}}


def told(command_id: str, outcome: str) -> dict[str, Any]:
    return {"type": f"keyturn.credential.{outcome}", "data": {"CommandId": command_id, "Outcome": outcome}}


def test_a_command_that_came_twice_on_a_slow_machine_was_due_once() -> None:
    first = ["pending", "changed", "unknown"]
    events = [page("rotate", 3), page("rotate", 3), *(told("c-1", outcome) for outcome in first)]
    events += [told("c-2", "pending"), told("c-2", "already_changed"), told("c-3", "unknown"), page("report", 1)]
    assert FleetTally.of(events) == FleetTally(due=3, commands=3, changed=2, due_now=1)
