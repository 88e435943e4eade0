"""The session of `requests` by which both vendors' clients send, held to what a call says: its host, its headers."""

from __future__ import annotations

from typing import Any


def hold(session: Any) -> Any:
    """The session, which follows no redirect: that would send a change, its secret and its token once more, to whomever
    an answer names, and hide what became of the first. It keeps no cookie, and looks for no proxy and no ~/.netrc.
    """
    from http.cookiejar import DefaultCookiePolicy

    session.trust_env = False
    session.get_redirect_target = _nowhere
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    return session


def new_session() -> Any:
    """Such a session, in the place of `requests.Session`."""
    from requests import Session

    return hold(Session())


def _nowhere(_answer: object) -> None:
    return None
