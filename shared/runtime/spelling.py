"""What a person probably meant by a misspelt word. Uses the standard library alone, and imports it when it is asked."""

from __future__ import annotations

from collections.abc import Iterable

_CUTOFF, _CUTOFF_OF_SHORT, _SHORT = 0.75, 0.65, 4
_LONGEST = 64  # characters of a word that is compared: what is longer is no misspelt name


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that was probably meant, whatever the case and the marks between letters; empty: none is near."""
    from difflib import get_close_matches

    if not 0 < len(word) <= _LONGEST:
        return ""
    by_letters = {_letters(one): one for one in known}
    cutoff = _CUTOFF_OF_SHORT if len(_letters(word)) <= _SHORT else _CUTOFF
    close = get_close_matches(_letters(word), by_letters, n=1, cutoff=cutoff)
    ending = [one for one in by_letters.values() if one.lower().endswith(f"-{word.lower()}")]
    return by_letters[close[0]] if close else ending[0] if len(ending) == 1 else ""


def did_you_mean(word: str) -> str:
    """The end of a mistake's text that offers a word; empty for none."""
    return f", did you mean `{word}`?" if word else ""


def meant(word: str, known: Iterable[str]) -> str:
    """The same, for the known word that is nearest. It holds nothing of `word`."""
    return did_you_mean(nearest(word, known))


def _letters(word: str) -> str:
    return "".join(letter for letter in word.lower() if letter.isalnum())
