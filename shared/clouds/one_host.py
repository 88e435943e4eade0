"""Limits the `requests` sessions of both vendors' clients: each request goes to its own host, with its own headers."""

from __future__ import annotations

from typing import Any


def hold(session: Any) -> Any:
    """Let a session follow no redirect, keep no cookie, and read no proxy variable and no ~/.netrc.

    A redirect would send a change with its secret and token again, to any host that an answer names. It would also hide
    the result of the first request. Returns: the session.
    """
    if session.get_redirect_target is _nowhere:
        return session
    from http.cookiejar import DefaultCookiePolicy

    session.trust_env = False
    session.get_redirect_target = _nowhere
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    return session


def hold_all(core: Any) -> None:
    """Do this for every session, new or old, of darabonba-core 1.0.9, which Alibaba's clients use."""
    given = core.DaraCore._get_session
    if getattr(given, "held", False):
        return

    def held(*how: Any, **named: Any) -> Any:
        return hold(given(*how, **named))

    held.held = True  # type: ignore[attr-defined]
    core.DaraCore._get_session = staticmethod(held)


def _nowhere(_answer: object) -> None:
    return None
