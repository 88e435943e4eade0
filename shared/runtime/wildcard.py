"""Patterns in which `*` alone is special: it stands for any text, also for none."""

from __future__ import annotations


def matches_wildcard(pattern: str, text: str) -> bool:
    """Whether a text fits a pattern, in time that grows with their lengths alone: no try is taken back.

    The parts between the stars are looked for one after the other, each at its first place behind the last one.
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
