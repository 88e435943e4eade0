"""Each claim is tried by make verify on each of its clouds, or its row says why it is not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from shared.workbench.claims.table import Claim, read_claims
from shared.workbench.verify.alibaba.checks import CHECKS as ALIBABA
from shared.workbench.verify.tencent.checks import CHECKS as TENCENT

TRIED = {"tencent": {one.claim for one in TENCENT}, "alibaba": {one.claim for one in ALIBABA}}


def untold(claims: Iterable[Claim], tried: Mapping[str, set[str]]) -> list[str]:
    """What is to be written for each claim of which nothing says how it is tried."""
    return [
        f"{claim.id}: write a Check in shared/workbench/verify/{cloud}/, or `untried` into its row"
        for claim in claims
        for cloud in claim.clouds
        if claim.id not in tried[cloud] and not claim.untried
    ]


def test_each_claim_is_tried_or_says_why_not() -> None:
    assert untold(read_claims(), TRIED) == []


def test_a_claim_of_which_nothing_is_said_is_named() -> None:
    row = next(claim for claim in read_claims() if claim.id == "W1")
    assert untold([row], {**TRIED, "alibaba": set()}) == [
        "W1: write a Check in shared/workbench/verify/alibaba/, or `untried` into its row"
    ]


def test_each_check_is_of_a_claim_about_its_cloud() -> None:
    clouds = {claim.id: set[str](claim.clouds) for claim in read_claims()}
    assert [id_ for cloud, ids in TRIED.items() for id_ in ids if cloud not in clouds.get(id_, set())] == []
