"""What people read fits 120 columns, in a pipe and on a terminal."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import termios

import pytest

from shared.workbench.environment.terminal import WIDEST, Terminal, complain, wrapped
from shared.workbench.results.shown import event_lines, read_event
from tests.cloud.state.checkout import ROOT
from tests.workbench.results_queue import event

WORDS = "word " * 60


@pytest.mark.parametrize(
    "text", [WORDS, "w" * 500, f"    {WORDS}", f"{WORDS}\n{WORDS}", f"\x1b[31m{WORDS}\x1b[0m", f"a-{'b-' * 200}", ""]
)
def test_no_line_is_wider_and_no_word_is_lost(text: str) -> None:
    lines = wrapped(text)
    assert max(len(re.sub("\x1b\\[[0-9;]*m", "", line)) for line in lines) <= WIDEST
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_what_goes_on_is_indented() -> None:
    assert [line[:4] for line in wrapped(WORDS)][1:] == ["    "] * (len(wrapped(WORDS)) - 1)
    assert all(line.startswith("      word") for line in wrapped(f"      {WORDS}"))


def test_a_command_in_backticks_stays_on_one_line() -> None:
    command = "`make rotate POLICY=quarterly-redis CLOUD=tencent DRY=1`"
    lines = wrapped(f"{'x' * 100} {command} and more")
    assert any(command in line for line in lines)


def test_a_line_that_fits_is_left_as_it_is() -> None:
    for line in ("", "  two  spaces  ", "x" * WIDEST):
        assert wrapped(line) == [line]


LOOSE = re.compile(r"print\([^\n]*file=sys\.stderr")
PEOPLES = (
    "bootstrap",
    "bundle",
    "deploy",
    "docs",
    "package",
    "report",
    "results",
    "rotate",
    "scaffold",
    "schemas",
    "verify",
)


@pytest.mark.parametrize("room", PEOPLES)
def test_what_is_said_on_standard_error_is_wrapped(room: str) -> None:
    """No line of a name and a reason is written past `complain`; a line that interrupts is short."""
    for file in (ROOT / "shared" / "workbench" / room).rglob("*.py"):
        loose = [one for one in LOOSE.findall(file.read_text()) if "interrupted" not in one and 'print("",' not in one]
        assert not loose, f"{file}: {loose}"


def test_what_a_terminal_would_obey_is_shown_instead(capsys: pytest.CaptureFixture[str]) -> None:
    complain("no function \x1b]0;title\x07\x1b[2J\r\u202eabc\n  line two")
    assert capsys.readouterr().err == "no function \ufffd]0;title\ufffd\ufffd[2J\ufffd\ufffdabc\n  line two\n"


def test_both_streams_are_wrapped(capsys: pytest.CaptureFixture[str]) -> None:
    said = io.StringIO()
    Terminal(said).say(WORDS)
    complain(WORDS)
    for text in (said.getvalue(), capsys.readouterr().err):
        assert len(text.splitlines()) == 3 and max(map(len, text.splitlines())) <= WIDEST


@pytest.mark.parametrize(("columns", "widest"), [(72, 72), (200, WIDEST), (0, 80), (10, 40)])
def test_on_a_terminal_no_line_is_wider_than_the_terminal(columns: int, widest: int) -> None:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with os.fdopen(slave, "w") as stream, os.fdopen(master, "rb", buffering=0) as shown:
        Terminal(stream).say(WORDS)
        lines = shown.read(4096).decode().splitlines()
        assert widest - len("word ") <= max(map(len, lines)) <= widest
        assert max(map(len, event_lines(read_event(event(1, "pending")), Terminal(stream)))) <= widest
