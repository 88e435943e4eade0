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
        ("password lost", "A lost password"),
        ("lost password", "A lost password"),
        ("forgot password", "A lost password"),
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


@pytest.mark.parametrize(
    ("words", "first"),
    [
        # whole questions
        ("how do i create a queue", "Queues\nCreate the queues"),
        ("How do I create a queue?", "Queues\nCreate the queues"),
        ("make a queue", "Queues\nCreate the queues"),
        ("add queues", "Queues\nCreate the queues"),
        ("how much does it cost?", "What a fleet costs"),
        ("costs per month", "What a fleet costs"),
        ("uninst", "\nmake remove"),
        ("remove keyturn", "\nmake remove"),
        ("how do I uninstall keyturn", "\nmake remove"),
        ("update keyturn", "Update and roll back"),
        ("deploy a new version", "Update and roll back"),
        ("where are the logs", "Log lines"),
        ("where is the password", "Security\nWhere a password is"),
        ("who can read my password", "Security\nWhere a password is"),
        ("who may call", "Security\nWho can call"),
        ("Who can call", "Security\nWho can call"),
        ("who changed the password", r"\nActor · "),
        ("what happens when the answer is lost", "Promises\nA lost answer"),
        ("how many functions can run at once", "How many instances"),
        ("read the results from the queue", "Results\nRead results"),
        ("make a report from old events", "\nmake report"),
        ("can I run it without a store", "With and without a store"),
        ("how old is a password", "What counts as the age"),
        ("what does pending mean", "pending"),
        ("what to do next", "^What to do next\n"),
        ("apps during a change", "How your application gets the password"),
        # hyphens, and words in one or two
        ("dry-run", r"\nDryRun · "),
        ("dry run", r"\nDryRun · "),
        ("dryrun", r"\nDryRun · "),
        ("multi-region", "Many accounts and regions"),
        ("multi region", "Many accounts and regions"),
        ("two regions", "Many accounts and regions"),
        ("cross-account", "Many accounts and regions"),
        ("time zone", "UTC|time zone"),
        ("timezone", "UTC|time zone"),
        ("dead-letter queue", "exhausted|dead letters"),
        ("cloud events", "CloudEvents"),
        # what readers call things
        ("DLQ", "exhausted|dead letters"),
        ("exit code", "Deploy and update.*Deploy from CI"),
        ("retention", "for how long"),
        ("log retention", "Keep the lines"),
        ("redeploy", "\nmake deploy"),
        ("migrate", "Update and roll back"),
        ("undo", "Update and roll back"),
        ("performance", "^Figures\n"),
        ("latency", "Cold start|Warm commands"),
        ("quota", "At the API's limit"),
        ("memory", "How many instances"),
        ("license", "License: Apache-2.0"),
        ("licence", "License: Apache-2.0"),
        ("report vulnerability", r"SECURITY\.md"),
        ("CVE", r"SECURITY\.md"),
        ("github actions", "Deploy and update\nDeploy from CI"),
        ("CI/CD", "Settings\nVariables of the deployer"),
        ("environment variables", "^Settings\n"),
        ("two accounts", "Two accounts in turn"),
        ("downtime", "Two accounts in turn"),
        ("password policy", "8 to [0-9]+ characters"),
        ("least privilege", "What each role may do"),
        ("email alert", "Alarms"),
        ("every night", "Rotate a fleet"),
        ("change redis password", "tencent_redis_modify_instance_password"),
    ],
)
def test_a_readers_question_finds_what_answers_it(opened: Visit, words: str, first: str) -> None:
    assert re.search(first, opened.find(words)[0])


