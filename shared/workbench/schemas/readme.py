"""README's generated parts: what each function changes, what its role may call, what only a real account can tell."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from shared.stores.store import RIGHTS
from shared.workbench.bundle.function_text import story
from shared.workbench.bundle.operations import FOLLOW, functions, operations, rights
from shared.workbench.claims.readme_list import readme_list

_API = {FOLLOW: "the clouds' reads"}
_OTHER_API = "the clouds' lists"


def tables() -> dict[str, str]:
    """Each table by its name between README's markers. Raises: TextMissing."""
    return {"functions": _functions(), "roles": _roles(), "claims": readme_list()}


def current(text: str) -> str:
    """A README with its tables as the code has them. Raises: ValueError where a marker is missing."""
    for name, table in tables().items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        if text.count(begin) != 1 or text.count(end) != 1:
            raise ValueError(f"README.md: its table stands between {begin} and {end}, each once")
        before, rest = text.split(begin)
        text = f"{before}{begin}\n{table}{end}{rest.split(end)[1]}"
    return text


def is_stale(readme: Path) -> bool:
    """Whether the file has other tables."""
    text = readme.read_text(encoding="utf-8")
    return current(text) != text


def write(readme: Path) -> None:
    """Bring the file's tables up to date."""
    readme.write_text(current(readme.read_text(encoding="utf-8")), encoding="utf-8")


def _functions() -> str:
    lines = ["| function | what it changes | API |", "|---|---|---|"]
    for function in functions():
        told = story(function)
        api = _sources(told.source) if function in operations() else _API.get(function, _OTHER_API)
        lines.append(f"| `{function}` | {_line(told.summary).rstrip('.')} | {api} |")
    return _text(lines)


def _sources(source: str) -> str:
    """The pages that a docstring names as its sources, actions as code."""
    return re.sub(r"(^|; )([A-Za-z]+)", r"\1`\2`", _line(source).rstrip("."))


def _roles() -> str:
    lines = ["| role of | actions |", "|---|---|"]
    lines += [f"| `{function}` | {_actions(rights(function))} |" for function in functions()]
    lines.append("| any of these | `ckafka:SendMessage` or `mns:SendMessage`, to the queues of its settings |")
    stores = _actions(right for each in RIGHTS.values() for right in each)
    lines.append(f"| those that store, on stores that `KEYTURN_ALLOW` or a policy names | {stores} |")
    return _text(lines)


def _actions(called: Iterable[str]) -> str:
    """Actions by service, the service named once."""
    services: dict[str, list[str]] = {}
    for right in called:
        service, _, action = right.partition(":")
        services.setdefault(service, []).append(action)
    return "; ".join(", ".join(f"`{name}`" for name in (f"{s}:{a[0]}", *a[1:])) for s, a in services.items())


def _line(text: str) -> str:
    return " ".join(text.split())


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
