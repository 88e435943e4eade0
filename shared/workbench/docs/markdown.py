"""Markdown to HTML: README's sections, the manual's chapters, docstrings, and single lines of any of these.

Every heading and every table row that begins with a name in backticks gets an id of its own, so that a search or a
colleague can point to it. Links to the manual's chapters and to README's sections lead to their place on the page. A
link to another file of the repository becomes plain text, because the page stands alone. A picture becomes its
description, and a Mermaid flowchart a list. The elements `<details>`, `<summary>`, `<br>` and `<kbd>`
are kept. Comments are left out. Any other HTML is shown as text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from shared.workbench.docs.errors import DocsError
from shared.workbench.docs.mermaid import diagram_to_html

_MARKDOWN = MarkdownIt("commonmark", {"langPrefix": "language-"}).enable("table")
_FENCE = re.compile(r"^(```|~~~)", re.MULTILINE)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_FOLD = re.compile(r"(</?details(?: open)?>)|<summary>(.*?)</summary>", re.DOTALL)
_KEPT = re.compile(r"<br ?/?>|</?kbd>")

# The links of README and the chapters to each other.
_CHAPTER = re.compile(r"(?:shared/workbench/docs/manual/)?([a-z0-9-]+)\.md(?:#(.+))?")
_README = re.compile(r"(?:\.\./)+README\.md(?:#(.+))?")
README_TOP = "overview"
"""The anchor of README's text before its first section."""


def slug(text: str) -> str:
    """A heading's or a name's anchor, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")


def with_break_points(name: str) -> str:
    """Text as HTML in which a long name may break after `_`, `.` and `/`."""
    return re.sub(r"([_./])(?=[\w{])", r"\1<wbr>", escape(name)) if len(name) > 12 else escape(name)


@dataclass
class AnchorIds:
    """The ids that are in use, so that each is used once."""

    taken: set[str] = field(default_factory=set)

    def new(self, wanted: str) -> str:
        """`wanted`, or `wanted` with a number, as GitHub numbers headings with the same text."""
        name, number = wanted, 0
        while name in self.taken:
            number += 1
            name = f"{wanted}-{number}"
        self.taken.add(name)
        return name


def sections(path: Path) -> dict[str, str]:
    """A Markdown file's text by second-level headings. The text before the first heading has an empty name.

    Raises: DocsError: the file cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise DocsError(f"{path.name} cannot be read: {type(error).__name__}") from None
    found: dict[str, list[str]] = {"": []}
    current, fenced = "", False
    for line in text.splitlines():
        fenced ^= bool(_FENCE.match(line))
        if line.startswith("## ") and not fenced:
            current = line[3:].strip()
            found[current] = []
        elif not (line.startswith("# ") and not fenced):
            found[current].append(line)
    return {name: "\n".join(lines) + "\n" for name, lines in found.items()}


def to_html(text: str, ids: AnchorIds, prefix: str, *, chapter: str = "") -> str:
    """A block of Markdown as HTML. Row ids begin with `prefix`. The highest headings become h3; no level is skipped.

    In a `chapter` of the manual, heading ids begin with its name, so two chapters may have the same heading.
    """
    tokens = _MARKDOWN.parse(text)
    above: list[int] = []  # the levels of the headings above this place
    for index, token in enumerate(tokens):
        if token.type == "heading_open":
            above = [*(one for one in above if one < int(token.tag[1])), int(token.tag[1])]
            token.tag = tokens[index + 2].tag = f"h{min(6, 2 + len(above))}"
            token.attrSet("id", ids.new(_heading_id(slug(tokens[index + 1].content), chapter)))
        elif token.type == "th_open" and not tokens[index + 1].content:
            token.tag = tokens[index + 2].tag = "td"  # an empty corner cell is no column heading
        elif token.type == "tr_open" and (name := _row_name(tokens, index)):
            token.attrSet("id", ids.new(f"{prefix}-{slug(name)}"))
        elif token.type == "inline":
            _links(token, chapter)
    html: str = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    return with_frames(html)


