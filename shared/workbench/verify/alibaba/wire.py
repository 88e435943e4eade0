"""Signatures, keys and rates: claims that every read shows."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping

from shared.workbench.verify.alibaba.desk import AlibabaCheck, AlibabaDesk, Said, said
from shared.workbench.verify.findings import Differs, Finding, Holds

_WITHIN_S, _BEYOND_S = 14 * 60, 20 * 60
_CALLS = 15  # three seconds at the rate
_OF_KEYS = ("SecurityToken", "AccessKey", "Signature", "Forbidden")


def _read(desk: AlibabaDesk, *, headers: Mapping[str, str] | None = None, **keys: str) -> Said:
    query = {"RegionId": desk.api.region}
    return said(lambda: desk.api.call("r-kvstore", "DescribeInstances", query, keys=keys, headers=headers))


def _signed(desk: AlibabaDesk) -> Finding:
    """The SDK's signature, the allowed clock difference, and a nonce that is used twice."""
    nonce = {"x-acs-signature-nonce": uuid.uuid4().hex}
    first, again = _read(desk, headers=nonce), _read(desk, headers=nonce)
    within, beyond = _read(desk, headers=_ago(_WITHIN_S)), _read(desk, headers=_ago(_BEYOND_S))
    told = f"signed: {first}; the nonce again: {again}; 14 minutes ago: {within}; 20 minutes ago: {beyond}"
    as_expected = first.taken and within.taken and not again.taken and not beyond.taken
    return Holds(told) if as_expected else Differs("accepted, refused, accepted, refused", told)


def _ago(seconds: float) -> dict[str, str]:
    return {"x-acs-date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - seconds))}


def bad_keys(desk: AlibabaDesk) -> Holds | Differs:
    """A bad token or signature is refused with a code that names it."""
    tried = {"token": _read(desk, token="no-token"), "key": _read(desk, key="no-key")}
    told = "; ".join(f"a made-up {name}: {one}" for name, one in tried.items())
    clear = all(400 <= one.status < 500 and any(word in one.code for word in _OF_KEYS) for one in tried.values())
    return Holds(told) if clear else Differs("4xx codes about the token or key", told)


def _rate(desk: AlibabaDesk) -> Finding:
    """Make so many reads at keyturn's first pace."""
    start = time.monotonic()
    answers = [_read(desk) for _ in range(_CALLS)]
    refused = [one for one in answers if not one.taken]
    told = f"{_CALLS} reads of an API in {time.monotonic() - start:.1f} s: {len(refused)} refused"
    return Differs("none is throttled", f"{told}, {refused[0]}") if refused else Holds(told)


CHECKS: tuple[AlibabaCheck, ...] = (AlibabaCheck("W1", _signed), AlibabaCheck("W4", _rate, of_the_moment=True))
