"""Functions in this process, of which every event is checked."""

from __future__ import annotations

import pytest

from tests.conftest import House
from tests.handlers.event_check import EventCheck


@pytest.fixture
def checked(house: House) -> EventCheck:
    return EventCheck(house)


@pytest.fixture
def without_results_queue(checked: EventCheck) -> EventCheck:
    """The same; without a results queue, so that timers and queues have nowhere to report."""
    del checked.house.settings["KEYTURN_RESULTS"]
    return checked
