"""The error of the bench."""

from __future__ import annotations


class BenchError(Exception):
    """Something cannot be measured; the text says what, and why."""
