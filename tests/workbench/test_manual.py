"""The manual: each chapter's commands run exactly as they stand, and the reference shows every chapter."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from shared.workbench.bundle.loading import load
from shared.workbench.docs.errors import DocsError
from shared.workbench.docs.manual import read_chapter, read_manual
from shared.workbench.docs.marked_parts import MANUAL
from tests.cloud.client.logins import redis_accepts, registry_accepts
from tests.cloud.client.vendor_clients import stored_value
from tests.cloud.state.checkout import ROOT
from tests.workbench.pages import CHAPTERS, MANUAL_FOLDER, TEXTS, WANTED, blocks, own_dist, run_page, standin_of
from tests.workbench.test_readme import outcomes

YOUR_ACCOUNT = f"{MANUAL}/your-account.md"
FIRST = {"crs-demo0001": "App-Passw0rd", "r-demo0001": "Tair-Passw0rd"}
WITH_COMMANDS = [chapter for chapter in CHAPTERS if blocks(chapter)]


def sealed_secret_opens_the_server(folder: Path, said: str) -> None:
    """What was sealed opens the server, is what the store holds, and says whose it is."""
    cloud = standin_of(folder)
    inside = json.loads(said[said.index('{"CommandId":"sealed-1"') :].splitlines()[0])
    assert inside["Subject"] == "redis/crs-demo0001/app"
    assert redis_accepts(cloud.redis["crs-demo0001"], inside["Secret"], "app")
    assert stored_value(cloud, "ssm://redis-crs-demo0001-app", "v1") == inside["Secret"]


def rotated(prefix: str, store: str) -> Callable[[Path, str], None]:
    """Every instance of the fleet opens with the secret that its store holds now, and with the first one no more."""

    def check(folder: Path, said: str) -> None:
        cloud = standin_of(folder)
        instances = sorted(name for name in cloud.redis if name.startswith(prefix))
        assert len(instances) == 3
        for name in instances:
            secret = stored_value(cloud, store.format(name), "current" if store.startswith("ssm") else "")
            assert redis_accepts(cloud.redis[name], secret, "app")
            assert not redis_accepts(cloud.redis[name], FIRST.get(name, "Fleet-Passw0rd1"), "app")
        assert "3 of 3 due passwords are changed and in force" in said

    return check


def planned_and_deployed(folder: Path, said: str) -> None:
    count = len(load(ROOT / "serverless.yml", "tencent", {}).functions)
    assert f"+ {count} functions, ~ 0, - 0" in said
    assert "steps; `make deploy CLOUD=tencent` does them" in said
    assert len(standin_of(folder).functions()) == count


def every_operation_called(folder: Path, said: str) -> None:
    """Three sites' instances, an account and a robot: the new passwords open, the old do not."""
    cloud = standin_of(folder)
    assert set(outcomes(said)) == {
        "redis/crs-demo0001/app changed",
        *(f"redis/crs-demo000{n}/root changed" for n in (1, 2, 3)),
        "tcr/tcr-demo0001/robot changed",
    }
    assert redis_accepts(cloud.redis["crs-demo0001"], "New-Passw0rd1", "app")
    assert not redis_accepts(cloud.redis["crs-demo0001"], "App-Passw0rd", "app")
    for n in (1, 2, 3):
        assert redis_accepts(cloud.redis[f"crs-demo000{n}"], f"New-Passw0rd{n + 1}")
        assert not redis_accepts(cloud.redis[f"crs-demo000{n}"], "Old-Passw0rd")
    assert registry_accepts(cloud.registry["tcr-demo0001"], "tcr$robot", "New-Passw0rd5")
    assert not registry_accepts(cloud.registry["tcr-demo0001"], "tcr$robot", "Robot-Passw0rd1")


def fleet_in_stores(prefix: str, due: int, store: str) -> Callable[[Path, str], None]:
    """Those that were due have a new secret, each store's current one opens its server, and the timer found no more."""

    def check(folder: Path, said: str) -> None:
        cloud = standin_of(folder)
        names = sorted(name for name in cloud.redis if name.startswith(prefix))
        changed = 0
        for name in names:
            current = stored_value(cloud, store.format(name), "v1" if store.startswith("ssm") else "")
            assert redis_accepts(cloud.redis[name], current, "app")
            assert (current == "Fleet-Passw0rd1") == redis_accepts(cloud.redis[name], "Fleet-Passw0rd1", "app")
            changed += current != "Fleet-Passw0rd1"
        assert changed == due
        (events,) = folder.glob("keyturn-*/events.jsonl")
        told = [json.loads(line) for line in events.read_text(encoding="utf-8").splitlines()]
        reports = [one["data"]["Due"] for one in told if one["type"] == "keyturn.rotation.report"]
        assert reports[-1] == 0
        assert cloud.functions() == []

    return check


