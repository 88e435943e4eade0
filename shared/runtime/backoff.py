"""How long to wait before a call is made again."""

from __future__ import annotations

import random


def backoff_s(tries: int, *, base_s: float = 0.2, most_s: float = 8.0, rng: random.Random | None = None) -> float:
    """Full jitter: a wait in seconds, uniform between nothing and twice as much at each try (from 1), up to a bound.

    Source: M. Brooker, Exponential Backoff And Jitter, 2015.
    """
    return (rng or random).uniform(0.0, min(most_s, base_s * 2 ** max(0, tries - 1)))
