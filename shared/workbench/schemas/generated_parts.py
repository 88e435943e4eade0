"""The parts of README and the manual that are generated from the code.

README: what each function changes, and how many claims were seen where. The manual: what each role may call, log lines
and alarms, and the claims that would do the most harm if they were wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from shared.stores.store import RIGHTS
from shared.workbench.bundle.checkout import ROOT
from shared.workbench.bundle.function_text import story
from shared.workbench.bundle.operations import functions, operations, rights
from shared.workbench.claims.told import counted, weakest
from shared.workbench.docs.marked_parts import MANUAL, with_part, write_part
from shared.workbench.operations.manual_section import log_lines_and_alarms

_READS = "list and read calls only"


def parts() -> dict[str, dict[str, str]]:
    """Each page by its path in the checkout, with the text for each pair of its markers. Raises: TextMissing."""
    return {page: {name: made() for name, made in writers.items()} for page, writers in _WRITERS.items()}


def stale(root: Path = ROOT) -> list[str]:
    """The pages whose generated parts are stale. Raises: ValueError: a marker is missing."""
    found = []
    for page, of_page in parts().items():
        text = (root / page).read_text(encoding="utf-8")
        if any(with_part(text, name, part) != text for name, part in of_page.items()):
            found.append(page)
    return found


def write(root: Path = ROOT) -> None:
    """Write the generated parts of each page. Raises: ValueError: a marker is missing."""
    for page, of_page in parts().items():
        for name, part in of_page.items():
            write_part(page, name, part, root)


def _functions() -> str:
    lines = ["| function | what it does | API |", "|---|---|---|"]
    for function in functions():
        told = story(function)
        api = _actions_of(told.source) if function in operations() else _READS
        lines.append(f"| `{function}` | {_line(told.summary).rstrip('.')} | {api} |")
    return _text(lines)


def _actions_of(source: str) -> str:
    """The API actions in a docstring's sources."""
    return ", ".join(f"`{action}`" for action in re.findall(r"(?:^|; )([A-Za-z]+)", _line(source)))


def _roles() -> str:
    lines = ["| role of | actions |", "|---|---|"]
    lines += [f"| `{function}` | {_actions(rights(function))} |" for function in functions()]
    lines.append("| any of these | `ckafka:SendMessage` or `mns:SendMessage`, to the queues of its settings |")
    stores = _actions(right for each in RIGHTS.values() for right in each)
    lines.append(f"| those that store, on stores that `KEYTURN_ALLOW` or a policy names | {stores} |")
    return _text(lines)


def _actions(called: Iterable[str]) -> str:
    """Actions by service; each service is named once."""
    services: dict[str, list[str]] = {}
    for right in called:
        service, _, action = right.partition(":")
        services.setdefault(service, []).append(action)
    return "; ".join(", ".join(f"`{name}`" for name in (f"{s}:{a[0]}", *a[1:])) for s, a in services.items())


def _line(text: str) -> str:
    return " ".join(text.split())


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


_WRITERS: dict[str, dict[str, Callable[[], str]]] = {
    "README.md": {"functions": _functions, "claims": counted},
    f"{MANUAL}/security.md": {"roles": _roles},
    f"{MANUAL}/operations.md": {"operations": log_lines_and_alarms},
    f"{MANUAL}/verify.md": {"weakest": weakest},
}