def line_to_html(text: str) -> str:
    """One line or paragraph of Markdown as HTML, without the paragraph element."""
    (token,) = _MARKDOWN.parseInline(" ".join(text.split()))
    _links(token, "")
    html: str = _MARKDOWN.renderer.render([token], _MARKDOWN.options, {})
    return html


def code_block(text: str, language: str) -> str:
    """Text to copy, in a frame that scrolls on its own."""
    return f'<pre tabindex="0"><code class="language-{language}">{escape(text)}</code></pre>'


def with_frames(html: str) -> str:
    """Put wide tables and code into frames that scroll by keyboard, so that the page itself never scrolls sideways."""
    html = re.sub(r"(<table[^>]*>)", r'<div class="frame" tabindex="0" role="group" aria-label="Table">\1', html)
    html = html.replace("</table>", "</table></div>")
    return html.replace("<pre>", '<pre tabindex="0">')


def _code_inline(_renderer: object, tokens: Sequence[Token], index: int, _options: object, _env: object) -> str:
    return f"<code>{with_break_points(tokens[index].content)}</code>"


def _html(_renderer: object, tokens: Sequence[Token], index: int, _options: object, _env: object) -> str:
    """Keep the few HTML elements that the page allows; show all others as text."""
    text = _COMMENT.sub("", tokens[index].content)
    if tokens[index].type == "html_inline":
        return text if _KEPT.fullmatch(text) else escape(text)
    found, end = "", 0
    for match in _FOLD.finditer(text):
        found += escape(text[end : match.start()])
        found += match[1] or f"<summary>{line_to_html(match[2])}</summary>"
        end = match.end()
    return found + escape(text[end:])


def _image(_renderer: object, tokens: Sequence[Token], index: int, _options: object, _env: object) -> str:
    return f"<i>{escape(tokens[index].content)}</i>"


def _fence(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    if tokens[index].info.strip() == "mermaid":
        return diagram_to_html(tokens[index].content)
    text: str = type(renderer).fence(renderer, tokens, index, options, env)
    return text


_RULES = {"code_inline": _code_inline, "html_block": _html, "html_inline": _html, "image": _image, "fence": _fence}
for _name, _rule in _RULES.items():
    _MARKDOWN.add_render_rule(_name, _rule)


def _heading_id(anchor: str, chapter: str) -> str:
    return f"{chapter}-{anchor}" if chapter else anchor


def _row_name(tokens: list[Token], index: int) -> str | None:
    """The first name in backticks in the first cell of a body row."""
    if tokens[index + 1].type != "td_open":
        return None
    children = tokens[index + 2].children or []
    return children[0].content if children and children[0].type == "code_inline" else None


def _links(token: Token, chapter: str) -> None:
    """Keep links within the page and to the web. A link to a file of the repository becomes its text."""
    kept: list[Token] = []
    inside = False
    for child in token.children or []:
        if child.type == "link_open":
            target = _on_this_page(str(child.attrGet("href") or ""), chapter)
            child.attrSet("href", target)
            inside = not target.startswith(("#", "https://"))
            if target.startswith("https://"):
                child.attrSet("rel", "noreferrer")
        elif child.type == "link_close" and inside:
            inside = False
            continue
        if not (child.type == "link_open" and inside):
            kept.append(child)
    token.children = kept


def _on_this_page(target: str, chapter: str) -> str:
    """The target of a link on this page, if the reference shows that place; otherwise the target unchanged."""
    if target.startswith("#"):
        return f"#{_heading_id(target[1:], chapter)}"
    if found := _CHAPTER.fullmatch(target):
        return f"#{_heading_id(found[2], found[1])}" if found[2] else f"#{found[1]}"
    if section := _README.fullmatch(target):
        return f"#{section[1] or README_TOP}"
    return target
