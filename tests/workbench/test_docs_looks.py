"""How the reference page looks and answers: at two widths, in both colour schemes, printed, without scripts."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.support.axe import axe_violations
from tests.workbench.docs_page import DESKTOP, PHONE, Visit, open_page, write_page

UNFOLD = "document.querySelectorAll('details').forEach(one => { one.open = true; })"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_page(tmp_path_factory.mktemp("docs"))


@pytest.fixture(scope="module")
def desktop(browser: Browser, built: Path) -> Visit:
    return open_page(browser, built, DESKTOP)


@pytest.fixture(scope="module")
def phone(browser: Browser, built: Path) -> Visit:
    return open_page(browser, built, PHONE, dark=True)


def background(visit: Visit) -> str:
    return str(visit.page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))


def test_nothing_is_asked_for_and_nothing_goes_wrong(desktop: Visit, phone: Visit) -> None:
    for visit in (desktop, phone):
        assert visit.said == []
        assert visit.asked == []


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_nothing_is_wider_than_the_window_and_nothing_lies_over_something_else(
    browser: Browser, built: Path, width: int
) -> None:
    page = open_page(browser, built, width).page
    page.evaluate(UNFOLD)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    outside = page.evaluate(
        """() => [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1
            && !e.closest('.frame, pre, .unseen')).map(e => e.outerHTML.slice(0, 120))"""
    )
    assert outside == []
    wide = page.evaluate(
        """() => [...document.querySelectorAll('.frame, main pre')].filter(e => e.scrollWidth > e.clientWidth
            && (getComputedStyle(e).overflowX !== 'auto' || e.tabIndex < 0)).map(e => e.outerHTML.slice(0, 120))"""
    )
    assert wide == []
    # Of two blocks that follow one another, the second begins where the first ends, beside it or below it.
    over = page.evaluate(
        """() => [...document.querySelectorAll('main *, header > *')].filter(e => {
            const next = e.nextElementSibling;
            if (!next || e.closest('.unseen, [hidden]') || next.closest('.unseen, [hidden]')) return false;
            if (getComputedStyle(e).display === 'inline' || getComputedStyle(next).display === 'inline') return false;
            const a = e.getBoundingClientRect(), b = next.getBoundingClientRect();
            return a.width && b.width && Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
                && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
        }).map(e => e.outerHTML.slice(0, 120))"""
    )
    assert over == []
    page.context.close()


def test_scrolling_leaves_the_address_alone_and_the_menu_follows(desktop: Visit) -> None:
    before = desktop.page.url
    desktop.page.evaluate("document.getElementById('http-interface').scrollIntoView()")
    desktop.page.wait_for_function("document.querySelector('#menu a[aria-current]').textContent === 'HTTP interface'")
    assert desktop.page.url == before


def test_a_phone_has_the_contents_behind_a_button(phone: Visit) -> None:
    button = phone.page.get_by_role("button", name="Contents")
    assert phone.page.locator("#menu").is_hidden()
    button.click()
    phone.page.locator("#menu a[href='#claims']").click()
    assert phone.page.locator("#menu").is_hidden()
    assert 0 < phone.page.evaluate("document.getElementById('claims').getBoundingClientRect().top") < 900


# --- colours ----------------------------------------------------------------------------------------------------------


def test_the_colours_are_the_systems_until_the_reader_chooses_and_the_choice_is_kept(
    browser: Browser, built: Path
) -> None:
    visit = open_page(browser, built, DESKTOP, dark=True)
    dark = background(visit)
    switch = visit.page.get_by_role("button", name="Dark colours")
    assert switch.get_attribute("aria-pressed") == "true"
    switch.focus()
    visit.page.keyboard.press("Enter")
    light = background(visit)
    assert switch.get_attribute("aria-pressed") == "false"
    assert {dark, light} == {"rgb(19, 24, 31)", "rgb(255, 255, 255)"}
    visit.page.reload()
    assert background(visit) == light
    visit.page.context.close()
    fresh = open_page(browser, built, DESKTOP, dark=True)
    assert background(fresh) == dark
    fresh.page.context.close()


# --- copying ----------------------------------------------------------------------------------------------------------


def test_every_block_of_code_is_copied_by_the_keyboard(browser: Browser, built: Path) -> None:
    page = open_page(browser, built, DESKTOP).page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    assert page.locator("main pre").count() == page.locator("main pre + button").count() > 50
    block = page.locator("section[aria-labelledby=functions] pre").first
    block.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('#said').textContent === 'Copied'")
    assert page.evaluate("navigator.clipboard.readText()") == str(block.text_content()).rstrip("\n")
    assert page.evaluate("document.activeElement.textContent") == "Copied"
    page.context.close()


@pytest.mark.parametrize("clipboard", ["undefined", "{ writeText: () => Promise.reject(new Error('denied')) }"])
def test_without_a_clipboard_of_its_own_the_page_copies_the_older_way(
    browser: Browser, built: Path, clipboard: str
) -> None:
    page = open_page(browser, built, PHONE).page
    page.evaluate(f"Object.defineProperty(navigator, 'clipboard', {{ value: {clipboard} }})")
    page.evaluate("addEventListener('copy', () => { window.taken = document.activeElement.value; })")
    block = page.locator("section[aria-labelledby=functions] .copy").first
    block.get_by_role("button").click()
    page.wait_for_function("document.querySelector('#said').textContent === 'Copied'")
    assert page.evaluate("window.taken") == str(block.locator("pre").text_content()).rstrip("\n")
    page.context.close()


# --- the keyboard -----------------------------------------------------------------------------------------------------

FOCUS = """() => {
  const one = document.activeElement, style = getComputedStyle(one), at = one.getBoundingClientRect();
  return {
    name: one.id || one.className || one.textContent,
    ringed: one.matches(':focus-visible') && style.outlineStyle === 'solid' && parseFloat(style.outlineWidth) >= 3,
    shown: at.bottom > 0 && at.top < innerHeight && at.right > 0 && at.left < innerWidth,
  };
}"""


def focus(page: Page) -> str:
    """What has the focus; a reader sees it, and a ring around it."""
    found = page.evaluate(FOCUS)
    assert found["ringed"] and found["shown"], found
    return str(found["name"])


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_search_results_and_copy_buttons_are_used_by_the_keyboard_alone(
    browser: Browser, built: Path, width: int, dark: bool
) -> None:
    visit = open_page(browser, built, width, dark=dark)
    page = visit.page
    page.keyboard.press("Tab")
    assert focus(page) == "skip"
    for name in ("name", "q", "scheme"):
        page.keyboard.press("Tab")
        assert focus(page) == name
    page.keyboard.press("/")
    assert focus(page) == "q"
    page.keyboard.type("tencent_redis_reset_pasword exmaple")
    page.locator("#search-note").wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    hit = focus(page)
    assert page.locator("#search-results").is_hidden()
    for _ in range(20):
        page.keyboard.press("Tab")
        if focus(page) == "Copy":
            break
    assert hit != "Copy" and page.evaluate("document.activeElement.previousElementSibling.tagName") == "PRE"
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.textContent === 'Copied'")
    assert visit.text("#said") == "Copied"
    page.keyboard.press("/")
    assert focus(page) == "q"
    page.keyboard.press("Escape")
    assert page.locator("#search-results").is_hidden()
    page.context.close()


def test_every_stop_of_the_tab_key_is_seen(browser: Browser, built: Path) -> None:
    """The first sixty, and the menu opens for the keyboard on a phone."""
    page = open_page(browser, built, DESKTOP).page
    for _ in range(60):
        page.keyboard.press("Tab")
        focus(page)
    page.context.close()
    page = open_page(browser, built, PHONE).page
    page.get_by_role("button", name="Contents").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert focus(page) == "Overview"
    page.keyboard.press("Escape")
    assert page.locator("#menu").is_hidden()
    page.context.close()


# --- claims -----------------------------------------------------------------------------------------------------------


def test_claims_are_shown_by_their_status(desktop: Visit) -> None:
    rows = desktop.page.locator("tr[data-status]")
    desktop.page.get_by_label("Show the status").select_option("third_party")
    shown = [row for row in rows.all() if row.is_visible()]
    assert 0 < len(shown) < rows.count()
    assert {row.get_attribute("data-status") for row in shown} == {"third_party"}
    assert desktop.text("#said") == f"{len(shown)} claims shown"
    desktop.page.get_by_label("Show the status").select_option("")
    assert all(row.is_visible() for row in rows.all())


# --- everybody --------------------------------------------------------------------------------------------------------


def open_the_search(page: Page) -> None:
    """And mark all but the first two of the parts that one template makes."""
    page.locator("#q").fill("throtled")
    page.locator("#found [role=option]").first.wait_for()
    page.locator("#search-note").wait_for()
    page.evaluate(
        """() => ['.operation', '.row', 'tr[data-status]', '[id^=log-] + p + .frame', 'pre'].forEach(part =>
          [...document.querySelectorAll(part)].slice(2).forEach(one => one.setAttribute('data-again', '')))"""
    )


@pytest.mark.long
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_axe_finds_nothing(browser: Browser, built: Path, width: int, dark: bool) -> None:
    assert axe_violations(browser, built, width, dark, prepare=open_the_search) == []


def test_it_prints_without_its_menu_and_with_nothing_cut(browser: Browser, built: Path) -> None:
    page = open_page(browser, built, 720, dark=True).page
    page.emulate_media(media="print")
    assert page.locator("#menu").is_hidden()
    assert page.locator("header.top").is_hidden()
    assert page.locator(".copy button").first.is_hidden()
    cut = page.evaluate(
        """() => [...document.querySelectorAll('.frame, main pre')].filter(e => e.scrollWidth > e.clientWidth + 1
            && getComputedStyle(e).overflowX !== 'visible').length"""
    )
    assert cut == 0
    page.context.close()


def test_it_reads_without_scripts(browser: Browser, built: Path) -> None:
    page = open_page(browser, built, DESKTOP, dark=True, scripts=False).page
    assert page.locator("#menu a[href='#tencent_redis_modify_instance_account']").is_visible()
    assert page.locator("[id='http-409']").is_visible()
    assert page.locator("#claim-R1").is_visible()
    assert page.locator(".search").is_hidden()
    assert page.locator("button, select").evaluate_all("all => all.filter(one => one.checkVisibility()).length") == 0
    assert background(Visit(page)) == "rgb(19, 24, 31)"
    page.context.close()
