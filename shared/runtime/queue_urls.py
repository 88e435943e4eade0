"""Reads queue URLs. Every error names the rule, never the URL, because a URL may hold a password.

- `sqlite:///path`: a file, for several processes. `memory://name`: a queue inside this process.
- `ckafka://region/datahub-id` and `smq://host/queue`: the clouds' own queues, with role keys.
- `amqp(s)://user:secret@host:port/vhost?queue=name`. With `&exchange=name` messages go to that exchange, with the
  queue's name as routing key, so that other queues can be bound to it, too.

`{function}` in a URL stands for the name of the receiving function, with `-` for `_`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from shared.runtime import redaction
from shared.runtime.loopback import is_loopback
from shared.runtime.secret import Secret

_WORD = re.compile(r"[A-Za-z0-9._-]*")
_REGION = r"[a-z]{2,4}(?:-[a-z0-9]+)+"
_CKAFKA = re.compile(rf"(?P<region>{_REGION})/(?P<datahub_id>datahub-[A-Za-z0-9-]{{1,64}})")
# In `-internal` and `-vpc` hosts the region's label has that ending.
_SMQ = re.compile(
    rf"(?P<host>(?P<account>[a-z0-9][a-z0-9-]{{0,62}})\.mns\.(?P<region>{_REGION})\.aliyuncs\.com)"
    r"/(?P<queue>[A-Za-z0-9][A-Za-z0-9-]{0,119})"
)
_FUNCTION = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
# In these a message that one function takes is gone for all others, so each function needs a queue of its own.
_ONE_A_FUNCTION = ("smq", "amqp", "amqps")
_KNOWN = ("sqlite", "memory", "ckafka", "smq", "amqp", "amqps")
_NAMES = ({"queue"}, {"queue", "exchange"})
_QUEUE_BYTES = 200  # AMQP allows 255; a delay queue's name is longer than its queue's


class CkafkaPlace(NamedTuple):
    """An HTTP access task of CKafka's DataHub."""

    region: str
    datahub_id: str


class SmqPlace(NamedTuple):
    """A queue of SMQ. The host names the account; the region may end in `-internal` or `-vpc`."""

    host: str
    account: str
    region: str
    queue: str


@dataclass(frozen=True, eq=False, repr=False)
class AmqpPlace:
    """A queue of an AMQP 0-9-1 broker, with the user and the password."""

    tls: bool
    host: str
    port: int
    user: str
    password: Secret
    vhost: str
    queue: str
    exchange: str = ""  # "": the default exchange, to which no second queue can be bound


class MemoryPlace(NamedTuple):
    """A queue of this process."""

    name: str


class SqlitePlace(NamedTuple):
    """A queue in a file."""

    path: str


def memory_name(rest: str) -> str:
    """The name in `memory://name`. Raises: ValueError."""
    if not _WORD.fullmatch(rest):
        raise ValueError("queue URL: the name in memory:// takes letters, digits and ._- only")
    return rest


def sqlite_path(rest: str) -> str:
    """The absolute path in `sqlite:///path`. Raises: ValueError."""
    if not rest.startswith("/") or rest.endswith("/") or not rest.strip("/") or "\0" in rest:
        raise ValueError("queue URL: sqlite:// takes the absolute path of a file, as in sqlite:///path/to/file")
    return "/" + rest.lstrip("/")


def ckafka_place(rest: str) -> CkafkaPlace:
    """Read the part after `ckafka://`. Raises: ValueError."""
    match = _CKAFKA.fullmatch(rest)
    if match is None:
        raise ValueError("queue URL: ckafka:// takes a region and a DataHub id, as in ckafka://ap-guangzhou/datahub-x")
    return CkafkaPlace(**match.groupdict())


def smq_place(rest: str) -> SmqPlace:
    """Read the part after `smq://`. Only hosts of SMQ are accepted, because role keys go there. Raises: ValueError."""
    match = _SMQ.fullmatch(rest)
    if match is None:
        raise ValueError("queue URL: smq:// takes <account>.mns.<region>.aliyuncs.com/<queue>, and no other host")
    return SmqPlace(**match.groupdict())


def amqp_place(scheme: str, rest: str) -> AmqpPlace:
    """Read the part after `amqp://` or `amqps://`. From then on no log record shows the password.

    Source: https://www.rabbitmq.com/docs/uri-spec; a missing or empty vhost is `/`.

    Raises: ValueError.
    """
    form = f"queue URL: {scheme}:// takes user:secret@host:port/vhost?queue=name"
    try:
        parts = urlsplit(f"//{rest}")
        port, host = parts.port, parts.hostname
        query = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query), errors="strict")
    except ValueError:
        raise ValueError(form) from None  # urlsplit's own error would quote the URL
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if password:
        redaction.remember(parts.password or "", lasting=True)
    if not host or not user or not password or parts.fragment:
        raise ValueError(form)
    named = dict(query)
    if len(named) != len(query) or set(named) not in _NAMES or not all(_is_name(name) for name in named.values()):
        raise ValueError(f"{form}; beside queue it takes exchange alone, each of 1 to {_QUEUE_BYTES} bytes")
    tls = scheme == "amqps"
    if not tls and not is_loopback(host):
        raise ValueError("queue URL: amqp:// is for loopback only; use amqps://")
    vhost = unquote(parts.path.removeprefix("/")) or "/"
    secret = Secret(password, lasting=True)
    return AmqpPlace(tls, host, port or (5671 if tls else 5672), user, secret, vhost, **named)


def _is_name(text: str) -> bool:
    return 0 < len(text.encode()) <= _QUEUE_BYTES


def check_url(url: str, *, on_platform: bool = False, use: Literal["results", "commands"] | None = None) -> None:
    """Check a queue URL for its use. Raises: ValueError, naming the rule and never the URL."""
    if use == "results" and "{function}" in url:
        raise ValueError("queue URL: {function} is for commands; all results go to one queue")
    if use == "commands" and "{function}" not in url and _scheme_of(url) in _ONE_A_FUNCTION:
        raise ValueError("queue URL: smq and amqp hold one function's commands: put {function} into the queue's name")
    place_of(url, function="function", on_platform=on_platform)


def place_of(
    url: str, *, function: str | None = None, on_platform: bool = False
) -> MemoryPlace | SqlitePlace | CkafkaPlace | SmqPlace | AmqpPlace:
    """The queue that `url` names, for the messages of `function`. Raises: ValueError, naming the rule."""
    if function is not None and not _FUNCTION.fullmatch(function):
        raise ValueError("function name is not letters, digits and _")
    if "{function}" in url:
        if function is None:
            raise ValueError("queue URL holds {function}, and no function is named")
        url = url.replace("{function}", function.replace("_", "-"))
    scheme, rest = _scheme_of(url), url.partition("://")[2]
    if scheme == "memory":
        if on_platform:
            raise ValueError("queue URL: memory is for tests, not for a platform")
        return MemoryPlace(memory_name(rest))
    if scheme == "sqlite":
        return SqlitePlace(sqlite_path(rest))
    if scheme == "ckafka":
        return ckafka_place(rest)
    if scheme == "smq":
        return smq_place(rest)
    if scheme in ("amqp", "amqps"):
        return amqp_place(scheme, rest)
    raise ValueError(f"queue URL has no known scheme; known are {', '.join(_KNOWN)}")


def _scheme_of(url: str) -> str:
    scheme, separator, _ = url.partition("://")
    return scheme.lower() if separator else ""
