"""What any page names is there: targets of make, files, headings."""

from __future__ import annotations

import re

import pytest

from tests.cloud.state.checkout import ROOT
from tests.workbench.pages import CHAPTERS, PAGES, TEXTS, anchors, prose

TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("page", (*PAGES, *CHAPTERS))
def test_what_a_page_names_is_there(page: str) -> None:
    """Targets of make, and links: to files, and to headings of pages."""
    named = re.findall(r"`make ([a-z]+)", prose(page)) + re.findall(r"^make ([a-z]+)", TEXTS[page], re.MULTILINE)
    assert set(named) <= TARGETS
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        led_to = (ROOT / page).parent / path if path else ROOT / page
        assert led_to.exists(), target
        assert not anchor or anchor in anchors(led_to), target


@pytest.mark.parametrize("page", (*PAGES, *CHAPTERS))
def test_a_path_that_a_page_names_is_there(page: str) -> None:
    for path in re.findall(r"`((?:shared|tests|functions|events|\.ci)/[^`\s<>*{}]+)`", TEXTS[page]):
        assert (ROOT / path).exists(), f"{page} names {path}"
