"""What can go wrong with reading results."""

from __future__ import annotations

from shared.queues.port import QueueUnavailable
from shared.workbench.apis.callers import missing_right


class SourceError(Exception):
    """The results queue cannot be read; the text says why and what helps, and holds no URL and no secret."""


def unread(error: QueueUnavailable, action: str) -> SourceError:
    """Why a queue does not let itself be looked at; `action`: what SMQ calls the look."""
    advice = missing_right("alibaba", "mns", action, "AccessDenied") if "(AccessDenied)" in str(error) else ""
    return SourceError(f"the results queue cannot be read: {error}{'; ' + advice if advice else ''}")
