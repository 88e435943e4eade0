"""Keeps secrets out of everything that is written: log records of every library, exception texts, results.

Two nets. The vendors' loggers that print whole requests and responses at DEBUG are shut for what they print there
(they would show a token or an answer before we know it). And every log record of the process is made by a factory that
replaces each known secret, raw and in the encodings that libraries use, in the message, the exception and the stack.

What an invocation learns is forgotten at its end (`forget_at_end`), whichever of its threads learned it. What is kept
from one invocation to the next, role keys and the passwords of queue URLs, is learned as lasting.
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
"""Its records hold results, which are scrubbed where they are made and must then stay whole."""


@dataclass
class _Known:
    """One secret: the forms that a library may write it in, and for how long it stays known."""

    forms: frozenset[str]
    scopes: set[int] = field(default_factory=set)  # the invocations that were under way when it was learned
    lasting: bool = False
    outside: bool = False  # learned while no invocation was under way: by a program, or as the process began


_known: dict[str, _Known] = {}  # by value, the newest last
_scopes: set[int] = set()  # the invocations under way
_scope_numbers = itertools.count(1)
_lock = threading.Lock()
_MOST = 2048  # an invocation may bring a hundred commands, each with its store's versions
_MOST_LASTING = 32

# Most texts hold no secret, and that is to be seen without looking for each form of each secret. A form has six
# characters or more, so wherever it stands in a text, one of its first four groups of three characters begins at a
# position that four divides. `_groups` has these groups of all forms; of a text only every fourth group is looked up.
_GROUP, _STEP = 3, 4
_groups: dict[str, list[str]] = {}

# What each encoding leaves as it is; all others are computed only where they may differ.
_EVERYWHERE = re.compile(r"[A-Za-z0-9_.~-]*")
_IN_JSON = re.compile(r"[ !#-\[\]-~]*")  # and in repr()


def remember(value: str, *, lasting: bool = False) -> None:
    """Remember a secret, so that `scrub` knows it. Values under six characters are left to the callers' care.

    `lasting`: beyond the invocation, among the newest 32 of the kind.
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
    """One invocation: what is learned meanwhile, by any thread, is forgotten at the end of the last one under way."""
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
            _groups[group].remove(form)  # two secrets may share a form: each has put it there once
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
    """The text with every known secret replaced, longest form first."""
    groups = [text[start : start + _GROUP] for start in range(0, len(text), _STEP)]
    with _lock:
        if _groups.keys().isdisjoint(groups):
            return text
        hits = {form for group in groups if group in _groups for form in _groups[group] if form in text}
    for form in sorted(hits, key=len, reverse=True):
        text = text.replace(form, MASK)
    return text


def scrub_all(texts: Sequence[str]) -> list[str]:
    """The same for several texts at once."""
    # A separator that no secret is likely to hold; one that does is only looked for text by text.
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
    except Exception:  # a broken format string is another library's; its arguments may hold a secret
        record.msg, record.args = "unprintable log record", ()
        message = record.msg
    clean = scrub(message)
    if clean != message:
        record.msg, record.args = clean, ()
    if record.exc_info and record.exc_info[0] is not None:
        # Handlers print `exc_text` when it is set. Without `exc_info` none can format the values anew.
        record.exc_text = scrub(_formatter.formatException(record.exc_info))
        record.exc_info = None
    if record.stack_info:
        record.stack_info = scrub(record.stack_info)
    return record


def guard_logs() -> None:
    """Put both nets up. Safe to call at every invocation; a platform may replace handlers, never the factory."""
    if logging.getLogRecordFactory() is not _clean_record:
        logging.setLogRecordFactory(_clean_record)
    for logger in _body_loggers:
        if _quiet not in logger.filters:
            logger.addFilter(_quiet)
