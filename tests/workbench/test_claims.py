"""The table of claims: what a row has to say, and which comes first."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shared.workbench.claims.table import Claim, by_harm, read_claims
from shared.workbench.claims.told import MOST, counted, weakest

ROW: dict[str, object] = {
    "claim": "A claim.",
    "source": "a page",
    "status": "documented",
    "risk": "truth",
    "used": "serverless.yml",
    "if_wrong": "nothing",
}
GUESS = ROW | {"status": "assumed"}


def read(folder: Path, *rows: tuple[str, dict[str, object]]) -> list[Claim]:
    lines = []
    for id_, row in rows:
        lines += [f"[{id_}]", *(f"{name} = {_toml(value)}" for name, value in row.items())]
    file = folder / "claims.toml"
    file.write_text("\n".join(lines), encoding="utf-8")
    return read_claims(file)


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool | int) else f'"{value}"'


def test_every_row_of_the_table_can_be_read() -> None:
    assert len(read_claims()) > 90


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({name: value for name, value in ROW.items() if name != "source"}, "source\n  Field required"),
        (ROW | {"source": ""}, "source\n  String should have at least 1 character"),
        (ROW | {"status": "known"}, "status\n  Input should be"),
        (ROW | {"risk": "money"}, "risk\n  Input should be"),
        (ROW | {"used": "shared/no_such_file.py"}, "used names no file of the checkout"),
        (ROW | {"used": "shared"}, "used names no file of the checkout"),
        (ROW | {"remark": "x"}, "remark\n  Extra inputs are not permitted"),
        (ROW | {"misleads": 1}, "misleads\n  Input should be a valid boolean"),
        (GUESS, "must have `otherwise`, or say why no world plays the opposite"),
        (ROW | {"status": "open"}, "must have `otherwise`, or say why no world plays the opposite"),
    ],
)
def test_a_row_that_says_too_little_or_too_much_is_refused(tmp_path: Path, row: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says.split("\n")[-1].strip()) as caught:
        read(tmp_path, ("R1", row))
    assert says.split("\n")[0] in str(caught.value)


@pytest.mark.parametrize("id_", ["r1", "R01", "RR1", "R"])
def test_an_id_is_a_letter_and_a_number(tmp_path: Path, id_: str) -> None:
    with pytest.raises(ValueError, match="String should match pattern"):
        read(tmp_path, (id_, ROW))


def test_a_guess_is_taken_with_a_reason_why_no_world_plays_it(tmp_path: Path) -> None:
    (claim,) = read(tmp_path, ("R1", GUESS | {"unplayed": "nobody could tell"}))
    assert claim.is_guessed
    assert claim.unplayed == "nobody could tell"


def test_the_weakest_have_a_line_each_and_all_are_counted() -> None:
    expected = [f"- **{one.id}** {one.claim} *If not:* {one.if_wrong}." for one in by_harm(read_claims())[:MOST]]
    assert weakest().splitlines() == expected
    told = " ".join(counted().split())
    assert f"relies on {len(read_claims())} [claims" in told
    numbers = [int(one) for one in re.findall(r"\b\d+\b", told)]
    total, *sure, guessed, assumed, open_, both_ways = numbers
    by_status = [*sure, assumed, open_]
    assert total == sum(by_status)
    assert guessed == sum(by_status[-2:]) >= both_ways


def test_what_would_hurt_most_comes_first(tmp_path: Path) -> None:
    why = {"unplayed": "nobody could tell"}
    rows: dict[str, dict[str, object]] = {
        "R1": ROW | {"risk": "service", "status": "open"} | why,
        "R2": ROW,
        "R3": ROW | {"risk": "deployment", "status": "assumed"} | why,
        "R4": ROW | {"status": "third_party"},
        "R5": ROW | {"status": "open"} | why,
        "R6": ROW | {"status": "assumed"} | why,
        "R7": ROW | {"status": "assumed", "misleads": True} | why,
        "R8": ROW | {"risk": "secret", "status": "verified"},
    }
    found = [claim.id for claim in by_harm(read(tmp_path, *rows.items()))]
    assert found == ["R7", "R6", "R5", "R4", "R2", "R8", "R3", "R1"]
