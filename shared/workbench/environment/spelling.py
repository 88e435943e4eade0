"""What a person probably meant by a misspelt word. Uses the standard library alone."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_CUTOFF = 0.75


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that was probably meant; empty: none is near."""
    by_lower = {one.lower(): one for one in known}
    close = get_close_matches(word.lower(), by_lower, n=1, cutoff=_CUTOFF)
    ending = [one for one in by_lower.values() if one.lower().endswith(f"-{word.lower()}")]
    return by_lower[close[0]] if close else ending[0] if word and len(ending) == 1 else ""


def did_you_mean(word: str) -> str:
    """The end of a mistake's text that offers a word; empty for none."""
    return f", did you mean `{word}`?" if word else ""


def meant(word: str, known: Iterable[str]) -> str:
    """The same, for the known word that is nearest."""
    return did_you_mean(nearest(word, known))
