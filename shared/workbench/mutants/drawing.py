"""Which mutants are judged: drawn by a seed, so that anyone draws the same ones again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from shared.workbench.mutants.candidates import Mutant

SEED = "keyturn"
"""What `make mutants` draws by. Another seed is another draw."""


def drawn(candidates: Iterable[Mutant], seed: str, count: int) -> list[Mutant]:
    """So many of the candidates, in the order in which they are judged.

    Each has its own lot, made of the seed and of what it is known by: a changed function changes the lots of its own
    mutants, and all others stay in the draw.
    """
    return sorted(candidates, key=lambda one: _lot(one, seed))[:count]


def _lot(mutant: Mutant, seed: str) -> bytes:
    return hashlib.sha256("\0".join([seed, *map(str, mutant.key)]).encode()).digest()
