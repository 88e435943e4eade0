"""Finds the clouds that an invocation calls, and checks that a stand-in runs for each, so that no real cloud is called
by
mistake.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

from shared.runtime.loopback import is_loopback
from shared.runtime.settings import setting
from tests.cloud.functions.platform_names import CLOUD_OF, Platform

_NAMES = {"tencent": "Tencent Cloud", "alibaba": "Alibaba Cloud"}
# The forms of a function, a field `Cloud`, or a store in an event.
_NAMED = {
    "tencent": re.compile(rb'\btencent_[a-z]|"Cloud\\*": ?\\*"tencent|\bssm://'),
    "alibaba": re.compile(rb'\balibaba_[a-z]|"Cloud\\*": ?\\*"alibaba|\bkms://'),
}
# The settings with the keys for a cloud, for a function on the other cloud's platform. On its own platform a function
# has the stand-in's keys.
_KEYS = {
    "tencent": ("KEYTURN_TENCENT_SECRET_ID", "KEYTURN_TENCENT_SECRET_KEY"),
    "alibaba": ("KEYTURN_ALIBABA_ACCESS_KEY_ID", "KEYTURN_ALIBABA_ACCESS_KEY_SECRET"),
}


def endpoint_of(cloud: str) -> str:
    """The setting with the address for a cloud's calls."""
    return f"KEYTURN_{cloud.upper()}_ENDPOINT"


def clouds_called(function: str, platform: Platform, event: bytes) -> list[str]:
    """The clouds of a function and of the stores in its event; for a function without a cloud, those in the event."""
    own = function.partition("_")[0]
    called = {cloud for cloud, named in _NAMED.items() if named.search(event)}
    called |= {own} & _NAMES.keys()
    return sorted(called) or [CLOUD_OF[platform]]


def would_leave(function: str, platform: Platform, event: bytes, settings: Mapping[str, str]) -> str:
    """The message if a function would call a real cloud. Empty: each cloud has an endpoint, or keys of its own."""
    for cloud in clouds_called(function, platform, event):
        has_keys = CLOUD_OF[platform] != cloud and all(setting(settings, name) for name in _KEYS[cloud])
        if not setting(settings, endpoint_of(cloud)) and not has_keys:
            return _unset(cloud)
    return ""


def no_endpoint(settings: Mapping[str, str]) -> str:
    """The message if no endpoint is set, when it is not known yet which functions run. Empty: one is set."""
    return "" if any(setting(settings, endpoint_of(cloud)) for cloud in _NAMES) else _unset("tencent")


def unanswered(settings: Mapping[str, str]) -> str:
    """The message if nobody listens at an endpoint on this machine, or it speaks another protocol.

    Empty: all is well.
    """
    for name in map(endpoint_of, _NAMES):
        url = urlsplit(setting(settings, name) or "")
        if not url.hostname or not is_loopback(url.hostname):
            continue
        port = url.port or (443 if url.scheme == "https" else 80)
        told = f"{url.scheme}://{url.hostname}:{port} ({name})"
        try:
            with socket.create_connection((url.hostname, port), 2.0) as one:
                if url.scheme == "http" and not _speaks_http(one):
                    return f"{told} speaks TLS: set https://localhost:{port}, and KEYTURN_CA_FILE to its `ca`"
        except (OSError, ValueError):
            return f"nobody listens at {told}: `make shell` opens a shell in which a stand-in runs"
    return ""


def _speaks_http(connection: socket.socket) -> bool:
    connection.sendall(b"GET /_standin/clock HTTP/1.0\r\nHost: localhost\r\n\r\n")
    try:
        return connection.recv(5) == b"HTTP/"
    except OSError:
        return False


def _unset(cloud: str) -> str:
    name = endpoint_of(cloud)
    return (
        f"{name} is not set, so this would call the real {_NAMES[cloud]}: nothing was run\n"
        "  `make shell` opens a shell in which a stand-in runs, and which has its keys and settings"
    )
