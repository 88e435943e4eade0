"""W3C Trace Context (https://www.w3.org/TR/trace-context/), as it goes from hop to hop.

keyturn exports no spans. So a context that is given goes on as it came: a span of ours that no tracing system knows
would cut the tree. Where none is given a trace begins, so that the log lines and events of all hops have one id.
"""

import os
import re

# A list of at most 32 members, `key=value`, as level 2 spells both (section 3.3); level 1 is narrower.
_MEMBER = re.compile(r"[a-z0-9][a-z0-9_*/@-]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]")
_MOST_MEMBERS, _LONGEST_STATE, _LONG_MEMBER = 32, 512, 128

_FORM = re.compile(r"(?!ff)([0-9a-f]{2})-((?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_FLAGS = 0x03  # sampled, and, since level 2, random


def traceparent(value: object) -> str | None:
    """`value` if it is a traceparent, else None: what is malformed is ignored, as the standard asks."""
    match = _FORM.fullmatch(value) if isinstance(value, str) else None
    if match is None or (match[1] == "00" and match[4]):
        return None
    # Of a later version the fields that we know, as this version; flags that it does not define are 0 (3.2.2.5, 4.3).
    return f"00-{match[2]}-{int(match[3], 16) & _FLAGS:02x}"


def tracestate(value: object) -> str | None:
    """`value` if it is a tracestate, else None. It goes on as it came, beside the traceparent that it belongs to.

    One of more than 512 characters loses whole members: the long ones first, then from the end (3.3.1.5).
    """
    if not isinstance(value, str):
        return None
    members = [member for one in value.split(",") if (member := one.strip(" \t"))]
    # A key that came twice passes on: whoever receives may discard one, and need not.
    if not 1 <= len(members) <= _MOST_MEMBERS or not all(map(_MEMBER.fullmatch, members)):
        return None
    if len(value) <= _LONGEST_STATE:
        return value
    while len(",".join(members)) > _LONGEST_STATE:
        long = [place for place, member in enumerate(members) if len(member) > _LONG_MEMBER]
        members.pop(long[-1] if long else -1)
    return ",".join(members) or None


def new_trace() -> str:
    """The traceparent of a trace that begins here, sampled: our log lines record it."""
    return f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-01"


def trace_id(parent: str | None) -> str | None:
    """The trace's id, 32 hex digits, as log lines and tracing systems name it."""
    return parent[3:35] if parent else None
