"""The plan for a fleet: the same for the same seed, nothing lost, and near what a real run measures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from shared.workbench.bench import ceiling
from shared.workbench.docs.marked_parts import MANUAL
from shared.workbench.operations.fleet_model import PRICES, ROWS, assumptions, table
from shared.workbench.operations.fleet_simulation import Fleet, forecast

ROOT = Path(__file__).parents[2]
SMALL = Fleet(100, slow_share=0.05)


def test_the_same_seed_gives_the_same_plan_and_another_one_another() -> None:
    assert forecast(SMALL) == forecast(SMALL)
    assert forecast(replace(SMALL, seed=2)).seconds != forecast(SMALL).seconds


@pytest.mark.parametrize("functions", [1, 2, 8])
def test_every_command_ends_once_whatever_the_platform_ends_early(functions: int) -> None:
    found = forecast(Fleet(400, functions=functions, timeout_s=10.0, slow_share=0.05))
    assert found.changed == 400
    assert found.handed_back > 0
    # Commands, those handed back, what is followed with its pending result (and hops), and 400 terminal results.
    assert found.messages >= 400 + found.handed_back + 2 * found.followed + 400
    taken = found.calls["ModifyInstanceAccount"] - found.throttled["ModifyInstanceAccount"]
    assert taken == 400


def test_a_large_fleet_is_bound_by_the_limit_alone() -> None:
    found = forecast(Fleet(3000))
    assert 3000 / 20 <= found.seconds <= 3000 / 20 / 0.93
    assert found.gb_s == pytest.approx(found.seconds * 0.125, rel=0.01)


def test_each_command_reads_the_accounts_of_its_instance() -> None:
    for fleet in (Fleet(60, accounts=5), Fleet(60, commands_each=5)):
        found = forecast(fleet)
        assert found.changed == 300
        assert found.calls["DescribeInstanceAccount"] - found.throttled["DescribeInstanceAccount"] == 300


def test_the_table_names_its_unit_prices_and_what_nobody_has_verified() -> None:
    found = forecast(SMALL)
    assert table([found]).count("\n") == 2
    text = assumptions(SMALL)
    for price in PRICES.values():
        assert str(price.amount) in text
        assert price.source in text
    assert text.count("unverified") == sum(not price.verified for price in PRICES.values())


@pytest.mark.long
def test_the_model_agrees_with_a_real_run() -> None:
    """Within a tenth where nothing else runs, which `make bench` shows; a busy machine may be slower, never faster."""
    commands, instances = 160, 40
    measured = ceiling.measure(1, commands, instances)
    modelled = forecast(Fleet(instances, commands // instances, timeout_s=120.0))
    assert measured.outcomes == {"changed": commands}
    modelled_s = modelled.last_change - modelled.first_change
    assert 0.9 * modelled_s <= measured.seconds_of_calls <= 2.0 * modelled_s
    asked = sum(measured.calls.values()) - sum(measured.throttled.values())
    assert sum(modelled.calls.values()) == pytest.approx(asked, rel=0.15)


def test_the_manual_shows_the_models_table() -> None:
    chapter = (ROOT / MANUAL / "operations.md").read_text(encoding="utf-8")
    shown = ROWS[:-1]  # the last one takes as long as all tests of this file
    forecasts = [forecast(Fleet(instances, accounts=each, slow_share=0.01)) for instances, each in shown]
    assert table(forecasts) in chapter
    assert f"\n| {ROWS[-1][0]:,} | {ROWS[-1][1]} | " in chapter
    assert assumptions(forecasts[0].fleet) in chapter
