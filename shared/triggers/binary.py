"""CloudEvents in binary mode: the event's attributes are in headers, and the body is its data.

Sources: the CloudEvents 1.0.2 bindings for HTTP (3.1), Kafka (3.2) and AMQP (3.1). Imported only if such headers came.
"""

import base64
import re
from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

from shared.triggers.decoding import NotJson, text_of

REQUIRED = ("specversion", "id", "source", "type")
_NAME = re.compile(r"[a-z0-9]{1,40}")


def http_attributes(headers: Iterable[tuple[str, list[str]]]) -> dict[str, object]:
    """The attributes in `ce-*` headers, by lower-case name; {} if none of the required attributes is there.

    Raises: NotJson, whose message is a predicate.
    """
    pairs = [(name, value) for name, values in headers for value in values]
    found = {name: _percent_decoded(value) for name, value in _attributes(pairs, ("ce-",)).items()}
    return dict(_complete(found)) if found else {}


def message_attributes(headers: object) -> dict[str, object]:
    """The attributes in `ce_*` (Kafka) or `cloudEvents:*`, `cloudEvents_*` headers (AMQP); {} as in `http_attributes`.

    No page says how the platform writes headers as JSON. This reads an object, or a list of objects with key and
    value. A value is text, or base64, which is how Java's JSON libraries write bytes.
    Raises: NotJson, whose message is a predicate.
    """
    if isinstance(headers, dict) and isinstance(headers.get("headers"), list):
        headers = headers["headers"]
    pairs: list[tuple[object, object]] = []
    if isinstance(headers, dict):
        pairs = list(headers.items())
    elif isinstance(headers, list):
        pairs = [(one.get("key"), one.get("value")) for one in headers if isinstance(one, dict)]
    named = [(name, value) for name, value in pairs if isinstance(name, str) and isinstance(value, str)]
    version = next((value for name, value in named if name.endswith("specversion")), "")
    if not re.fullmatch(r"\d{1,3}(\.\d{1,3})?", version, re.ASCII) and _from_base64(version):
        named = [(name, _from_base64(value)) for name, value in named]
    if _structured(named):
        return {}
    return dict(_attributes(named, ("ce_", "cloudEvents:", "cloudEvents_")))


def _structured(headers: list[tuple[str, str]]) -> bool:
    kind = next((value for name, value in headers if name.lower() == "content-type"), "")
    return kind.strip().lower().startswith("application/cloudevents")


def _attributes(pairs: Iterable[tuple[str, str]], prefixes: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    repeated = False
    for header, value in pairs:
        name = next((header[len(one) :] for one in prefixes if header.startswith(one)), "")
        if _NAME.fullmatch(name) and name != "data":
            repeated = repeated or name in found
            found[name] = value
    if not any(name in found for name in REQUIRED):
        return {}
    if repeated:
        raise NotJson("names a CloudEvents attribute twice in its headers")
    return _complete(found)


def _complete(found: dict[str, str]) -> dict[str, str]:
    missing = [name for name in REQUIRED if not found.get(name)]
    if missing:
        raise NotJson(f"is a CloudEvent in binary mode without {', '.join(missing)} in its headers")
    return found


def _percent_decoded(value: str) -> str:
    """HTTP binding, 3.1.3.2: remove the quotes, then percent-decode once. Raises: NotJson."""
    value = value.strip(" \t")
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    rule = "has a ce- header that "
    try:
        return text_of(unquote_to_bytes(value))
    except NotJson as error:
        rule += str(error)
    raise NotJson(rule)


def _from_base64(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except ValueError:
        return ""