def tair_called_and_rotated(folder: Path, said: str) -> None:
    cloud = standin_of(folder)
    assert "tair/r-demo0001/app changed" in outcomes(said)
    assert redis_accepts(cloud.redis["r-demo0001"], "New-Passw0rd6", "app")
    assert not redis_accepts(cloud.redis["r-demo0001"], "Tair-Passw0rd", "app")
    fleet_in_stores("r-fleet", 2, "kms://tair-{}-app")(folder, said)
    page = ROOT / "dist" / "report.html"
    assert "crs-demo0002" in page.read_text(encoding="utf-8")


def one_certificate_refused(folder: Path, said: str) -> None:
    """Trusted, it changes; not trusted, nothing is sent."""
    assert outcomes(said).count("redis/crs-demo0001/app changed") >= 1
    assert "CertificateRefused" in said
    assert len([call for call in standin_of(folder).calls() if call["Action"] == "ModifyInstanceAccount"]) == 1


# Chapter, and what its block with this text in it must have brought about.
CHECKS: dict[tuple[str, str], Callable[[Path, str], None]] = {
    ("secrets", "jose jwe dec"): sealed_secret_opens_the_server,
    ("settings", "unset KEYTURN_CA_FILE"): one_certificate_refused,
    ("your-account", "DRY=1"): rotated("crs-", "ssm://redis-{}-app"),
    ("your-account", "make rotate POLICY=quarterly-tair"): rotated("r-", "kms://tair-{}-app"),
    ("deploy", "make plan CLOUD=tencent"): planned_and_deployed,
    ("deploy", "make call CLOUD=tencent"): every_operation_called,
    ("deploy", "make remove CLOUD=tencent"): fleet_in_stores("crs-fleet", 3, "ssm://redis-{}-app"),
    ("deploy", "make remove CLOUD=alibaba"): tair_called_and_rotated,
}


@pytest.mark.long
@pytest.mark.parametrize("chapter", WITH_COMMANDS, ids=lambda chapter: Path(chapter).stem)
def test_the_commands_of_a_chapter_run_as_they_stand(
    chapter: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one shell, block after block."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    checked = set()

    def check(block: str, said: str) -> None:
        for (name, text), that in CHECKS.items():
            if name == Path(chapter).stem and text in block:
                that(tmp_path, said)
                checked.add((name, text))

    with own_dist() if "make plan" in TEXTS[chapter] else nullcontext():
        run_page(chapter, tmp_path, check, skip=lambda block: False)
    assert checked == {one for one in CHECKS if one[0] == Path(chapter).stem}


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: Path(chapter).stem)
def test_a_chapter_says_first_what_it_needs(chapter: str) -> None:
    title, needs = TEXTS[chapter].split("\n\n")[:2]
    assert title.startswith("# ") and needs.startswith("Needs ")
    commands = "".join(blocks(chapter))
    named = set(re.findall(r"`([^`]+)`", needs))
    assert named >= {name for text, (name, _) in WANTED.items() if text in commands}
    assert ("make" in named) == bool(re.search(r"^make ", commands, re.MULTILINE))


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: Path(chapter).stem)
def test_chapters_can_be_run_side_by_side(chapter: str) -> None:
    """A port or a folder of a fixed name would be another chapter's too."""
    for block in blocks(chapter):
        assert not re.search(r"PORT=|--port (?!0 )|(127\.0\.0\.1|localhost):\d|/tmp/", block)


def test_readmes_eight_steps_are_those_of_the_chapter_that_runs_them() -> None:
    section = TEXTS["README.md"].partition("\n## Your own account\n")[2].partition("\n## ")[0]
    lines = section.partition("```text\n")[2].partition("```")[0].splitlines()
    assert [line.partition(" # ")[2][0] for line in lines if " # " in line] == list("12345678")
    walked = "".join(blocks(YOUR_ACCOUNT))
    for command in (line.partition(" # ")[0].strip() for line in lines):
        walked = walked[walked.index(command) :]


def test_readme_links_to_every_chapter() -> None:
    for chapter in CHAPTERS:
        assert f"]({chapter})" in TEXTS["README.md"]


def test_chapters_are_read_in_the_order_of_their_names() -> None:
    assert [chapter.name for chapter in read_manual(MANUAL_FOLDER)] == [Path(chapter).stem for chapter in CHAPTERS]


def test_a_chapter_without_a_title_is_named(tmp_path: Path) -> None:
    chapter = tmp_path / "nameless.md"
    chapter.write_text("Needs nothing.\n")
    with pytest.raises(DocsError, match=r"nameless\.md must begin with `# Title`"):
        read_chapter(chapter)
