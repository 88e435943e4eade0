"""The page itself: chapters, Redoc, style and script in one text. The same tree gives the same bytes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import tomli

from shared.workbench.bundle.checkout import ROOT
from shared.workbench.docs import redoc
from shared.workbench.docs.chapters import HERE, groups, template_environment
from shared.workbench.docs.display import in_page_order
from shared.workbench.docs.operations import read_schema


def page(schemas: Path) -> str:
    """The whole reference as HTML. Raises: DocsError, DescriptionError."""
    project = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = groups(schemas)
    order = [anchor for group in found for chapter in group.chapters for anchor, _ in chapter.parts]
    text = (
        template_environment()
        .get_template("page.html.j2")
        .render(version=project["version"], description=project["description"], groups=found, redoc=redoc.VERSION)
    )
    # Last, so that no look at the text has to go through them.
    late = {
        "STYLE": (HERE / "page.css").read_text(encoding="utf-8"),
        "OPENAPI": _openapi(schemas / "openapi.json", order),
        "REDOC": redoc.script(),
        "SCRIPT": (HERE / "page.js").read_text(encoding="utf-8"),
    }
    ids = set(re.findall(r' id="([^"]+)"', text))
    text = re.sub(r'<a href="#([^"]+)">(.*?)</a>', lambda link: link[0] if link[1] in ids else link[2], text)
    text = re.sub(r"(?<=<td>)<code>(.*?)</code>", lambda name: _led_on(name, ids), text)
    return re.sub(r"@@(STYLE|OPENAPI|REDOC|SCRIPT)@@", lambda mark: late[mark[1]], text)


def _led_on(name: re.Match[str], ids: set[str]) -> str:
    """A name that a table begins a row with, as a link to where the page says more of it."""
    bare = name[1].replace("<wbr>", "")
    places = (f"runbook-{bare}", f"alarm-{bare}", f"log-{bare}", f"{bare}-fields")
    place = next((place for place in places if place in ids), None)
    return f'<a href="#{place.removesuffix("-fields")}">{name[0]}</a>' if place else name[0]


def _openapi(path: Path, order: list[str]) -> str:
    """The OpenAPI document as it is shown, as JSON that cannot end the element it stands in."""
    document = in_page_order(read_schema(path), order)
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
