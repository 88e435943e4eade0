"""Times as text."""

from __future__ import annotations

from datetime import datetime, timezone


def now_text(now: datetime | None = None) -> str:
    """A time as RFC 3339 in UTC with milliseconds."""
    moment = now.astimezone(timezone.utc) if now else datetime.now(timezone.utc)
    return moment.isoformat(timespec="milliseconds")[: -len("+00:00")] + "Z"
