"""A fleet on a timer, from the firing to the ages afterwards; `make campaign` plays it with a thousand instances."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.campaign import fleet

_MOST_CALLS = 14  # a command: its looks, the change, one or two questions for the task, and the store's


@pytest.mark.long
def test_a_fleet_whose_timer_fires_twice_and_whose_functions_die_is_rotated_once() -> None:
    rotated = fleet.rotate(200, 60, rate=1000)
    assert rotated.violations == []
    assert rotated.kills == 3
    assert rotated.commands > 60, "the second firing sent nothing, so it has shown nothing"


def test_stored_changes_at_the_published_rate_are_all_made_and_none_is_lost() -> None:
    """How long they take hangs on the machine; that none fails, and how many calls each makes, does not."""
    flow = fleet.throughput(60)
    assert flow.outcomes == Counter(changed=60)
    assert flow.calls["ModifyInstanceAccount"] - flow.throttled["ModifyInstanceAccount"] == 60
    assert sum(flow.calls.values()) - sum(flow.throttled.values()) <= _MOST_CALLS * 60
