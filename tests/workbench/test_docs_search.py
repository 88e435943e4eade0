"""The search of the reference page, in a real browser: what it finds first, for the page's words and for a reader's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from shared.workbench.docs.page import read_synonyms
from tests.workbench.docs_page import DESKTOP, PHONE, Visit, open_page, write_page

NOTHING = "Nothing found. Try fewer or other words."


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_page(tmp_path_factory.mktemp("docs"))


@pytest.fixture(scope="module")
def opened(browser: Browser, built: Path) -> Iterator[Visit]:
    visit = open_page(browser, built, DESKTOP)
    yield visit
    assert visit.said == []
    visit.page.context.close()


@pytest.mark.parametrize(
    ("words", "first"),
    [
        # names that stand on the page
        ("KEYTURN_ALLOW", r"Settings.*\nKEYTURN_ALLOW · "),
        ("keyturn_seal_keys", r"\nKEYTURN_SEAL_KEYS · "),
        ("handoff", r"\nKEYTURN_HANDOFF_KEY · "),
        ("wrong_old_secret", "What to do next.*\nwrong_old_secret|\nwrong_old_secret · 409"),
        ("OldAccountPassword", "alibaba_tair_modify_account_password"),
        ("pending_too_long", "What to do next.*\npending_too_long"),
        ("milliseconds", "Log lines"),
        ("redis:DescribeTaskInfo", "redis:DescribeTaskInfo"),
        ("Retry-After", "Reply headers\nRetry-After"),
        ("make rotate", "Commands\nmake rotate"),
        ("CommandIdUsed", "Codes of keyturn\nCommandIdUsed"),
        ("InvalidParameterValue.PasswordError", "Codes of Tencent Cloud\nInvalidParameterValue.PasswordError"),
        ("InvalidParameter", "Codes of .* Cloud\n.*InvalidParameter"),
        ("InvalidParameterValue.NeverSeen", r"Codes of Tencent Cloud\n.*InvalidParameterValue\.\*"),
        ("Throttling.User", r"Codes of Alibaba Cloud\n.*Throttling\.\*"),
        ("409", "Statuses\n409 Conflict"),
        # tasks and troubles, as readers say them
        ("create queue", "Queues\nCreate the queues"),
        ("cost", "What a fleet costs"),
        ("price", "What a fleet costs"),
        ("upgrade", "Update and roll back"),
        ("rollback", "Update and roll back"),
        ("uninstall", "make remove"),
        ("rotate", "make rotate"),
        ("password lost", "reset_password"),
        ("lost password", "A lost password"),
        ("forgot password", "reset_password"),
        ("error 409", "Statuses\n409 Conflict"),
        ("kafka", "ckafka|Kafka"),
        ("dead letter", "exhausted|(?i:dead letter)"),
        ("timeout", "(?i)time-?out|time out|TooLittleTime"),
        ("permission denied", "forbidden"),
        ("rate limit", "throttled"),
        ("monitoring", "Alarms"),
        ("logs", "(?i)log lines"),
        ("openapi", "HTTP interface"),
        ("who changed", "Actor"),
        ("install", "Your account"),
        ("get password", "How your application gets the password"),
    ],
)
def test_the_first_hit_is_about_what_was_asked(opened: Visit, words: str, first: str) -> None:
    assert re.search(first, opened.find(words)[0])


@pytest.mark.parametrize(("words", "others"), read_synonyms().items())
def test_a_readers_word_finds_a_text_about_it(opened: Visit, words: str, others: list[str]) -> None:
    """The first hit holds the words themselves, or those of one synonym, at the beginning of words."""
    found = re.sub(r"([a-z])([A-Z])", r"\1 \2", opened.find(words)[0]) + opened.find(words)[0]
    assert any(
        all(
            re.search(rf"(?i)(?<![a-z0-9]){re.escape(word)}", re.sub("[_./]", " ", found) + found)
            for word in one.split()
        )
        for one in (words, *others)
    )
    assert all(opened.find(other)[0] != NOTHING for other in others)


def test_every_word_must_be_there_and_a_title_comes_before_a_text(opened: Visit) -> None:
    assert len(opened.find("busy")) > 1
    assert opened.find("busy xyzzy") == [NOTHING]
    titles = [hit.partition("\n")[2].startswith("busy") for hit in opened.find("busy")]
    assert titles[:2] == [True, True]
    assert not any(titles[titles.index(False) :])


def test_the_search_says_how_much_it_found(opened: Visit) -> None:
    assert opened.find("xyzzy") == [NOTHING]
    assert opened.text("#said") == "Nothing found"
    opened.find("busy")
    assert re.fullmatch(r"\d+ found", opened.text("#said"))
    opened.page.keyboard.press("Escape")
    assert opened.page.locator("#found").is_hidden()
    assert opened.page.locator("#q").input_value() == ""


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_a_hit_is_reached_by_the_keyboard_alone(browser: Browser, built: Path, width: int) -> None:
    page = (visit := open_page(browser, built, width)).page
    visit.find("http 409")
    chosen = "[role=option][aria-selected=true]"
    first = visit.text(chosen)
    page.keyboard.press("ArrowDown")
    assert visit.text(chosen) != first
    assert page.locator("#q").get_attribute("aria-activedescendant") == page.locator(chosen).get_attribute("id")
    page.keyboard.press("ArrowUp")
    assert visit.text(chosen) == first
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "http-409"
    assert page.url.endswith("#http-409")
    assert 56 <= page.evaluate("document.activeElement.getBoundingClientRect().top") < 900
    assert page.locator("#found").is_hidden()
    page.context.close()


def test_a_hit_in_something_folded_unfolds_it(opened: Visit) -> None:
    found = opened.find("oldest_due_days max_age_days select")
    query = next(at for at, text in enumerate(found) if "SELECT" in text)
    opened.page.locator("#found [role=option]").nth(query).click()
    assert opened.page.locator("pre.hit").is_visible()
