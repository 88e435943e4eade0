"""A Mermaid flowchart as a list of its arrows.

A list can be searched and read aloud, and needs no program to draw it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import escape

_NODE = re.compile(r'\b(\w+)\s*(?:\[\(|\(\[|\[|\(|\{)"?([^"\])}]+)"?(?:\)\]|\]\)|\]|\)|\})')
_ARROW = re.compile(
    r"""\s* (?: (?:--|-\.|==) \s* "? ([^">|-][^">|]*?) "? \s* )?  # -- "a label"
    (?: --> | -?\.-> | ==> | --- ) \s* (?: \| "? ([^|"]+) "? \| )? \s*  # -->|"a label"|""",
    re.VERBOSE,
)
_BREAK = re.compile(r"<br ?/?>")


def diagram_to_html(source: str) -> str:
    """Each arrow of a flowchart as an item "from → to". A diagram of another kind is shown as its source."""
    kind, *lines = [line.strip() for line in source.strip().splitlines()] or [""]
    labels = {name: _one_line(label) for line in lines for name, label in _NODE.findall(line)}
    steps = [step for line in lines for step in _steps(line, labels)] if kind.startswith(("flowchart", "graph")) else []
    if not steps:
        return f'<pre tabindex="0"><code class="language-mermaid">{escape(source)}</code></pre>\n'
    return f'<ul class="flow">{"".join(f"<li>{step}</li>" for step in steps)}</ul>\n'


def _steps(line: str, labels: Mapping[str, str]) -> Iterator[str]:
    """The arrows of one line. A line may chain several."""
    start, *rest = _ARROW.split(_NODE.sub(r"\1", line))
    for before, after, end in zip(rest[0::3], rest[1::3], rest[2::3], strict=True):
        said = before or after
        arrow = f"<i>{escape(said)}</i> →" if said else "→"
        yield f"{_names(start, labels)} {arrow} {_names(end, labels)}"
        start = end


def _one_line(label: str) -> str:
    """A label in one line. Its first line is the node's name, and the others describe it."""
    name, *more = (part.strip() for part in _BREAK.split(label))
    return f"{name}: {' '.join(more)}" if more else name


def _names(side: str, labels: Mapping[str, str]) -> str:
    """The nodes on one side of an arrow; `a & b` are two nodes."""
    names = (name.strip() for name in side.split("&"))
    return ", ".join(f"<b>{escape(labels.get(name, name))}</b>" for name in names)
