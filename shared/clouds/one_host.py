"""The session of `requests` by which both vendors' clients send, held to what a call says: its host, its headers."""

from __future__ import annotations

from typing import Any


def hold(session: Any) -> Any:
    """The session, which follows no redirect: that would send a change, its secret and its token once more, to whomever
    an answer names, and hide what became of the first. It keeps no cookie, and looks for no proxy and no ~/.netrc.
    """
    if session.get_redirect_target is _nowhere:
        return session
    from http.cookiejar import DefaultCookiePolicy

    session.trust_env = False
    session.get_redirect_target = _nowhere
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    return session


def hold_all(core: Any) -> None:
    """Every session of darabonba-core 1.0.9, by which Alibaba's clients send, those that are there included."""
    given = core.DaraCore._get_session
    if getattr(given, "held", False):
        return

    def held(*how: Any, **named: Any) -> Any:
        return hold(given(*how, **named))

    held.held = True  # type: ignore[attr-defined]
    core.DaraCore._get_session = staticmethod(held)


def _nowhere(_answer: object) -> None:
    return None
