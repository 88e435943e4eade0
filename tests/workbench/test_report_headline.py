"""The report's headline: it says the worst first, counts right, and says `All clear` only where nobody has to act."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from shared.workbench.report.headline import Level, Tally, headline

CLEAR = Tally(events=29, commands=29, changed=29)
NINE = Tally(events=9, commands=9, changed=2)


@pytest.mark.parametrize(
    ("tally", "level", "text"),
    [
        (CLEAR, Level.GOOD, "All clear: 29 commands, 29 changed"),
        (Tally(events=1, commands=1, changed=1), Level.GOOD, "All clear: 1 command, 1 changed"),
        (
            Tally(events=9, commands=9, changed=5, already_changed=3, mended=1),
            Level.GOOD,
            "All clear: 9 commands, 5 changed, 3 already changed, 1 mended by a later change",
        ),
        (Tally(events=1234, commands=1234, changed=1234), Level.GOOD, "All clear: 1,234 commands, 1,234 changed"),
        (Tally(events=1, rotations=1, known_ages=6), Level.GOOD, "All clear: 6 credentials within the age limit"),
        (Tally(events=1, rotations=1), Level.GOOD, "All clear: 1 rotation, nothing due"),
        (Tally(events=3, dry_runs=3), Level.GOOD, "All clear: 3 dry runs, no obstacle found"),
        (Tally(), Level.EMPTY, "No events"),
        (Tally(unreadable=3), Level.WARN, "No events; 3 lines unreadable"),
        (replace(NINE, failed=7), Level.BAD, "7 of 9 commands failed"),
        (Tally(events=9, commands=9, failed=9), Level.BAD, "All 9 commands failed"),
        (Tally(events=1, commands=1, failed=1), Level.BAD, "1 command failed"),
        (replace(NINE, failed=1), Level.BAD, "1 of 9 commands failed"),
        (replace(NINE, unknown=2), Level.BAD, "2 of 9 commands: outcome unknown"),
        (Tally(events=1, commands=1, unknown=1), Level.BAD, "1 command: outcome unknown"),
        (replace(NINE, endless=2), Level.BAD, "2 of 9 commands pending without end"),
        (replace(NINE, running=2), Level.WAIT, "2 of 9 commands still running"),
        (Tally(events=1, commands=1, running=1), Level.WAIT, "1 command still running"),
        (replace(NINE, sent=2), Level.WAIT, "2 commands sent, no result yet"),
        (replace(NINE, running=1, sent=1), Level.WAIT, "1 of 9 commands still running; 1 command sent, no result yet"),
        (replace(CLEAR, unanswered=1), Level.BAD, "1 command without a result"),
        (replace(CLEAR, stopped=1), Level.BAD, "1 rotation stopped"),
        (replace(CLEAR, incomplete=2), Level.BAD, "2 rotations incomplete"),
        (replace(CLEAR, overdue=3), Level.BAD, "3 credentials overdue"),
        (replace(CLEAR, overdue=1), Level.BAD, "1 credential overdue"),
        (replace(CLEAR, undelivered=1), Level.WARN, "1 result undelivered"),
        (replace(CLEAR, ageless=2), Level.WARN, "2 credentials without a known age"),
        (replace(CLEAR, unreadable=1), Level.WARN, "1 line unreadable"),
        (replace(CLEAR, dry_runs=3, dry_refused=1), Level.WARN, "1 of 3 dry runs refused"),
        (replace(NINE, failed=5, unknown=2), Level.BAD, "2 of 9 commands: outcome unknown; 5 failed"),
        (replace(NINE, endless=1, failed=6), Level.BAD, "1 of 9 commands pending without end; 6 failed"),
        (replace(NINE, failed=7, overdue=3), Level.BAD, "7 of 9 commands failed; 3 credentials overdue"),
        (replace(CLEAR, undelivered=1, overdue=3), Level.BAD, "3 credentials overdue; 1 result undelivered"),
        (
            replace(NINE, failed=4, unknown=1, endless=2, overdue=3, unreadable=1),
            Level.BAD,
            "1 of 9 commands: outcome unknown; 2 pending without end; 4 failed; and 2 more",
        ),
    ],
)
def test_the_headline_is_true(tally: Tally, level: Level, text: str) -> None:
    said = headline(tally)
    assert (said.level, said.text) == (level, text)


GOOD_NEWS = {"events", "commands", "changed", "already_changed", "mended", "known_ages", "rotations", "dry_runs"}


@pytest.mark.parametrize("name", sorted({one.name for one in fields(Tally)} - GOOD_NEWS))
def test_no_headline_is_green_while_anything_is_wrong_or_still_running(name: str) -> None:
    said = headline(replace(CLEAR, dry_runs=2, **{name: 1}))
    assert said.level is not Level.GOOD
    assert "clear" not in said.text


def test_every_problem_is_listed_even_those_that_the_line_has_no_room_for() -> None:
    wrong = {one.name: 1 for one in fields(Tally)} | {"commands": 9}
    said = headline(Tally(**wrong))
    assert len(said.problems) == 11
    assert said.text.endswith("; and 8 more")
