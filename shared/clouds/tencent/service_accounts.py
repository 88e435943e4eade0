"""Reads the state of a registry's service account (tcr, 2019-09-24, DescribeServiceAccounts)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

PREFIX = "tcr$"  # the service puts this before the name that the user chose
_LEAST_MILLISECONDS = 10**11  # a smaller ExpiresAt is in seconds; the examples of 1141/94605 and 94608 differ


def state_of(account: Mapping[str, Any], now: float) -> Literal["enabled", "disabled", "expired"]:
    """The state at `now` (Unix seconds). ExpiresAt is in seconds or milliseconds; -1 and 0 mean never."""
    if account.get("Disable"):
        return "disabled"
    moment = account.get("ExpiresAt")
    if not isinstance(moment, int) or moment <= 0:
        return "enabled"
    return "expired" if (moment if moment < _LEAST_MILLISECONDS else moment / 1000) <= now else "enabled"
