"""Finds accessibility problems on a page with axe-core: names, roles, keyboard, contrast, and best practices."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

_UNFOLD = "document.querySelectorAll('details').forEach(one => { one.open = true; })"


def axe_violations(
    browser: Browser, html: Path, width: int, dark: bool, *, prepare: Callable[[Page], None] | None = None
) -> list[str]:
    """Every violation of every rule, at one width in CSS pixels and in one colour scheme, with all details open.

    `prepare` brings the page into the state to check. Elements that it marks with the attribute `data-again` are left
    out: rows that one template makes are alike, and axe takes seconds for each thousand elements.
    """
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light")
    try:
        page.goto(html.as_uri())
        page.evaluate(_UNFOLD)
        if prepare is not None:
            prepare(page)
        found = Axe().run(page, context={"exclude": [["[data-again]"]]}, options={"resultTypes": ["violations"]})
    finally:
        page.close()
    return [
        f"{one['impact']}: {one['id']}: {node['html'][:160]}"
        for one in found.response["violations"]
        for node in one["nodes"][:3]
    ]
