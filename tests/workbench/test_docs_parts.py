"""The parts that the reference page is made of, without a browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shared.runtime.errors import ErrorClass
from shared.workbench.docs import chapters
from shared.workbench.docs.__main__ import main
from shared.workbench.docs.error_codes import TABLES, cloud_codes, own_codes
from shared.workbench.docs.fields import fields
from shared.workbench.docs.http import interface
from shared.workbench.docs.manual import ManualChapter
from shared.workbench.docs.markdown import AnchorIds, sections, to_html
from shared.workbench.docs.mermaid import diagram_to_html


def test_missing_schemas_are_one_line_and_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "out.html"), "--schemas", str(tmp_path)]) == 2
    assert re.fullmatch(r"docs: \S+\.json is missing: make schemas writes it\n", capsys.readouterr().err)
    assert not (tmp_path / "out.html").exists()


def test_a_schema_in_words() -> None:
    inner = {"title": "Inner", "type": "object", "properties": {"B": {"const": True}}}
    schema = {
        "$defs": {"Inner": inner},
        "required": ["Z"],
        "properties": {
            "A": {
                "type": ["string", "null"],
                "minLength": 1,
                "maxLength": 9,
                "pattern": "^a`+$",
                "description": "Of A.",
            },
            "Many": {"type": "array", "minItems": 1, "maxItems": 1000, "items": {"type": "integer", "minimum": 0}},
            "One": {"anyOf": [{"$ref": "#/$defs/Inner"}, {"type": "null"}], "default": {}},
            "Z": {"anyOf": [{"type": "string", "description": "In clear."}, {"enum": ["x", "y", None]}]},
        },
    }
    found = fields(schema)
    assert [(one.name, one.required, one.takes) for one in found] == [
        ("Z", True, ["text. In clear.", "`x`, `y`"]),
        ("A", False, ["text, 1 to 9 characters, ``^a`+$``"]),
        ("Many", False, ["list of 1 to 1,000: whole number, at least 0"]),
        ("One", False, ["object"]),
        ("One.B", False, ["`true`"]),
    ]
    assert found[1].meaning == "Of A."


def test_markdown_keeps_links_that_a_lone_page_can_follow() -> None:
    html = to_html("[file](tests/x.py) [here](#a) [web](https://w3.org)\n\n| a |\n|---|\n| `N` b |\n", AnchorIds(), "t")
    assert "<p>file <a " in html and "tests/x.py" not in html
    assert 'href="#a"' in html and 'href="https://w3.org"' in html
    assert '<tr id="t-n">' in html and 'class="frame" tabindex="0"' in html


def html(text: str, chapter: str = "") -> str:
    return to_html(text, AnchorIds(), "t", chapter=chapter)


def test_links_between_chapters_and_to_readme_stay_on_the_page() -> None:
    links = {
        "secrets.md": "#secrets",
        "secrets.md#a-lost-password": "#secrets-a-lost-password",
        "shared/workbench/docs/manual/many-accounts.md#a-command": "#many-accounts-a-command",
        "#own": "#events-own",
        "../../../../README.md": "#overview",
        "../../../../README.md#limits": "#limits",
    }
    for written, led in links.items():
        assert f'<a href="{led}">x</a>' in html(f"[x]({written})", "events")


def test_two_chapters_may_have_the_same_heading_and_one_may_have_it_twice() -> None:
    ids = AnchorIds()
    found = [to_html("## Limits\n\n## Limits\n", ids, name, chapter=name) for name in ("events", "results")]
    assert re.findall('id="([^"]+)"', "".join(found)) == [
        "events-limits",
        "events-limits-1",
        "results-limits",
        "results-limits-1",
    ]


def test_the_outline_of_a_chapter_has_no_gap() -> None:
    text = "### One\n\n### Two\n\n##### Three\n\n## Four\n"
    found = to_html(text, AnchorIds(), "t", chapter="figures")
    assert re.findall(r"<(h\d)", found) == ["h3", "h3", "h4", "h3"]


def test_folds_line_breaks_and_keys_are_kept_comments_go_and_other_html_is_text() -> None:
    folded = html("<!-- a\nb -->\n<details><summary>The `x` &</summary>\n\n- one\n\n</details>\n\n<!-- /a -->\n")
    assert (
        folded.strip() == "<details><summary>The <code>x</code> &amp;</summary>\n<ul>\n<li>one</li>\n</ul>\n</details>"
    )
    assert html("a<br>b <kbd>/</kbd> <!-- c --><uin>") == "<p>a<br>b <kbd>/</kbd> &lt;uin&gt;</p>\n"
    assert html("<script>alert(1)</script>\n") == "&lt;script&gt;alert(1)&lt;/script&gt;\n"
    assert html("```yaml\n<!-- kept -->\n```\n").count("&lt;!-- kept --&gt;") == 1


def test_a_section_begins_at_its_heading_and_not_in_a_block_of_code(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("# T\n\nlead\n\n## One\n\n```sh\n## no heading\n```\n\n## Two\n\nend\n")
    assert sections(page) == {"": "\nlead\n\n", "One": "\n```sh\n## no heading\n```\n\n", "Two": "\nend\n"}


def test_a_picture_is_told_by_its_words_and_an_empty_corner_is_no_heading() -> None:
    assert html("![what one sees](demo.svg)") == "<p><i>what one sees</i></p>\n"
    assert "<th></th>" not in html("| | a |\n|---|---|\n| b | c |\n")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("a[HTTP call] & b[(queue)] --> c", ["HTTP call, queue → c"]),
        ('c["one<br/>two"] -. "a task runs" .-> d -.-> e', ["one: two a task runs → d", "d → e"]),
        ("f -->|yes| g{sure?} -- no --> h", ["f yes → sure?", "sure? no → h"]),
    ],
)
def test_a_flowchart_is_a_list_of_its_arrows(line: str, told: list[str]) -> None:
    found = html(f"```mermaid\nflowchart LR\n  {line}\n```\n")
    assert [re.sub("<[^>]+>", "", one) for one in re.findall("<li>(.*?)</li>", found)] == told


def test_another_diagram_is_shown_as_its_source() -> None:
    assert "A-&gt;&gt;B: hello" in diagram_to_html("sequenceDiagram\n  A->>B: hello\n")


def test_a_status_names_the_functions_that_answer_it_by_the_shorter_list() -> None:
    def path(**responses: str) -> dict[str, object]:
        content = {"application/json": {"examples": {"scf": {"value": {"A": 1}}}}}
        replies = {code[1:]: {"description": text, "content": {}} for code, text in responses.items()}
        post = {"summary": "", "parameters": [], "security": [{"s": []}], "responses": replies}
        post["requestBody"] = {"content": content}
        return {
            "servers": [{"url": "https://{id}.x", "description": "", "variables": {"id": {"default": "e"}}}],
            "post": post,
        }

    document = {
        "components": {"headers": {}, "securitySchemes": {"s": {"x-algorithm": "S"}}},
        "paths": {"/a": path(s200="done"), "/b": path(s200="done", s401="no"), "/c": path(s200="sent")},
    }
    found = interface(document, ["a", "b", "c"])
    told = [(one.code, meaning.text, meaning.only, meaning.but) for one in found.statuses for meaning in one.meanings]
    assert told == [("200", "done", (), ("c",)), ("200", "sent", ("c",), ()), ("401", "no", ("b",), ())]
    assert found.calls[0].example.startswith("POST /a HTTP/1.1\nHost: e.x\n")


def test_keyturns_own_codes_are_read_from_the_sources(tmp_path: Path) -> None:
    (tmp_path / "functions").mkdir()
    (tmp_path / "shared" / "workbench").mkdir(parents=True)
    (tmp_path / "shared" / "workbench" / "a.py").write_text(
        "def f():\n    raise Refused(E.FAILED, 'x', code='Unseen')\n"
    )
    (tmp_path / "shared" / "a.py").write_text(
        """
