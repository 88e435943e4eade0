"""How long keyturn waits before it repeats a call."""

from __future__ import annotations

import random


def backoff_s(tries: int, *, base_s: float = 0.2, most_s: float = 8.0, rng: random.Random | None = None) -> float:
    """A random wait in seconds (full jitter): between 0 and `base_s`, which doubles at each try, up to `most_s`.

    `tries`: how often the call was made, from 1.

    Source: M. Brooker, Exponential Backoff And Jitter, 2015.
    """
    return (rng or random).uniform(0.0, min(most_s, base_s * 2 ** max(0, tries - 1)))
