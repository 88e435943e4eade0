"""The reference page as a reader meets it: in headless Chromium, from disk, without a network."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Page, Route

from shared.workbench.docs.__main__ import main

DESKTOP, PHONE = 1440, 390
"""Widths in CSS pixels."""


@dataclass
class Visit:
    """One look at the page, and what the browser had to say about it."""

    page: Page
    said: list[str] = field(default_factory=list)  # console messages and uncaught errors
    asked: list[str] = field(default_factory=list)  # every request but the one for the file

    def text(self, selector: str) -> str:
        return str(self.page.locator(selector).first.text_content())

    def find(self, words: str) -> list[str]:
        """What the search shows for some words."""
        self.page.keyboard.press("/")
        self.page.locator("#q").fill(words)
        return self.page.locator("#found [role=option]").all_inner_texts()


def write_page(folder: Path) -> Path:
    """The page of this checkout."""
    out = folder / "keyturn.html"
    assert main([str(out)]) == 0
    return out


def open_page(browser: Browser, file: Path, width: int, *, dark: bool = False, scripts: bool = True) -> Visit:
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if dark else "light",
        java_script_enabled=scripts,
        offline=True,
    )
    visit = Visit(context.new_page())

    def meet(route: Route) -> None:
        if route.request.url.partition("#")[0] == file.as_uri():
            route.continue_()
        else:
            visit.asked.append(route.request.url)
            route.abort()

    context.route("**/*", meet)
    visit.page.on("console", lambda message: visit.said.append(f"{message.type}: {message.text}"))
    visit.page.on("pageerror", lambda error: visit.said.append(f"error: {error}"))
    visit.page.goto(file.as_uri())
    return visit