@pytest.mark.parametrize(
    ("words", "meant", "first"),
    [
        ("pasword", "password", "(?i)password"),
        ("credental", "credential", "Glossary\ncredential|credential"),
        ("rotaton", "rotation", "make rotate|rotation"),
        ("uninstal keytrun", "uninstal", "make remove"),
        ("instnaces", "instances", "instances"),
        ("idempotnecy", "idempotency", "Idempotency-Key|CommandId"),
        ("InvalidParamter", "invalidparameter", "InvalidParameter"),
        ("wrong_old_secert", "wrong_old_secret", "wrong_old_secret"),
        ("redis:DescribeTskInfo", "redis describetaskinfo", "tencent_redis|redis:DescribeTaskInfo"),
        ("create quueue", "create queue", "Queues\nCreate the queues"),
    ],
)
def test_a_misspelt_word_is_read_as_the_nearest_word_of_the_page(
    opened: Visit, words: str, meant: str, first: str
) -> None:
    found = opened.find(words)
    assert opened.text("#search-note") == f"Showing results for {meant}."
    assert re.search(r"^Showing results for .+\. \d+ found$", opened.text("#said"))
    assert re.search(first, found[0])


@pytest.mark.parametrize("words", ["408", "kmd", "xylophone", "crs-demo9999"])
def test_short_words_numbers_and_words_far_from_any_are_not_corrected(opened: Visit, words: str) -> None:
    opened.find(words)
    assert "Showing results for" not in opened.text("#search-note")


@pytest.mark.parametrize(("words", "others"), read_synonyms().items())
def test_a_readers_word_finds_a_text_about_it(opened: Visit, words: str, others: list[str]) -> None:
    """Each synonym stands on the page, all of its words in one text. What it finds, or the words, come first."""
    firsts = []
    for other in others:
        firsts.append(opened.find(other)[0])
        assert re.fullmatch(r"\d+ found", opened.text("#said"))
    first = opened.find(words)[0]
    assert first in firsts or words in first.lower().replace("-", " ")


def test_texts_with_every_word_come_alone_and_a_title_comes_before_a_text(opened: Visit) -> None:
    titles = [hit.partition("\n")[2].startswith("busy") for hit in opened.find("busy")]
    assert titles[:2] == [True, True]
    assert not any(titles[titles.index(False) :])
    assert opened.page.locator("#search-note").is_hidden()
    both = opened.find("busy throttled")
    assert opened.page.locator("#search-note").is_hidden()
    assert both != opened.find("busy")


def test_where_no_text_has_every_word_those_with_most_are_shown_and_the_page_says_so(opened: Visit) -> None:
    found = opened.find("kubernetes mount throttled")
    assert opened.text("#search-note") == "No text has all these words. These have most of them."
    assert opened.page.locator("#search-note").is_visible()
    assert re.search("Kubernetes", found[0])


def test_a_word_that_the_page_does_not_have_is_left_out_and_named(opened: Visit) -> None:
    alone = opened.find("busy")
    assert opened.find("busy xyzzy") == alone
    assert opened.text("#search-note") == "Nothing here has xyzzy."
    assert re.fullmatch(r"Nothing here has xyzzy\. \d+ found", opened.text("#said"))


@pytest.mark.parametrize("words", ["deploy", "queues", "role", "store", "region", "bootstrap"])
def test_a_block_of_code_and_a_table_of_log_lines_come_after_the_text(opened: Visit, words: str) -> None:
    opened.find(words)
    opened.page.keyboard.press("Enter")
    assert opened.page.locator(".hit").count() == 1
    assert opened.page.locator("pre.hit, [data-detail] .hit").count() == 0


@pytest.mark.parametrize("words", ["where xyzzy", "x" * 300, "密码", "xyzzy.plugh"])
def test_words_that_the_page_does_not_have_find_nothing(opened: Visit, words: str) -> None:
    assert opened.find(words) == [NOTHING]
    assert opened.page.locator("#search-note").is_hidden()


@pytest.mark.parametrize("words", ["(", "[a-z", "\\", "__proto__", "?? !!", "___", "*", "a.*b", "- -", "how the"])
def test_odd_marks_break_nothing(opened: Visit, words: str) -> None:
    opened.find(words)
    assert opened.said == []


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
