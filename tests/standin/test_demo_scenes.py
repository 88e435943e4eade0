"""How the demo says that it ended: nobody reads `All proofs held` where one failed or was left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cloud.client.standin import Standin
from tests.cloud.demo import six_ways
from tests.cloud.demo.fleets import FleetTally
from tests.cloud.demo.scenes import Scene, end_of
from tests.conftest import ACCOUNT


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
        (
            [scene(True), scene(left_out="no Python 3.10")],
            "All proofs that this machine could show held (no Python 3.10)",
        ),
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


def test_a_proof_that_failed_says_why_on_the_next_line() -> None:
    made = scene()
    made.tell("  held", True, "not said")
    made.tell("  one way", False, "the old password is still accepted")
    assert made.lines == ["  held", "  one way  FAILED", "      the old password is still accepted"]


class Denying(Standin):
    """A cloud in which nobody may change an account."""

    def reset(self, **world: Any) -> None:
        super().reset(deny=["ModifyInstanceAccount"], **world)


def test_a_change_that_was_refused_is_told_with_its_reason(tmp_path: Path) -> None:
    made = scene()
    with Denying() as cloud:
        six_ways.call_in_six_ways(made, cloud, ACCOUNT, f"sqlite://{tmp_path}/results.db", set())
    (line,) = made.lines
    assert "scf http: not_changed: forbidden (UnauthorizedOperation" in line and line.endswith("FAILED")
