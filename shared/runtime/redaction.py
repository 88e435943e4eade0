"""Keeps secrets out of all output: log records of every library, exception texts, results.

It works in two ways. It drops records below WARNING of the vendors' loggers that print whole requests and responses.
Such a record could show a token before keyturn knows it. And a factory makes every log record of the process: it
replaces each known secret in the message, the exception and the stack, raw and in the encodings that libraries use.

At its end an invocation forgets the secrets that any of its threads learned (`forget_at_end`). Role keys and passwords
of queue URLs stay in use between invocations, so they are remembered as lasting.
"""

from __future__ import annotations

import base64
import itertools
import json
import logging
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "***"

# Loggers that print request or response bodies, tokens or URLs. Sources: tencentcloud-sdk-python-common 3.1.195
# `abstract_client.py` and `http/request.py`; darabonba-core 1.0.9 `core.py` (which also opens its own stream handler).
_BODY_LOGGERS = ("tencentcloud_sdk_common", "darabonba-core", "alibabacloud_credentials", "alibabacloud-tea")

# Shorter values would turn ordinary words into masks; no cloud here accepts a new password this short.
_SHORTEST = 6

CLEAN_LOGGER = "keyturn.undelivered"
"""The records of this logger hold results. A result is scrubbed when it is made, and must not be changed again."""


@dataclass
class _Known:
    """One secret: the forms in which a library may write it, and how long it stays known."""

    forms: frozenset[str]
    scopes: set[int] = field(default_factory=set)  # the invocations that ran when it was learned
    lasting: bool = False
    outside: bool = False  # learned while no invocation ran: by a program, or at the start of the process


_known: dict[str, _Known] = {}  # by value, the newest last
_scopes: set[int] = set()  # the invocations that run now
_scope_numbers = itertools.count(1)
_lock = threading.Lock()
_MOST = 2048  # an invocation may have a hundred commands, each with all versions of its store
_MOST_LASTING = 32

# Most texts hold no secret. `_groups` shows this without a search for each form of each secret. A form has at least six
# characters. So wherever it stands in a text, one of its first four groups of three characters begins at a position
# that four divides. `_groups` holds these groups of all forms; of a text only every fourth group is looked up.
_GROUP, _STEP = 3, 4
_groups: dict[str, list[str]] = {}

# The characters that an encoding does not change. An encoding is computed only if a secret has others.
_EVERYWHERE = re.compile(r"[A-Za-z0-9_.~-]*")
_IN_JSON = re.compile(r"[ !#-\[\]-~]*")  # the same for repr()


def remember(value: str, *, lasting: bool = False) -> None:
    """Remember a secret, so that `scrub` replaces it. Values under six characters are ignored.

    `lasting`: remember it beyond the invocation, too. Only the newest 32 lasting secrets are remembered.
    """
    if len(value) < _SHORTEST:
        return
    with _lock:
        known = _known.pop(value, None)
        if known is None:
            known = _Known(_forms(value))
            for form in known.forms:
                for start in range(_STEP):
                    _groups.setdefault(form[start : start + _GROUP], []).append(form)
        known.scopes |= _scopes
        known.lasting = known.lasting or lasting
        known.outside = known.outside or not _scopes
        _known[value] = known
        if lasting:
            kept = [one for one, known in _known.items() if known.lasting]
            for one in kept[:-_MOST_LASTING]:
                _known[one].lasting = False
                _forget_if_over(one)
        while len(_known) > _MOST:
            _forget(next((one for one, known in _known.items() if not known.lasting), value))


@contextmanager
def forget_at_end() -> Iterator[None]:
    """The scope of one invocation. A secret is forgotten when the last invocation that ran when it was learned ends."""
    with _lock:
        scope = next(_scope_numbers)
        _scopes.add(scope)
    try:
        yield
    finally:
        with _lock:
            _scopes.discard(scope)
            for value in [one for one, known in _known.items() if scope in known.scopes]:
                _known[value].scopes.discard(scope)
                _forget_if_over(value)


def _forget_if_over(value: str) -> None:
    known = _known[value]
    if not (known.scopes or known.lasting or known.outside):
        _forget(value)


def _forget(value: str) -> None:
    for form in _known.pop(value).forms:
        for start in range(_STEP):
            group = form[start : start + _GROUP]
            _groups[group].remove(form)  # two secrets may share a form: each has added it once
            if not _groups[group]:
                del _groups[group]


def _forms(value: str) -> frozenset[str]:
    packed = base64.b64encode(value.encode()).decode().rstrip("=")
    forms = {value, packed, packed.replace("+", "-").replace("/", "_")}
    if not _IN_JSON.fullmatch(value):
        quoted = json.dumps(value)[1:-1]
        forms |= {quoted, json.dumps(quoted)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)[1:-1]}
    if not _EVERYWHERE.fullmatch(value):
        forms |= {quote(value, safe=""), quote(value), quote_plus(value)}
    return frozenset(forms)


def scrub(text: str) -> str:
    """Replace every known secret in a text, the longest form first."""
    groups = [text[start : start + _GROUP] for start in range(0, len(text), _STEP)]
    with _lock:
        if _groups.keys().isdisjoint(groups):
            return text
        hits = {form for group in groups if group in _groups for form in _groups[group] if form in text}
    for form in sorted(hits, key=len, reverse=True):
        text = text.replace(form, MASK)
    return text


def scrub_all(texts: Sequence[str]) -> list[str]:
    """Scrub several texts at once."""
    # The line break keeps a form from being found across two texts, unless a secret itself holds one.
    together = "\n".join(texts)
    return list(texts) if scrub(together) == together else [scrub(text) for text in texts]


def _quiet(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING


_body_loggers = tuple(logging.getLogger(name) for name in _BODY_LOGGERS)
_formatter = logging.Formatter()
_plain_factory = logging.getLogRecordFactory()


def _clean_record(*args: Any, **kwargs: Any) -> logging.LogRecord:
    record = _plain_factory(*args, **kwargs)
    if record.name == CLEAN_LOGGER:
        return record
    try:
        message = record.getMessage()
    except Exception:  # another library's broken format string; its arguments may hold a secret
        record.msg, record.args = "unprintable log record", ()
        message = record.msg
    clean = scrub(message)
    if clean != message:
        record.msg, record.args = clean, ()
    if record.exc_info and record.exc_info[0] is not None:
        # Handlers print `exc_text` if it is set. Without `exc_info` no handler can format the exception again.
        record.exc_text = scrub(_formatter.formatException(record.exc_info))
        record.exc_info = None
    if record.stack_info:
        record.stack_info = scrub(record.stack_info)
    return record


def guard_logs() -> None:
    """Start both protections. Call it at every invocation, because a platform may replace handlers."""
    if logging.getLogRecordFactory() is not _clean_record:
        logging.setLogRecordFactory(_clean_record)
    for logger in _body_loggers:
        if _quiet not in logger.filters:
            logger.addFilter(_quiet)
