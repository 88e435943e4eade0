"""Writes and reads times as text."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone, tzinfo

_FORM = r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)?"  # RFC 3339, 5.6


def now_text(now: datetime | None = None) -> str:
    """A time as RFC 3339 in UTC, with milliseconds. `now`: None for the present time."""
    moment = now.astimezone(timezone.utc) if now else datetime.now(timezone.utc)
    return moment.isoformat(timespec="milliseconds")[: -len("+00:00")] + "Z"


def parse_time(value: object, zone: tzinfo | None = None) -> datetime | None:
    """Read an RFC 3339 text, as a time in UTC; None if it is no such text. Digits after the microseconds are cut off.

    `zone`: the zone of a text that names none. Without `zone` such a text gives None. Python 3.10's own reader takes
    only three or six digits of a fraction, and no leap second. Here a leap second counts as the next minute's first.
    """
    match = re.fullmatch(_FORM, value, re.ASCII) if isinstance(value, str) else None
    if match is None or not (match[4] or zone):
        return None
    second, leap = (match[2][:-2] + "59", timedelta(seconds=1)) if match[2].endswith(":60") else (match[2], timedelta())
    try:
        offset = (match[4] or "").upper().replace("Z", "+00:00")
        named = datetime.fromisoformat(f"{match[1]}T{second}.{(match[3] or '')[:6].ljust(6, '0')}{offset}")
        return (named if offset else named.replace(tzinfo=zone)).astimezone(timezone.utc) + leap
    except (ValueError, OverflowError):  # no such day, or a time that no datetime can hold in UTC
        return None
