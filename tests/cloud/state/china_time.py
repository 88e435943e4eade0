"""Times in the format of Tencent's APIs: China Standard Time, without naming the zone."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone, tzinfo

CHINA = timezone(timedelta(hours=8))


def china_time(seconds: float, zone: tzinfo = CHINA) -> str:
    """Epoch seconds as `YYYY-MM-DD hh:mm:ss` in China Standard Time; an empty string for 0."""
    return datetime.fromtimestamp(seconds, zone).strftime("%Y-%m-%d %H:%M:%S") if seconds else ""
