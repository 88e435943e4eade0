"""How callers open the stand-in's control paths: without a proxy and, over TLS, trusting only its CA."""

from __future__ import annotations

import ssl
from urllib.request import BaseHandler, HTTPSHandler, OpenerDirector, ProxyHandler, build_opener


def opener(ca_file: str | None) -> OpenerDirector:
    """An opener for one stand-in. Raises: OSError: its CA cannot be read."""
    handlers: list[BaseHandler] = [ProxyHandler({})]
    if ca_file:
        handlers.append(HTTPSHandler(context=ssl.create_default_context(cafile=ca_file)))
    return build_opener(*handlers)
