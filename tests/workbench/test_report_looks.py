"""How the report looks in a real browser: at two widths, dark and light, printed, and to colour-blind people."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.cloud.state.checkout import ROOT
from tests.support.axe import axe_violations
from tests.workbench.report_cases import CASES, TODAY
from tests.workbench.report_events import page_of

WIDTHS = (1440, 390)
SCHEMES = ("light", "dark")
UNFOLD = "document.querySelectorAll('details').forEach(one => { one.open = true; })"
# Texts that are painted over one another. A box that scrolls shows what is inside its edges.
OVERLAPS = """() => {
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (!node.data.trim() || !node.parentElement.checkVisibility()) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const box = node.parentElement.closest('.scroll')?.getBoundingClientRect();
    for (const rect of range.getClientRects()) {
      const cut = box && getComputedStyle(node.parentElement.closest('.scroll')).overflowX !== 'visible' ? box : rect;
      const one = {text: node.data.trim().slice(0, 40), node,
        left: Math.max(rect.left, cut.left), right: Math.min(rect.right, cut.right),
        top: Math.max(rect.top, cut.top), bottom: Math.min(rect.bottom, cut.bottom)};
      if (one.right > one.left && one.bottom > one.top) texts.push(one);
    }
  }
  texts.sort((a, b) => a.top - b.top);
  const found = [];
  texts.forEach((a, index) => {
    for (let next = index + 1; next < texts.length && texts[next].top < a.bottom - 3; next += 1) {
      const b = texts[next];
      if (a.node !== b.node && a.left < b.right - 1 && b.left < a.right - 1) found.push([a.text, b.text]);
    }
  });
  return found.slice(0, 10);
}"""
# What is outside the window, or is cut off by its own box without a way to scroll there.
CUT = """() => [...document.querySelectorAll('body *')].filter(one => {
  if (!one.checkVisibility() || one.closest('svg') && one.tagName !== 'text') return false;
  const rect = one.getBoundingClientRect(), style = getComputedStyle(one), box = one.closest('.scroll');
  const outside = (rect.right > innerWidth + 1 || rect.left < -1)
    && !(box && box !== one && getComputedStyle(box).overflowX === 'auto');
  const hidden = one.scrollWidth > one.clientWidth + 1 && one.clientWidth && style.overflowX === 'hidden';
  return rect.width && (outside || hidden || style.textOverflow === 'ellipsis');
}).map(one => one.outerHTML.slice(0, 120)).slice(0, 10)"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("looks")
    return {name: page_of(folder, events(), name=f"{name}.jsonl", today=TODAY) for name, (_, events) in CASES.items()}


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    opened = browser.new_page()
    yield opened
    opened.close()


def show(page: Page, file: Path, width: int, scheme: str, media: str = "screen") -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", media=media)  # type: ignore[arg-type]
    page.goto(file.as_uri())


def background(page: Page, where: str = "html") -> str:
    return str(page.evaluate("where => getComputedStyle(document.querySelector(where)).backgroundColor", where))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", CASES)
def test_nothing_overlaps_nothing_is_cut_and_the_page_does_not_scroll_sideways(
    pages: dict[str, Path], page: Page, name: str, width: int
) -> None:
    for unfold in (False, True):
        show(page, pages[name], width, "light")
        if unfold:
            page.evaluate(UNFOLD)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.evaluate(OVERLAPS) == []
        assert page.evaluate(CUT) == []
    assert name != "mixed" or all(page.locator(f"#{place}").count() for place in ("not-allowed", "unmatched", "future"))
    said = CASES[name][0]
    assert page.locator("h1").inner_text() == said or not said


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["empty", "waiting", "failed", "mixed"])
def test_axe_finds_nothing(browser: Browser, pages: dict[str, Path], name: str, width: int, scheme: str) -> None:
    assert axe_violations(browser, pages[name], width, scheme == "dark", prepare=_first_rows) == []


def _first_rows(page: Page) -> None:
    """One template makes all rows and cards: the first four of each are looked at."""
    page.evaluate(
        "document.querySelectorAll('tbody > tr:nth-child(n+5), .card:nth-child(n+5)')"
        ".forEach(one => one.setAttribute('data-again', ''))"
    )


