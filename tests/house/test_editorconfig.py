"""`.editorconfig` says what ruff does, and every file of the checkout is as it says."""

from __future__ import annotations

import re
import shutil
import subprocess
from configparser import ConfigParser
from fnmatch import fnmatchcase

import pytest
import tomli

from tests.cloud.state.checkout import ROOT

Properties = dict[str, str]


def sections() -> list[tuple[list[str], Properties]]:
    """Each section's patterns, `{a,b}` taken apart, with what it sets."""
    parser = ConfigParser(interpolation=None)
    parser.read_string("[=]\n" + (ROOT / ".editorconfig").read_text(encoding="utf-8"))
    return [(name.strip("{}").split(","), dict(parser[name])) for name in parser.sections() if name != "="]


def properties(path: str) -> Properties:
    """What holds for a file: later sections win. A pattern without a slash is for the file's name."""
    found: Properties = {}
    for patterns, given in sections():
        if any(fnmatchcase(path if "/" in one else path.rpartition("/")[2], one) for one in patterns):
            found |= given
    return found


def mistakes(content: bytes, rules: Properties) -> list[str]:
    """What in a file is not as its properties say, by line."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        return [f"1: not {rules['charset']}: {error.reason}"]
    found = ["1: a byte order mark"] if text.startswith("\N{ZERO WIDTH NO-BREAK SPACE}") else []
    if text and not text.endswith("\n"):
        found.append(f"{text.count(chr(10)) + 1}: no newline at the end")
    tabs, size = rules["indent_style"] == "tab", rules["indent_size"]
    for number, line in enumerate(text.split("\n"), 1):
        indent = line[: len(line) - len(line.lstrip(" \t"))]
        if "\r" in line:
            found.append(f"{number}: a carriage return")
        if line.rstrip(" \t\r") != line.rstrip("\r"):
            found.append(f"{number}: space at the end")
        if not re.fullmatch("\t* *" if tabs else " *", indent):
            found.append(f"{number}: indented by {'spaces' if tabs else 'a tab'}")
        elif size != "unset" and len(indent) % int(size):
            found.append(f"{number}: indented by {len(indent)} spaces, not by steps of {size}")
    return found


def tracked() -> list[str]:
    """Every file that git knows of."""
    if not (ROOT / ".git").exists() or not (git := shutil.which("git")):
        pytest.skip("a copy of the checkout without git")
    done = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, timeout=60)
    return [path for path in done.stdout.decode().split("\0") if path and (ROOT / path).is_file()]


def test_no_file_of_the_checkout_breaks_it() -> None:
    found = []
    for path in tracked():
        content, rules = (ROOT / path).read_bytes(), properties(path)
        if path.endswith(".py"):  # ruff format indents the code; what stands inside texts is free
            rules = rules | {"indent_size": "unset"}
        if b"\0" not in content:
            found += [f"{path}:{line}" for line in mistakes(content, rules)]
    if found:
        pytest.fail("\n".join(found), pytrace=False)


def test_it_says_what_ruff_does() -> None:
    ruff = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]
    says = properties("shared/any.py")
    assert says["max_line_length"] == str(ruff["line-length"])
    assert says["indent_size"] == str(ruff.get("indent-width", 4))
    form = ruff.get("format", {})
    assert (says["indent_style"], form.get("indent-style", "space")) == ("space", "space")
    assert (says["end_of_line"], form.get("line-ending", "auto")) == ("lf", "auto")


SPACES = {"charset": "utf-8", "indent_style": "space", "indent_size": "2"}
TABS = {"charset": "utf-8", "indent_style": "tab", "indent_size": "unset"}


@pytest.mark.parametrize(
    ("content", "rules", "said"),
    [
        (b"", SPACES, []),
        (b"a\n  b\n\n", SPACES, []),
        (b"a\n b", SPACES, ["2: no newline at the end", "2: indented by 1 spaces, not by steps of 2"]),
        (b"a \n\t\n", SPACES, ["1: space at the end", "2: space at the end", "2: indented by a tab"]),
        (b"a\r\n", SPACES, ["1: a carriage return"]),
        (b"\xef\xbb\xbfa\n", SPACES, ["1: a byte order mark"]),
        (b"\xff\n", SPACES, ["1: not utf-8: invalid start byte"]),
        (b"a:\n\tb\n\t  c\n", TABS, []),
        (b"a:\n  \tb\n", TABS, ["2: indented by spaces"]),
    ],
)
def test_a_mistake_is_told_by_its_line(content: bytes, rules: Properties, said: list[str]) -> None:
    assert mistakes(content, rules) == said


@pytest.mark.parametrize(
    ("path", "size"),
    [("serverless.yml", "2"), (".ci/run", "2"), ("tests/x/y.py", "4"), ("README.md", "unset"), ("Makefile", "unset"),
     ("shared/workbench/bench/bench.json", "1"), ("events/bench.json", "2")],
)  # fmt: skip
def test_sections_hold_for_the_files_that_they_name(path: str, size: str) -> None:
    assert properties(path)["indent_size"] == size
