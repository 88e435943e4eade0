"""Each world in which a claim does not hold is seen by the vendors' own clients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from shared.workbench.claims.table import Claim
from tests.cloud.client.standin import Standin
from tests.cloud.state.claims import read_played_claims
from tests.cloud.state.world import merge_tables
from tests.standin.twist_probes import PROBES, TASK_S, UNDER

PLATFORM_ROWS = ("D", "E", "F", "P", "Q2")
"""Rows about functions, their triggers and their addresses: test_planes_switches.py plays them."""
TWISTED = [
    claim for claim in read_played_claims() if claim.otherwise and not claim.id.startswith(PLATFORM_ROWS)
]  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[Standin]:
    with Standin() as standin:
        yield standin


def seen(server: Standin, claim: Claim, world: dict[str, Any]) -> object:
    """What the claim's probe sees in this world."""
    server.reset(**merge_tables({"task_s": TASK_S, **UNDER.get(claim.id, {})}, world))
    return PROBES[claim.id](server)


@pytest.mark.parametrize("claim", TWISTED, ids=lambda claim: claim.id)
def test_each_world_of_a_claim_looks_otherwise_to_the_vendors_clients(server: Standin, claim: Claim) -> None:
    expected = seen(server, claim, {})
    for world in claim.otherwise:
        assert seen(server, claim, world) != expected, (
            f"{claim.id}: its probe in tests/standin/twist_probes.py sees the same in {world}: the stand-in does not "
            "play it (tests/cloud/), or the probe asks for something else"
        )


def test_each_claim_that_is_played_both_ways_has_a_probe() -> None:
    twisted = {claim.id for claim in TWISTED}
    missing, stray = twisted - PROBES.keys(), PROBES.keys() - twisted
    assert not missing, f"{sorted(missing)}: write a probe into PROBES in tests/standin/twist_probes.py"
    assert not stray, f"{sorted(stray)}: PROBES in tests/standin/twist_probes.py has it, its row has no `otherwise`"
