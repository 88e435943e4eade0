"""Plays some random walks, and checks that a lie in one is noticed: see tests.campaign.random_walk."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.campaign.case import PlayedCase, play_case
from tests.campaign.random_walk import shrunk, walk
from tests.cloud.client.standin import Standin

_MINUTES = float(os.environ.get("KEYTURN_WALK_MINUTES", "0.5"))
_SEED = 20260301


@pytest.mark.long
def test_no_random_walk_breaks_a_promise(standin: Standin, tmp_path: Path) -> None:
    until = time.monotonic() + _MINUTES * 60
    first = int(os.environ.get("KEYTURN_WALK_FIRST", "1"))
    number = first
    while number == first or time.monotonic() < until:
        folder = tmp_path / str(number)
        folder.mkdir()
        played = play_case(walk(number), standin, folder, _SEED)
        assert not played.violations, _told(shrunk(played, standin, _SEED))
        number += 1


def test_a_walk_is_drawn_from_its_number() -> None:
    assert walk(7) == walk(7)
    assert len({str(walk(number).steps) for number in range(20)}) == 20


def _told(played: PlayedCase) -> str:
    return "\n".join([str(played.case), *played.violations, *played.story])
