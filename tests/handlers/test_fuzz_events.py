"""Events that nobody planned for, to every handler on both platforms: nothing is raised, shown or called that must not.

Half begin as the events of `events/`, opened down to the command and then spoiled in a few places; half are made of
nothing but known names and odd values. Each carries canaries: where secrets go, and wherever else chance puts one.
`KEYTURN_FUZZ` multiplies the number of examples, and draws others in each run; without it they are the same each time.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, given, settings

from tests.handlers.event_check import EventCheck
from tests.handlers.event_strategies import DrawnEvent, carried, invented, spoiled

_TIMES = int(os.environ.get("KEYTURN_FUZZ", "1"))


def fuzz(examples: int) -> settings:
    """So many examples, or so many times more."""
    return settings(
        max_examples=examples * _TIMES,
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate] if _TIMES > 1 else [Phase.explicit, Phase.generate, Phase.shrink],
    )


def test_events_that_are_nearly_right(checked: EventCheck) -> None:
    @fuzz(130)
    @given(spoiled())
    def holds(sent: DrawnEvent) -> None:
        checked.deliver(sent)

    holds()


def test_commands_in_strange_envelopes(checked: EventCheck) -> None:
    @fuzz(80)
    @given(carried())
    def holds(sent: DrawnEvent) -> None:
        checked.deliver(sent)

    holds()


def test_events_of_nothing_but_chance(checked: EventCheck) -> None:
    @fuzz(80)
    @given(invented())
    def holds(sent: DrawnEvent) -> None:
        checked.deliver(sent)

    holds()


def test_events_with_nowhere_to_report(without_results_queue: EventCheck) -> None:
    @fuzz(40)
    @given(spoiled() | carried())
    def holds(sent: DrawnEvent) -> None:
        without_results_queue.deliver(sent, results=False)

    holds()
