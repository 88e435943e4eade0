"""How the demo says that it ended: nobody reads `All proofs held` where one failed or was left out."""

from __future__ import annotations

import pytest

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
        (
            [scene(True), scene(left_out="no Python 3.10")],
            "All proofs that this machine could show held (no Python 3.10)",
        ),
    ],
)
def test_the_end_tells_what_failed_and_what_was_left_out(scenes: list[Scene], says: str) -> None:
    assert end_of(scenes) == says