FULL = "StoreFull"
def f(name, error):
    raise Ambiguous(f"{name} was not answered", code="NoAnswer")
def g(name):
    text = f"{name} is busy: "
    if name:
        text += "send it again"
        raise RetryLater(ErrorClass.BUSY, text, code=FULL)
    raise Refused(_E.FAILED, text + "give up", code="NoAnswer")
def h(error):
    raise Refused(error.error_class, "as the cloud says", code=error.code)
"""
    )
    found = [(one.code, one.classes, one.messages) for one in own_codes(tmp_path)]
    assert found == [
        ("NoAnswer", ["ambiguous", "failed"], ["… was not answered", "… is busy: give up"]),
        ("StoreFull", ["busy"], ["… is busy: send it again"]),
    ]


def test_every_code_of_a_cloud_stands_in_one_group() -> None:
    for _, table in TABLES.values():
        groups = cloud_codes(table)
        assert [code for group in groups for code in group.codes] == [row.code for row in table.rows]
        assert {group.error_class for group in groups} <= {one.value for one in ErrorClass}


def test_a_chapter_that_the_menu_does_not_name_is_shown_at_the_end_of_the_manual(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    menu = tmp_path / "menu.toml"
    menu.write_text(
        'left_out = []\n[[group]]\ntitle = "Start"\nchapters = ["zebra", "not-written-yet"]\n'
        '[[group]]\ntitle = "Manual"\nchapters = []\n'
    )
    written = [ManualChapter(name, name.capitalize(), "## Heading\n") for name in ("apple", "zebra")]
    monkeypatch.setattr(chapters, "read_manual", lambda: written)
    found = {group.title: [chapter.id for chapter in group.chapters] for group in chapters.groups(menu=menu)}
    assert found["Start"] == ["zebra"]
    assert found["Manual"][-1] == "apple"
