"""The manual: each chapter's commands run exactly as they stand, and the reference shows every chapter."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from shared.workbench.docs.errors import DocsError
from shared.workbench.docs.manual import read_chapter, read_manual
from tests.cloud.client.logins import redis_accepts
from tests.cloud.client.vendor_clients import stored_value
from tests.cloud.state.checkout import ROOT
from tests.support.programs import require_program
from tests.support.shell_session import ShellSession
from tests.workbench.pages import (
    BLOCK_S,
    CHAPTERS,
    MANUAL,
    TEXTS,
    WANTED,
    AttachedStandin,
    blocks,
    missing_programs,
    own_dist,
)

YOUR_ACCOUNT = (MANUAL / "your-account.md").relative_to(ROOT).as_posix()
FIRST = {"crs-demo0001": "App-Passw0rd", "r-demo0001": "Tair-Passw0rd"}
WITH_COMMANDS = [chapter for chapter in CHAPTERS if blocks(chapter)]


def sealed_secret_opens_the_server(folder: Path, said: str) -> None:
    """What was sealed opens the server, is what the store holds, and says whose it is."""
    (ready,) = folder.glob("*/cloud.json")
    cloud = AttachedStandin(ready)
    inside = json.loads(said[said.index('{"CommandId":"sealed-1"') :].splitlines()[0])
    assert inside["Subject"] == "redis/crs-demo0001/app"
    assert redis_accepts(cloud.redis["crs-demo0001"], inside["Secret"], "app")
    assert stored_value(cloud, "ssm://redis-crs-demo0001-app", "v1") == inside["Secret"]


def rotated(prefix: str, store: str) -> Callable[[Path, str], None]:
    """Every instance of the fleet opens with the secret that its store holds now, and with the first one no more."""

    def check(folder: Path, said: str) -> None:
        (ready,) = folder.glob("*/account.json")
        cloud = AttachedStandin(ready)
        instances = sorted(name for name in cloud.redis if name.startswith(prefix))
        assert len(instances) == 3
        for name in instances:
            secret = stored_value(cloud, store.format(name), "current" if store.startswith("ssm") else "")
            assert redis_accepts(cloud.redis[name], secret, "app")
            assert not redis_accepts(cloud.redis[name], FIRST.get(name, "Fleet-Passw0rd1"), "app")
        assert "3 of 3 due passwords are changed and in force" in said

    return check


# Chapter, and what its block with this text in it must have brought about.
CHECKS: dict[tuple[str, str], Callable[[Path, str], None]] = {
    ("secrets", "jose jwe dec"): sealed_secret_opens_the_server,
    ("your-account", "DRY=1"): rotated("crs-", "ssm://redis-{}-app"),
    ("your-account", "make rotate POLICY=quarterly-tair"): rotated("r-", "kms://tair-{}-app"),
}


@pytest.mark.long
@pytest.mark.parametrize("chapter", WITH_COMMANDS, ids=lambda chapter: Path(chapter).stem)
def test_the_commands_of_a_chapter_run_as_they_stand(
    chapter: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one shell, block after block. `mktemp` makes its folders in the test's own."""
    for program in missing_programs(TEXTS[chapter]):
        require_program(program)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    checked = set()
    with own_dist() if "make plan" in TEXTS[chapter] else nullcontext(), ShellSession(tmp_path) as shell:
        for block in blocks(chapter):
            said = shell.run(block, timeout_s=BLOCK_S)
            for (name, text), check in CHECKS.items():
                if name == Path(chapter).stem and text in block:
                    check(tmp_path, said)
                    checked.add((name, text))
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
    section = TEXTS["README.md"].partition("\n## Your account\n")[2].partition("\n## ")[0]
    lines = section.partition("```text\n")[2].partition("```")[0].splitlines()
    assert [line.partition(" # ")[2][0] for line in lines if " # " in line] == list("12345678")
    walked = "".join(blocks(YOUR_ACCOUNT))
    for command in (line.partition(" # ")[0].strip() for line in lines):
        walked = walked[walked.index(command) :]


def test_readme_links_to_every_chapter() -> None:
    for chapter in CHAPTERS:
        assert f"]({chapter})" in TEXTS["README.md"]


def test_chapters_are_read_in_the_order_of_their_names() -> None:
    assert [chapter.name for chapter in read_manual(MANUAL)] == [Path(chapter).stem for chapter in CHAPTERS]


def test_a_chapter_without_a_title_is_named(tmp_path: Path) -> None:
    chapter = tmp_path / "nameless.md"
    chapter.write_text("Needs nothing.\n")
    with pytest.raises(DocsError, match=r"nameless\.md must begin with `# Title`"):
        read_chapter(chapter)
