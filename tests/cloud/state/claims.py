"""The rows of claims.toml, with a check that the stand-in can play their worlds."""

from __future__ import annotations

from pathlib import Path

from shared.workbench.claims.table import CLAIMS, Claim, read_claims
from tests.cloud.state.world import World, load_world


def read_played_claims(path: Path = CLAIMS) -> list[Claim]:
    """Every row.

    Raises: OSError; ValueError: see `read_claims`, or a row's world is not valid or is the default one.
    """
    claims, world = read_claims(path), load_world()
    for claim in claims:
        for overrides in claim.otherwise:
            check_otherwise(claim, overrides, world, {one.id for one in claims})
    return claims


def check_otherwise(claim: Claim, overrides: dict[str, object], world: World, ids: set[str]) -> None:
    """Raises: ValueError: these overrides give no valid world in which the claim does not hold."""
    try:
        twisted = world.with_overrides(overrides)
    except ValueError as error:
        raise ValueError(f"{claim.id}: otherwise is no valid world: {error}") from None
    if twisted == world:
        raise ValueError(f"{claim.id}: otherwise is the default world")
    if unknown := set(twisted.not_so) - ids:
        raise ValueError(f"{claim.id}: not_so names no row: {sorted(unknown)}")
