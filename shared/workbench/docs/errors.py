"""The error that stops the reference."""

from __future__ import annotations


class DocsError(Exception):
    """A source of the reference is missing; the text says which, and what to do."""
