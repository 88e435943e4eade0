"""Patterns with `*`, which stands for any text, even an empty one. No other character is special."""

from __future__ import annotations


def matches_wildcard(pattern: str, text: str) -> bool:
    """Whether a text fits a pattern. The time grows with both lengths only, because there is no backtracking.

    It looks for the parts between the stars one after the other, each at its first place after the part before.
    """
    first, *rest = pattern.split("*")
    if not rest:
        return text == pattern
    *middle, last = rest
    if not text.startswith(first):
        return False
    at = len(first)
    for part in middle:
        found = text.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return len(text) - at >= len(last) and text.endswith(last)
