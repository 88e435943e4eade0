"""Draws the mutants to judge by a seed, so that anyone can repeat the draw."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from shared.workbench.mutants.candidates import Mutant

SEED = "keyturn"
"""The default seed of `make mutants`. Another seed draws other mutants."""


def drawn(candidates: Iterable[Mutant], seed: str, count: int) -> list[Mutant]:
    """Draw `count` of the candidates, in the order in which they are judged.

    Each mutant's lot depends only on the seed and on the mutant itself. A change of one function changes the lots of
    its own mutants only.
    """
    return sorted(candidates, key=lambda one: _lot(one, seed))[:count]


def _lot(mutant: Mutant, seed: str) -> bytes:
    return hashlib.sha256("\0".join([seed, *map(str, mutant.key)]).encode()).digest()
