"""The stand-in's clock in other processes: read it, and run by it."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from urllib.error import URLError
from urllib.request import Request

from shared.runtime.settings import setting
from tests.cloud.client.control_path import opener

_TIMEOUT_S = 2.0
_LATE_S = 0.02  # a clock may be behind by so much, because a busy machine set it late
_MOST_TRIES = 100
_ENDPOINTS = ("KEYTURN_TENCENT_ENDPOINT", "KEYTURN_ALIBABA_ENDPOINT")


def offset_s(settings: Mapping[str, str]) -> float:
    """The seconds by which the world is ahead of real time. 0 if no endpoint in these settings is a stand-in."""
    for endpoint in _endpoints(settings):
        with contextlib.suppress(URLError, OSError, ValueError, KeyError, TypeError):
            return float(_ask(endpoint, setting(settings, "KEYTURN_CA_FILE"))["Offset"])
    return 0.0


def move_to(settings: Mapping[str, str], moment: float) -> None:
    """Move the world's clock forward to a moment in epoch seconds. Raises: URLError, OSError: no stand-in answers."""
    endpoint = next(iter(_endpoints(settings)), None)
    if endpoint is None:
        raise OSError("no KEYTURN_..._ENDPOINT names a stand-in")
    ahead = moment - time.time() - offset_s(settings)
    _ask(endpoint, setting(settings, "KEYTURN_CA_FILE"), {"Advance": max(0.0, ahead)})


@contextlib.contextmanager
def running_ahead(seconds: float) -> Iterator[None]:
    """This process's wall clock runs so many seconds ahead for a while, for handlers that run in it.

    Unlike `functions.shifted_time` this also affects modules that were imported before.
    """
    if not seconds:
        yield
        return
    import time_machine

    for _ in range(_MOST_TRIES):
        since, ahead = time.monotonic(), time.time() + seconds
        with time_machine.travel(ahead, tick=True):
            if time.monotonic() - since - (time.time() - ahead) < _LATE_S:
                yield
                return
    raise TimeoutError("the machine is too busy to set a clock")


def _endpoints(settings: Mapping[str, str]) -> list[str]:
    """Each endpoint that is set, once."""
    return list(dict.fromkeys(url for name in _ENDPOINTS if (url := setting(settings, name))))


def _ask(endpoint: str, ca_file: str | None, order: dict[str, float] | None = None) -> dict[str, float]:
    data = None if order is None else json.dumps(order).encode()
    # A move waits for everything that happens meanwhile.
    timeout_s = _TIMEOUT_S if order is None else 60.0
    with opener(ca_file).open(Request(f"{endpoint}/_standin/clock", data), timeout=timeout_s) as reply:
        shown: dict[str, float] = json.load(reply)
        return shown
