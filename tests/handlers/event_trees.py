"""Events as trees: a text that holds JSON is opened, so that chance reaches the command as easily as the envelope."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from shared.workbench.bundle.operations import functions

FOLLOW, PLAN = "follow_change", "plan_rotation"
FUNCTIONS = functions()

OLD, NEW, STRAY = "\ue000old\ue001", "\ue000new\ue001", "\ue000stray\ue001"
SECRETS = {"OldPassword": OLD, "OldAccountPassword": OLD, "Password": NEW, "AccountPassword": NEW}
SECRETS["NewAccountPassword"] = NEW
# Free text that is copied to results as its sender claims it: no place for a canary.
COPIED = {"Actor", "Reason"}
# What only keyturn writes, and copies from its own message to its own result.
CARRIED = {"RequestId", "Evidence", "StartedAt", "Sealed", "TimeBefore", "Store", "Moot", "After"}


@dataclass(frozen=True)
class Packed:
    """JSON inside a text, and how it is written there."""

    value: Any
    how: str = "json"


def _again(text: str) -> str:
    return text.replace("{", '{"InstanceId": "crs-demo0009", "InstanceId": "crs-demo0009", ', 1)


PACKINGS: dict[str, Callable[[str], str]] = {
    "json": lambda text: text,
    "json in json": json.dumps,
    "json in json in json": lambda text: json.dumps(json.dumps(text)),
    "base64": lambda text: base64.b64encode(text.encode("utf-8", "surrogatepass")).decode(),
    "base64, broken lines": lambda text: base64.encodebytes(text.encode("utf-8", "surrogatepass")).decode(),
    "bytes literal": lambda text: repr(text.encode("utf-8", "surrogatepass")),
    "byte order mark": lambda text: "\ufeff" + text,
    "twice": lambda text: text + text,
    "cut": lambda text: text[: len(text) * 2 // 3],
    "key twice": _again,
    "NUL before": lambda text: "\0" + text,
    "NUL behind": lambda text: text + "\0",
    "comment behind": lambda text: text + "// and so on",
    "single quotes": lambda text: text.replace('"', "'"),
    "101 times": lambda text: f"[{','.join([text] * 101)}]",
    "deep": lambda text: "[" * 40 + text + "]" * 40,
    "very deep": lambda text: '{"a":' * 20_000 + text,
    "NaN beside": lambda text: text.replace("{", '{"Extra": NaN, ', 1),
    "endless beside": lambda text: text.replace("{", '{"Extra": -1e999, ', 1),
    "long number beside": lambda text: text.replace("{", '{"Extra": ' + "9" * 5000 + ", ", 1),
    "lone surrogate beside": lambda text: text.replace("{", '{"Extra": "\\ud800", ', 1),
    "lone surrogate key": lambda text: text.replace("{", '{"\\udfff": 1, ', 1),
}


def open_tree(value: Any) -> Any:
    """The tree of a parsed event."""
    if isinstance(value, dict):
        return {key: open_tree(SECRETS.get(key, part)) for key, part in value.items()}
    if isinstance(value, list):
        return [open_tree(part) for part in value]
    if isinstance(value, str) and value[:1] in ("{", "["):
        return Packed(open_tree(json.loads(value)))
    return value


def close_tree(value: Any, fill: Callable[[str], str], clean: frozenset[str]) -> Any:
    """The event of a tree, with its canaries in place; under the names in `clean` no stray one is."""
    if isinstance(value, Packed):
        return PACKINGS[value.how](json.dumps(close_tree(value.value, fill, clean), ensure_ascii=False))
    if isinstance(value, str):
        return fill(value)
    if isinstance(value, list):
        return [close_tree(part, fill, clean) for part in value]
    if isinstance(value, dict):
        without: Callable[[str], str] = lambda text: fill(_without(text))  # noqa: E731
        return {fill(key): close_tree(part, without if key in clean else fill, clean) for key, part in value.items()}
    return value


def _without(text: str) -> str:
    for token in (OLD, NEW, STRAY):
        text = text.replace(token, "claimed")
    return text


def paths_of(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every node of a tree, the root included."""
    yield path
    parts: Iterator[tuple[Any, Any]] = iter(())
    if isinstance(value, Packed):
        parts = iter([(None, value.value)])
    elif isinstance(value, (dict, list)):
        parts = iter(value.items() if isinstance(value, dict) else enumerate(value))
    for step, part in parts:
        yield from paths_of(part, (*path, step))


def with_node_changed(value: Any, path: tuple[Any, ...], change: Callable[[Any], Any]) -> Any:
    """The tree with one node put through `change`."""
    if not path:
        return change(value)
    step, rest = path[0], path[1:]
    if isinstance(value, Packed):
        return replace(value, value=with_node_changed(value.value, rest, change))
    if isinstance(value, list):
        return [with_node_changed(part, rest, change) if n == step else part for n, part in enumerate(value)]
    return {key: with_node_changed(part, rest, change) if key == step else part for key, part in value.items()}


# Odd values, names that mean something, and what chance does to a tree with them.
