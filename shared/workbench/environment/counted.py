"""A number with its noun, as a person writes it."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """The number and the noun, in the plural where the number is not 1: "1 step", "2 steps"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
