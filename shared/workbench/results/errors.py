"""What can go wrong with reading results."""

from __future__ import annotations


class SourceError(Exception):
    """The results queue cannot be read; the text says why and what helps, and holds no URL and no secret."""
