"""Markdown to HTML: README's sections, docstrings, and single lines of either.

Every heading and every table row that begins with a name in backticks gets an id of its own, so that a search or a
colleague can point to it. Links to the manual's chapters and to README's sections lead to them on the page; links to
other files of the repository become plain text: the page stands alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from shared.workbench.docs.errors import DocsError

_MARKDOWN = MarkdownIt("commonmark", {"html": False, "langPrefix": "language-"}).enable("table")


def _code_inline(_renderer: object, tokens: list[Token], index: int, _options: object, _env: object) -> str:
    return f"<code>{with_break_points(tokens[index].content)}</code>"


_MARKDOWN.add_render_rule("code_inline", _code_inline)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_FOLD = re.compile(r"^</?details>.*\n?", re.MULTILINE)  # README folds its long tables; here nothing is folded
_FENCE = re.compile(r"^```", re.MULTILINE)
_PICTURE = re.compile(r"^```mermaid\n.*?^```\n", re.MULTILINE | re.DOTALL)  # needs a renderer in the browser


# As README and the chapters themselves link to each other.
_CHAPTER = re.compile(r"(?:shared/workbench/docs/manual/)?([a-z0-9-]+)\.md(#.+)?")
_README_SECTION = re.compile(r"(?:\.\./)+README\.md(#.+)")


def manual_anchor(name: str) -> str:
    """The anchor of a chapter of the manual, by its file's name without `.md`."""
    return f"manual-{name}"


def slug(text: str) -> str:
    """A heading's or a name's anchor: as GitHub makes it, so that README's own links still resolve."""
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")


def with_break_points(name: str) -> str:
    """Text as HTML in which a long name may be broken behind `_`, `.` and `/`."""
    return re.sub(r"([_./])(?=[\w{])", r"\1<wbr>", escape(name)) if len(name) > 12 else escape(name)


@dataclass
class AnchorIds:
    """The ids given out so far, so that none is given twice."""

    taken: set[str] = field(default_factory=set)

    def new(self, wanted: str) -> str:
        """`wanted`, or with a number behind it."""
        name, number = wanted, 2
        while name in self.taken:
            name, number = f"{wanted}-{number}", number + 1
        self.taken.add(name)
        return name


def sections(path: Path) -> dict[str, str]:
    """A Markdown file's text by its second-level headings; what stands before the first is under an empty name.

    Raises: DocsError if the file cannot be read.
    """
    try:
        text = _FOLD.sub("", _COMMENT.sub("", path.read_text(encoding="utf-8")))
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


def to_html(text: str, ids: AnchorIds, prefix: str, *, level: int = 0) -> str:
    """A block of Markdown as HTML. Row ids begin with `prefix`; headings move down by `level`."""
    tokens = _MARKDOWN.parse(_PICTURE.sub("", text))
    for index, token in enumerate(tokens):
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + level)}"
        if token.type == "heading_open":
            token.attrSet("id", ids.new(slug(tokens[index + 1].content)))
        elif token.type == "tr_open" and (name := _row_name(tokens, index)):
            token.attrSet("id", ids.new(f"{prefix}-{slug(name)}"))
        elif token.type == "inline":
            _links(token)
    html: str = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    return with_frames(html)


def line_to_html(text: str) -> str:
    """One line or paragraph of Markdown as HTML without a paragraph around it."""
    (token,) = _MARKDOWN.parseInline(" ".join(text.split()))
    _links(token)
    html: str = _MARKDOWN.renderer.render([token], _MARKDOWN.options, {})
    return html


def code_block(text: str, language: str) -> str:
    """Text to copy, in a frame that scrolls by itself."""
    return f'<pre tabindex="0"><code class="language-{language}">{escape(text)}</code></pre>'


def with_frames(html: str) -> str:
    """Wide tables and code scroll inside a frame that the keyboard can reach, so that the page itself never does."""
    html = re.sub(r"(<table[^>]*>)", r'<div class="frame" tabindex="0" role="group" aria-label="Table">\1', html)
    html = html.replace("</table>", "</table></div>")
    return html.replace("<pre>", '<pre tabindex="0">')


def _row_name(tokens: list[Token], index: int) -> str | None:
    """The first name in backticks of a body row's first cell."""
    if tokens[index + 1].type != "td_open":
        return None
    children = tokens[index + 2].children or []
    return children[0].content if children and children[0].type == "code_inline" else None


def _links(token: Token) -> None:
    """Keep links to the page itself and to the web; a link to a file of the repository leaves its text."""
    kept: list[Token] = []
    inside = False
    for child in token.children or []:
        if child.type == "link_open":
            target = _on_this_page(str(child.attrGet("href") or ""))
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


def _on_this_page(target: str) -> str:
    """Where a link leads that is to a page which the reference shows; any other as it is."""
    if chapter := _CHAPTER.fullmatch(target):
        return chapter[2] or f"#{manual_anchor(chapter[1])}"
    if section := _README_SECTION.fullmatch(target):
        return section[1]
    return target