def test_the_page_is_dark_where_the_reader_wishes_it_and_light_on_paper(pages: dict[str, Path], page: Page) -> None:
    show(page, pages["failed"], 1440, "dark")
    assert background(page) == "rgb(19, 24, 31)"
    dark = page.locator("#time .wide text").first.evaluate("one => getComputedStyle(one).fill")
    show(page, pages["failed"], 1440, "dark", media="print")
    assert background(page) == "rgb(255, 255, 255)"
    assert page.locator("#time .wide text").first.evaluate("one => getComputedStyle(one).fill") != dark
    show(page, pages["failed"], 1440, "light")
    assert background(page) == "rgb(255, 255, 255)"


@pytest.mark.parametrize(
    ("name", "says"),
    [("clear", "✓ No action needed"), ("waiting", "… In progress"), ("failed", "✖ Action needed")],
)
def test_a_mark_and_a_word_say_how_bad_it_is(pages: dict[str, Path], page: Page, name: str, says: str) -> None:
    show(page, pages[name], 390, "light")
    assert page.locator(".level").inner_text() == says
    assert all(re.match("[✓✖?…] ", text) for text in page.locator(".outcome").all_inner_texts() if text)


# Machado, Oliveira and Fernandes 2009, severity 1, for linear RGB.
BLINDNESS = {
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
RGB = tuple[float, float, float]


def _linear(color: str) -> RGB:
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return red, green, blue


def _seen(color: RGB, matrix: tuple[RGB, RGB, RGB]) -> RGB:
    red, green, blue = (min(1.0, max(0.0, sum(m * c for m, c in zip(row, color, strict=True)))) for row in matrix)
    return red, green, blue


def _lab(color: RGB) -> RGB:
    to_xyz = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    xyz = [sum(m * c for m, c in zip(row, color, strict=True)) for row in to_xyz]
    white = (0.9505, 1.0, 1.089)
    x, y, z = (
        (part / of) ** (1 / 3) if part / of > 0.008856 else 7.787 * part / of + 16 / 116
        for part, of in zip(xyz, white, strict=True)
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_colours_of_charts_stay_apart_for_colour_blind_people(
    pages: dict[str, Path], page: Page, scheme: str
) -> None:
    show(page, pages["mixed"], 1440, scheme)
    names = ("changed", "not-changed", "unknown", "pending", "paper")
    read = "name => getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim()"
    colors = {name: _linear(str(page.evaluate(read, name))) for name in names}
    for matrix in BLINDNESS.values():
        seen = {name: _lab(_seen(color, matrix)) for name, color in colors.items()}
        for one, other in itertools.combinations(names, 2):
            distance = sum((a - b) ** 2 for a, b in zip(seen[one], seen[other], strict=True)) ** 0.5
            assert distance > 20, (one, other)


def test_charts_tell_their_parts_apart_without_colour(pages: dict[str, Path], page: Page) -> None:
    show(page, pages["mixed"], 1440, "light")
    for chart, parts in (("#time", 4), ("#ages", 2)):
        fills = page.locator(f"{chart} .key rect").evaluate_all("all => all.map(one => one.getAttribute('fill'))")
        assert len(set(fills)) == parts
        patterns = [fill[5:-1] for fill in fills if fill.startswith("url(#")]
        assert len(patterns) == parts - 1
        assert all(page.locator(f"pattern#{pattern}").count() == 1 for pattern in patterns)


def test_an_empty_page_says_what_to_run_next_and_that_exists(pages: dict[str, Path], page: Page) -> None:
    show(page, pages["empty"], 390, "light")
    commands = " ".join(page.locator("#next pre").all_inner_texts()).replace("\\\n", " ")
    targets = set(re.findall(r"make (\w+)", commands))
    assert targets == {"results", "report", "shell", "invoke"}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
    (function,) = re.findall(r"FUNCTION=(\w+)", commands)
    (event,) = re.findall(r"EVENT=(\S+)", commands)
    assert (ROOT / "functions" / f"{function}.py").is_file() and (ROOT / event).is_file()
    assert "empty.jsonl" in page.locator(".lead").inner_text()
