"""The whole page: chapters, style and scripts in one text. The same checkout gives the same bytes."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from shared.workbench.bundle.checkout import ROOT
from shared.workbench.docs.chapters import HERE, groups, template_environment

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SYNONYMS = HERE / "synonyms.toml"


def page(schemas: Path) -> str:
    """The whole reference as HTML. Raises: DocsError, DescriptionError."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    text = (
        template_environment()
        .get_template("page.html.j2")
        .render(version=project["version"], description=project["description"], groups=groups(schemas))
    )
    # At the end, so that a search through the text does not have to skip them.
    late = {name: (HERE / name).read_text(encoding="utf-8") for name in ("page.css", "page.js", "search.js")}
    late["synonyms"] = json.dumps(read_synonyms(), ensure_ascii=False).replace("<", "\\u003c")
    ids = set(re.findall(r' id="([^"]+)"', text))
    text = re.sub(r'<a href="#([^"]+)"[^>]*>(.*?)</a>', lambda link: link[0] if link[1] in ids else link[2], text)
    text = re.sub(r"(?<=<td>)<code>(.*?)</code>", lambda name: _led_on(name, ids), text)
    return re.sub(r"@@([a-z.]+)@@", lambda mark: late[mark[1]], text)


def read_synonyms(path: Path = SYNONYMS) -> dict[str, list[str]]:
    """Words that readers may search for, and the page's own words for them."""
    found: dict[str, list[str]] = tomllib.loads(path.read_text(encoding="utf-8"))
    return found


def _led_on(name: re.Match[str], ids: set[str]) -> str:
    """The name at the beginning of a table row, as a link to the place that explains it."""
    bare = name[1].replace("<wbr>", "")
    places = (f"runbook-{bare}", f"alarm-{bare}", f"log-{bare}", f"{bare}-fields")
    place = next((place for place in places if place in ids), None)
    return f'<a href="#{place.removesuffix("-fields")}">{name[0]}</a>' if place else name[0]
