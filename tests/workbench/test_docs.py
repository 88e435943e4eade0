"""The reference page: it holds every fact that it is made of, and every link on it leads somewhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from shared.clouds.alibaba.error_codes import ALIBABA_CODES
from shared.clouds.tencent.error_codes import TENCENT_CODES
from shared.results.outcome import Outcome
from shared.results.result_event import _STATUS
from shared.rotation.policy import PlanRotation
from shared.runtime.errors import ErrorClass
from shared.workbench.bundle.checkout import ROOT
from shared.workbench.bundle.loading import load
from shared.workbench.bundle.operations import functions, operations, rights
from shared.workbench.claims.table import by_harm, read_claims
from shared.workbench.deploy.policies import policies
from shared.workbench.docs.chapters import SCHEMAS, groups
from shared.workbench.docs.manual import read_manual
from shared.workbench.operations.alarms import read_alarms
from shared.workbench.operations.log_lines import read_log_lines
from shared.workbench.operations.runbook import read_runbook
from tests.workbench.docs_page import DESKTOP, Visit, open_page, write_page

FUNCTIONS, OPERATIONS = functions(), tuple(operations())


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_page(tmp_path_factory.mktemp("docs"))


@pytest.fixture(scope="module")
def desktop(browser: Browser, built: Path) -> Visit:
    return open_page(browser, built, DESKTOP)


def test_the_same_tree_gives_the_same_bytes(built: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.html"
    command = [sys.executable, "-m", "shared.workbench.docs", str(again)]
    env = os.environ | {"PYTHONHASHSEED": "7", "KEYTURN_REGION": "ap-tokyo", "KEYTURN_ALLOW": "*/*/*/*/*"}
    subprocess.run(command, cwd=ROOT, env=env, check=True, stdout=subprocess.DEVNULL, timeout=60)
    assert again.read_bytes() == built.read_bytes()


def test_the_page_is_one_small_file(built: Path) -> None:
    text = built.read_text()
    assert len(text.encode()) < 1_000_000
    markup = re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    assert not re.search(r'\bsrc=|<link(?! rel="icon" href="data:,">)|@import|url\(', markup)
    assert str(ROOT) not in text


def test_every_link_within_the_page_leads_somewhere(desktop: Visit) -> None:
    lost = desktop.page.evaluate(
        """() => [...document.querySelectorAll('a[href^="#"]')].map(a => a.getAttribute('href').slice(1))
          .filter(id => !document.getElementById(decodeURIComponent(id)))"""
    )
    assert lost == []
    twice = desktop.page.evaluate(
        """() => [...document.querySelectorAll('[id]')].map(e => e.id)
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
    for status in (200, 202, 207, 405, 415, *_STATUS.values()):
        assert desktop.page.locator(f"[id='http-{status}']").count() == 1
    for row in read_runbook():
        section = desktop.text(f".row:has(#runbook-{row.id})")
        assert all(line.partition("   # ")[0].replace("`", "") in section for line in row.look)


def test_every_claim_is_told_and_what_would_hurt_most_comes_first(desktop: Visit) -> None:
    rows = desktop.page.locator("tr[id^='claim-']")
    found = by_harm(read_claims())
    assert rows.evaluate_all("rows => rows.map(row => row.id)") == [f"claim-{claim.id}" for claim in found]
    for claim, told in zip(found, rows.all_text_contents(), strict=True):
        for text in (claim.claim, claim.source, claim.if_wrong[1:], claim.status.replace("_", " ")):
            assert text.replace("`", "") in told


def test_every_setting_and_every_queue_is_told(desktop: Visit) -> None:
    everything = desktop.text("main")
    for name in re.findall(r'text\("([A-Z_]+)"\)', (ROOT / "shared" / "runtime" / "settings.py").read_text()):
        assert f"KEYTURN_{name}" in everything
    for scheme in ("sqlite", "ckafka", "smq", "amqps", "memory"):
        assert f"{scheme}://" in everything
    told = desktop.text("section[aria-labelledby=queues]")
    for function in FUNCTIONS:
        assert f"keyturn.command.{function}" in told
    assert "keyturn.rotation.report" in told


def test_every_function_tells_how_it_is_called_over_http(desktop: Visit) -> None:
    document = json.loads((SCHEMAS / "openapi.json").read_text(encoding="utf-8"))
    for path, item in document["paths"].items():
        post = item["post"]
        told = desktop.text(f"section[aria-labelledby='http-{path[1:]}']")
        assert f"POST {path}" in told
        assert all(server["url"] in told for server in item["servers"])
        assert all(one["name"] in told for one in post["parameters"])
        assert all(code in told for code in post["responses"])
        assert all(kind in told for kind in post["requestBody"]["content"])
        examples = post["requestBody"]["content"]["application/json"]["examples"]
        assert json.dumps(next(iter(examples.values()))["value"], indent=2) in told
        for code, reply in post["responses"].items():
            row = desktop.text(f"[id='http-{code}']")
            assert reply["description"].replace("`", "") in row
            assert all(header["$ref"].rpartition("/")[2][:5] in row for header in reply.get("headers", {}).values())


def test_every_command_of_the_makefile_is_told(desktop: Visit) -> None:
    told = desktop.page.locator("section[aria-labelledby=commands] td:first-child").all_text_contents()
    targets = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert told == [f"make {target}" for target in targets]


def test_every_error_code_is_told_and_leads_to_its_class(desktop: Visit) -> None:
    told = desktop.page.locator("section[aria-labelledby=error-codes] td:first-child code").all_text_contents()
    listed = [row.code for table in (TENCENT_CODES, ALIBABA_CODES) for row in table.rows]
    assert {*listed, "CommandIdUsed", "Superseded", "StoreOfAnother"} <= set(told)
    assert desktop.page.locator("#code-CommandIdUsed a[href='#runbook-invalid_command']").count() == 1


def test_every_chapter_of_the_manual_is_shown_once_and_its_links_lead_to_the_place_they_name(desktop: Visit) -> None:
    for chapter in read_manual():
        assert desktop.text(f"h2[id='{chapter.name}']").startswith(chapter.title)
        prose = re.sub(r"^```.*?^```", "", chapter.text, flags=re.DOTALL | re.MULTILINE)
        shown = desktop.page.locator(f"section[aria-labelledby='{chapter.name}'] a")
        led = set(shown.evaluate_all("links => links.map(link => link.getAttribute('href'))"))
        for name, anchor in re.findall(r"\]\(([a-z-]+)\.md(?:#([^)]+))?\)", prose):
            assert (f"#{name}-{anchor}" if anchor else f"#{name}") in led


def test_set_up_comes_first() -> None:
    names = [chapter.id for group in groups() for chapter in group.chapters]
    assert names[:2] == ["overview", "your-account"]
    assert len(names) == len(set(names))


def test_every_log_line_and_alarm_is_told(desktop: Visit) -> None:
    for line in read_log_lines():
        told = desktop.page.locator(f"[id^='log-{line.event}-'] td:first-child").all_text_contents()
        assert {one.name for one in line.fields} <= set(told)
    for alarm in read_alarms().alarm:
        assert desktop.page.locator(f"[id='alarm-{alarm.id}']").count() == 1
        assert alarm.cls.strip() in desktop.text("section[aria-labelledby=alarms]")
        assert alarm.sls.strip() in desktop.text("section[aria-labelledby=alarms]")


def test_a_row_leads_on_to_what_to_do(desktop: Visit) -> None:
    rows = desktop.page.locator("td:first-child > a").all()
    assert {f"#runbook-{one.value}" for one in (*Outcome, *ErrorClass)} <= {row.get_attribute("href") for row in rows}
