"""W3C Trace Context (https://www.w3.org/TR/trace-context/): keyturn passes it from hop to hop.

keyturn exports no spans. So it passes a context on as it came: a new span that no tracing system knows would cut the
tree. If there is no context, keyturn begins a trace, so that the log lines and events of all hops have one id.
"""

import os
import re

# A list of at most 32 members, `key=value`. The form is that of level 2 (section 3.3); level 1 allows less.
_MEMBER = re.compile(r"[a-z0-9][a-z0-9_*/@-]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]")
_MOST_MEMBERS, _LONGEST_STATE, _LONG_MEMBER = 32, 512, 128

_FORM = re.compile(r"(?!ff)([0-9a-f]{2})-((?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_FLAGS = 0x03  # sampled; random, since level 2


def traceparent(value: object) -> str | None:
    """`value` if it is a traceparent, else None: the standard says to ignore a malformed one."""
    match = _FORM.fullmatch(value) if isinstance(value, str) else None
    if match is None or (match[1] == "00" and match[4]):
        return None
    # A later version is passed on as version 00 with the known fields; unknown flags are 0 (3.2.2.5, 4.3).
    return f"00-{match[2]}-{int(match[3], 16) & _FLAGS:02x}"


def tracestate(value: object) -> str | None:
    """`value` if it is a tracestate, else None. keyturn passes it on unchanged, with its traceparent.

    If it has more than 512 characters, whole members are removed: the long ones first, then from the end (3.3.1.5).
    """
    if not isinstance(value, str):
        return None
    members = [member for one in value.split(",") if (member := one.strip(" \t"))]
    # A key that occurs twice stays: a receiver may discard one, but need not.
    if not 1 <= len(members) <= _MOST_MEMBERS or not all(map(_MEMBER.fullmatch, members)):
        return None
    if len(value) <= _LONGEST_STATE:
        return value
    while len(",".join(members)) > _LONGEST_STATE:
        long = [place for place, member in enumerate(members) if len(member) > _LONG_MEMBER]
        members.pop(long[-1] if long else -1)
    return ",".join(members) or None


def new_trace() -> str:
    """The traceparent of a new trace. It is sampled, because keyturn's log lines record it."""
    return f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-01"


def trace_id(parent: str | None) -> str | None:
    """The id of the trace, 32 hex digits, as log lines and tracing systems show it."""
    return parent[3:35] if parent else None
