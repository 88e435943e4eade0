"""The reference page, as a reader meets it: in headless Chromium, from disk, without a network."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route

from shared.results.outcome import Outcome
from shared.results.result_event import _STATUS
from shared.rotation.policy import PlanRotation
from shared.runtime.errors import ErrorClass
from shared.workbench.bundle.checkout import ROOT
from shared.workbench.bundle.loading import load
from shared.workbench.bundle.operations import functions, operations, rights
from shared.workbench.claims.table import by_harm, read_claims
from shared.workbench.deploy.policies import policies
from shared.workbench.docs import redoc
from shared.workbench.docs.__main__ import main
from shared.workbench.docs.errors import DocsError
from shared.workbench.docs.manual import read_manual
from shared.workbench.docs.markdown import manual_anchor
from shared.workbench.operations.alarms import read_alarms
from shared.workbench.operations.log_lines import read_log_lines
from shared.workbench.operations.runbook import read_runbook
from tests.support.programs import NODE, require_program

DESKTOP = {"width": 1280, "height": 900}


PHONE = {"width": 360, "height": 740}


FUNCTIONS, OPERATIONS = functions(), tuple(operations())


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


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (redoc.FOLDER / "node_modules" / "redoc").is_dir():
        require_program(NODE)
    out = tmp_path_factory.mktemp("docs") / "keyturn.html"
    assert main([str(out)]) == 0
    return out


def open_page(browser: Browser, built: Path, size: Mapping[str, int], *, scripts: bool = True) -> Visit:
    context = browser.new_context(
        viewport={"width": size["width"], "height": size["height"]}, java_script_enabled=scripts, offline=True
    )
    visit = Visit(context.new_page())

    def meet(route: Route) -> None:
        if route.request.url.partition("#")[0] == built.as_uri():
            route.continue_()
        else:
            visit.asked.append(route.request.url)
            route.abort()

    context.route("**/*", meet)
    visit.page.on("console", lambda message: visit.said.append(f"{message.type}: {message.text}"))
    visit.page.on("pageerror", lambda error: visit.said.append(f"error: {error}"))
    visit.page.goto(built.as_uri())
    if scripts:
        visit.page.wait_for_selector("#redoc[data-drawn]", timeout=60_000)
    return visit


@pytest.fixture(scope="module")
def desktop(browser: Browser, built: Path) -> Visit:
    return open_page(browser, built, DESKTOP)


@pytest.fixture(scope="module")
def phone(browser: Browser, built: Path) -> Visit:
    return open_page(browser, built, PHONE)


def test_the_same_tree_gives_the_same_bytes(built: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.html"
    command = [sys.executable, "-m", "shared.workbench.docs", str(again)]
    env = os.environ | {"PYTHONHASHSEED": "7", "KEYTURN_REGION": "ap-tokyo", "KEYTURN_ALLOW": "*/*/*/*/*"}
    subprocess.run(command, cwd=ROOT, env=env, check=True, stdout=subprocess.DEVNULL, timeout=60)
    assert again.read_bytes() == built.read_bytes()


def test_the_page_is_one_small_file(built: Path) -> None:
    text = built.read_text()
    assert len(text.encode()) < 3_000_000
    markup = re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    assert not re.search(r'\bsrc=|<link(?! rel="icon" href="data:,">)|@import|url\(', markup)
    assert str(ROOT) not in text


def test_nothing_is_asked_for_and_nothing_goes_wrong(desktop: Visit, phone: Visit) -> None:
    for visit in (desktop, phone):
        assert visit.text("#redoc[data-drawn=yes]")
        assert visit.said == []
        assert visit.asked == []


def test_every_link_within_the_page_leads_somewhere(desktop: Visit) -> None:
    lost = desktop.page.evaluate(
        """() => [...document.querySelectorAll('a[href^="#"]')].map(a => a.getAttribute('href').slice(1))
          .filter(id => !document.getElementById(decodeURIComponent(id)))"""
    )
    assert lost == []
    twice = desktop.page.evaluate(
        """() => [...document.querySelectorAll('main [id]')].map(e => e.id)
          .filter((id, at, all) => all.indexOf(id) < at)"""
    )
    assert twice == []
    for target in set(re.findall(r'href="(?!#)([^"]+)"', desktop.page.locator("main").inner_html())):
        assert target.startswith("https://"), target


def test_every_field_of_every_command_is_told_with_its_function(desktop: Visit) -> None:
    for function in OPERATIONS:
        model = operations()[function].command
        told = desktop.page.locator(f"section[aria-labelledby={function}] td:first-child > code").all_text_contents()
        assert {one.alias for one in model.model_fields.values()} <= set(told)
        assert {"Deliver.Store", "Deliver.Seal", "Deliver.Reply"} <= set(told)
        section = desktop.text(f"section[aria-labelledby={function}]")
        assert model.rule.source in section
        assert f"{model.rule.shortest} to {model.rule.longest} characters" in section
    told = desktop.page.locator("section[aria-labelledby=plan_rotation] td:first-child > code").all_text_contents()
    assert {one.alias for one in PlanRotation.model_fields.values()} <= set(told)
    assert "Resources.Tags" in told


def test_every_function_tells_its_promise_source_and_policies(desktop: Visit) -> None:
    for function in FUNCTIONS:
        section = " ".join(desktop.text(f"section[aria-labelledby={function}]").split())
        docstring = " ".join(
            str(import_module(f"functions.{function}").__doc__).replace("`", "").replace("*", "").split()
        )
        promise = docstring.partition("Promise: ")[2]
        assert promise[1:40] in section  # it begins with a capital on the page
        assert docstring.partition("Source: ")[2] in section
        for right in rights(function):
            assert right in section
    told = desktop.text("section[aria-labelledby=role-policies]")
    for cloud in ("tencent", "alibaba"):
        description = load(ROOT / "serverless.yml", cloud, {})
        for spec in description.functions:
            for policy in policies(description, spec):
                assert json.dumps(policy.document, indent=2) in told
                assert all(remark.replace("`", "") in told for remark in policy.remarks)


def test_every_outcome_error_class_and_status_is_told(desktop: Visit) -> None:
    everything = desktop.text("main")
    for outcome in Outcome:
        assert desktop.page.locator(f"[id='runbook-{outcome.value}']").count() == 1
        assert f"keyturn.credential.{outcome.value}" in everything
    for error_class in ErrorClass:
        assert desktop.page.locator(f"[id='runbook-{error_class.value}']").count() == 1
    statuses = desktop.page.locator("#redoc button strong").all_text_contents()
    assert {str(status) for status in (200, 202, 207, 405, 415, *_STATUS.values())} <= {one.strip() for one in statuses}
    for row in read_runbook():
        section = desktop.text(f".row:has(#runbook-{row.id})")
        assert all(line.partition("   # ")[0].replace("`", "") in section for line in row.look)


def test_every_claim_is_told_and_what_would_hurt_most_comes_first(desktop: Visit) -> None:
    ids = desktop.page.locator("tr[id^='claim-']").evaluate_all("rows => rows.map(row => row.id)")
    found = by_harm(read_claims())
    assert ids == [f"claim-{claim.id}" for claim in found]
    told = desktop.text("section[aria-labelledby=what-keyturn-believes-of-the-clouds]")
    assert all(claim.claim.replace("`", "") in told for claim in found)


def test_every_setting_and_every_queue_is_told(desktop: Visit) -> None:
    settings = desktop.text("section[aria-labelledby=settings]")
    for name in re.findall(r'text\("([A-Z_]+)"\)', (ROOT / "shared" / "runtime" / "settings.py").read_text()):
        assert f"KEYTURN_{name}" in settings
    everything = desktop.text("main")
    for scheme in ("sqlite", "ckafka", "smq", "amqps", "memory"):
        assert f"{scheme}://" in everything
    told = desktop.text("section[aria-labelledby=queues]")
    for function in FUNCTIONS:
        assert f"keyturn.command.{function}" in told
    assert "keyturn.rotation.report" in told
    for chapter in ("what-is-promised", "limits", "security"):
        assert desktop.page.locator(f"h2[id^={chapter}]").count() == 1


def test_every_chapter_of_the_manual_is_shown_and_readmes_links_lead_to_it(desktop: Visit) -> None:
    for chapter in read_manual():
        assert desktop.text(f"h2#{manual_anchor(chapter.name)}").startswith(chapter.title)
        assert desktop.page.locator(f"main a[href='#{manual_anchor(chapter.name)}']").count() > 0


def test_every_log_line_and_alarm_is_told(desktop: Visit) -> None:
    for line in read_log_lines():
        told = desktop.page.locator(f"[id^='log-{line.event}-'] td:first-child").all_text_contents()
        assert {one.name for one in line.fields} <= set(told)
    for alarm in read_alarms().alarm:
        assert desktop.page.locator(f"[id='alarm-{alarm.id}']").count() == 1
        assert alarm.cls.strip() in desktop.text("section[aria-labelledby=alarms]")
        assert alarm.sls.strip() in desktop.text("section[aria-labelledby=alarms]")


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("KEYTURN_ALLOW", "Settings"),
        ("keyturn_seal_keys", "Settings"),
        ("wrong_old_secret", "wrong_old_secret"),
        ("OldAccountPassword", "alibaba_tair_modify_account_password"),
        ("pending_too_long", "What to do next"),
        ("milliseconds", "Log lines"),
        ("redis:DescribeTaskInfo", "redis:DescribeTaskInfo"),
        ("SecretRef kms", "kms://"),
        ("Retry-After", "Retry-After"),
    ],
)
def test_the_search_finds(desktop: Visit, words: str, first: str) -> None:
    found = desktop.find(words)
    assert first in found[0]
    assert all(part.lower() in " ".join(found).lower() for part in words.split())


def test_the_search_says_when_it_finds_nothing(desktop: Visit) -> None:
    assert desktop.find("xyzzy") == ["Nothing on this page holds all of these words."]
    assert desktop.text("#count") == "nothing found"
    desktop.page.keyboard.press("Escape")
    assert desktop.page.locator("#found").is_hidden()


def test_a_find_is_reached_by_the_keyboard_alone(desktop: Visit) -> None:
    desktop.find("KEYTURN_ALLOW")
    desktop.page.keyboard.press("ArrowDown")
    desktop.page.keyboard.press("ArrowUp")
    desktop.page.keyboard.press("Enter")
    assert desktop.page.evaluate("document.activeElement.id") == "settings-keyturn_allow"
    assert desktop.page.url.endswith("#settings-keyturn_allow")
    top = desktop.page.evaluate("document.activeElement.getBoundingClientRect().top")
    assert 0 < top < DESKTOP["height"]
    # The menu follows once the browser has told of the scroll.
    desktop.page.wait_for_function("document.querySelector('#menu a[aria-current]').textContent === 'Settings'")


def test_a_find_in_something_folded_unfolds_it(desktop: Visit) -> None:
    found = desktop.find("oldest_due_days max_age_days")
    query = next(at for at, text in enumerate(found) if "SELECT" in text)
    desktop.page.locator("#found [role=option]").nth(query).click()
    assert desktop.page.locator("pre.hit").is_visible()


def test_a_row_leads_on_to_what_to_do(desktop: Visit) -> None:
    rows = desktop.page.locator("section[aria-labelledby=results-out] td:first-child > a").all()
    assert {f"#runbook-{one.value}" for one in (*Outcome, *ErrorClass)} <= {row.get_attribute("href") for row in rows}


def test_scrolling_leaves_the_address_alone(desktop: Visit) -> None:
    before = desktop.page.url
    desktop.page.evaluate("document.getElementById('http-interface').scrollIntoView()")
    desktop.page.mouse.wheel(0, 3000)
    desktop.page.wait_for_timeout(300)
    assert desktop.page.url == before
    assert desktop.page.locator("#menu a[aria-current]").text_content() == "HTTP interface"


def test_a_phone_shows_the_whole_width(phone: Visit) -> None:
    phone.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert phone.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    outside = phone.page.evaluate(
        """() => [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1
            && !e.closest('.frame, pre, .unseen')).map(e => e.outerHTML.slice(0, 120))"""
    )
    assert outside == []
    wide = phone.page.evaluate(
        """() => [...document.querySelectorAll('.frame, main pre')].filter(e => e.scrollWidth > e.clientWidth
            && (getComputedStyle(e).overflowX !== 'auto' || e.tabIndex < 0) && !e.closest('#redoc'))
            .map(e => e.outerHTML.slice(0, 120))"""
    )
    assert wide == []


def test_a_phone_has_the_contents_behind_a_button(phone: Visit) -> None:
    button = phone.page.get_by_role("button", name="Contents")
    assert phone.page.locator("#menu").is_hidden()
    button.click()
    phone.page.locator("#menu a[href='#security']").click()
    assert phone.page.locator("#menu").is_hidden()
    assert 0 < phone.page.evaluate("document.getElementById('security').getBoundingClientRect().top") < PHONE["height"]


def violations(visit: Visit, **options: Any) -> list[str]:
    """What axe finds that is serious, with everything unfolded and a search open."""
    visit.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    visit.find("busy")
    context = {"exclude": [["[data-again]"]]}
    found = Axe().run(visit.page, context=context, options={"resultTypes": ["violations"], **options})
    visit.page.keyboard.press("Escape")
    return [
        f"{one['impact']}: {one['id']}: {one['nodes'][0]['html'][:160]}"
        for one in found.response["violations"]
        if one["impact"] in ("serious", "critical") or one["id"] == "color-contrast"
    ]


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_axe_finds_nothing_serious(request: pytest.FixtureRequest, size: str) -> None:
    visit: Visit = request.getfixturevalue(size)
    assert violations(visit, rules={"color-contrast": {"enabled": False}}) == []


def test_every_colour_stands_out(desktop: Visit) -> None:
    desktop.page.locator("#redoc button:has(strong)").first.click()  # a response, unfolded
    # Of parts that one template makes, the first one: axe takes minutes for all of them on a busy machine.
    desktop.page.evaluate(
        """() => ['#redoc [id^="operation/"]', '.operation', '.row', '[id^=log-] + p + .frame'].forEach(part =>
          [...document.querySelectorAll(part)].slice(1).forEach(one => one.setAttribute('data-again', '')))"""
    )
    try:
        assert violations(desktop, runOnly=["color-contrast"]) == []
    finally:
        desktop.page.evaluate(
            "document.querySelectorAll('[data-again]').forEach(one => one.removeAttribute('data-again'))"
        )


def test_it_prints_without_its_menu_and_with_nothing_cut(browser: Browser, built: Path) -> None:
    visit = open_page(browser, built, {"width": 720, "height": 1000})
    visit.page.emulate_media(media="print")
    assert visit.page.locator("#menu").is_hidden()
    assert visit.page.locator("header.top").is_hidden()
    cut = visit.page.evaluate(
        """() => [...document.querySelectorAll('.frame, main pre')].filter(e => e.scrollWidth > e.clientWidth + 1
            && getComputedStyle(e).overflowX !== 'visible').length"""
    )
    assert cut == 0
    visit.page.context.close()


def test_it_reads_without_scripts(browser: Browser, built: Path) -> None:
    visit = open_page(browser, built, DESKTOP, scripts=False)
    assert visit.page.locator("#menu a[href='#tencent_redis_modify_instance_account']").is_visible()
    assert visit.page.locator("#settings-keyturn_allow").is_visible()
    assert visit.page.get_by_text("This part is drawn by a script").is_visible()
    visit.page.context.close()


def test_another_bundle_is_refused(built: Path, tmp_path: Path) -> None:
    folder = tmp_path / "node_modules" / "redoc" / "bundles"
    folder.mkdir(parents=True)
    (folder / "redoc.standalone.js").write_text("alert(1)")
    with pytest.raises(DocsError, match="is not that of redoc"):
        redoc.script(tmp_path)
