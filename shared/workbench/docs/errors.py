"""What keeps the reference from being written."""

from __future__ import annotations


class DocsError(Exception):
    """Something that the reference is made of is missing; the text says what, and what to do."""
