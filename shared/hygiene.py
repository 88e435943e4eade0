"""Keeps secrets out of everything that is written: log records of every library, exception texts, results.

Two nets. The vendors' loggers that print whole requests and responses at DEBUG are shut for what they print there
(they would show a token or an answer before we know it). And every log record of the process is made by a factory that
replaces each known secret, raw and in the encodings that libraries use, in the message, the exception and the stack.
"""

from __future__ import annotations

import base64
import json
import logging
import threading
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

_known: dict[str, frozenset[str]] = {}  # by value, the newest last: each form that a library may write it in
_lock = threading.Lock()
_MOST = 512


def learn(value: str) -> None:
    """Remember a secret, so that `scrub` knows it. Values under six characters are left to the callers' care."""
    if len(value) < _SHORTEST:
        return
    with _lock:
        forms = _known.pop(value, None) or _forms(value)
        _known[value] = forms
        while len(_known) > _MOST:
            _known.pop(next(iter(_known)))


def _forms(value: str) -> frozenset[str]:
    quoted = json.dumps(value)[1:-1]
    return frozenset(
        {
            value,
            quoted,
            json.dumps(quoted)[1:-1],
            json.dumps(value, ensure_ascii=False)[1:-1],
            repr(value)[1:-1],
            quote(value, safe=""),
            quote(value),
            quote_plus(value),
            base64.b64encode(value.encode()).decode().rstrip("="),
            base64.urlsafe_b64encode(value.encode()).decode().rstrip("="),
        }
    )


def scrub(text: str) -> str:
    """The text with every known secret replaced, longest form first."""
    with _lock:
        hits = {form for forms in _known.values() for form in forms if form in text}
    for form in sorted(hits, key=len, reverse=True):
        text = text.replace(form, MASK)
    return text


def _quiet(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING


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
    for name in _BODY_LOGGERS:
        logger = logging.getLogger(name)
        if _quiet not in logger.filters:
            logger.addFilter(_quiet)
