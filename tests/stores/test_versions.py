"""Names of keyturn's versions, and what a listing means to one change: tables, no store needed."""

from __future__ import annotations

import re
from typing import Any

import pytest

from shared.stores.store import Version
from shared.stores.versions import (
    BEFORE,
    COPY,
    ChangeIdentity,
    VersionListing,
    VersionName,
    change_identity,
    is_keyturn_version,
    listing_for,
    parse_version_name,
)

SOURCE, SUBJECT, OPERATION = "keyturn/tencent/ap-guangzhou", "redis/crs-1/app", "tencent_redis_modify_instance_account"
PARAMETERS = {"InstanceId": "crs-1", "AccountName": "app"}


def known(**other: Any) -> ChangeIdentity:
    given: dict[str, Any] = {
        "source": SOURCE, "subject": SUBJECT, "pair": (), "operation": OPERATION, "command_id": "c-1",
        "parameters": PARAMETERS,
    }  # fmt: skip
    return change_identity(**{**given, **other})


MINE = known()
LATER, EARLIER = known(command_id="c-2"), known(command_id="c-0")
REUSED = known(parameters={**PARAMETERS, "NoAuth": True})
ROOT = known(subject="redis/crs-1/root")


def test_a_name_is_what_stores_take_and_is_read_back() -> None:
    for number in (1, 10, 999):
        name = MINE.name(number)
        assert parse_version_name(name) == VersionName(MINE, number)
        longest = f"{BEFORE}{name[3:]}-11"
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", longest)  # SSM's rule: 64 characters; KMS's as long
        assert is_keyturn_version(name)
        assert is_keyturn_version(longest)


@pytest.mark.parametrize(
    ("other", "differs"),
    [
        ({"source": "keyturn/tencent/ap-singapore"}, {"credential"}),
        ({"subject": "redis/crs-1/root"}, {"credential"}),
        ({"subject": "redis/crs-2/app"}, {"credential"}),
        ({"operation": "tencent_redis_reset_password"}, {"command"}),
        ({"command_id": "c-2"}, {"command"}),
        ({"parameters": {**PARAMETERS, "NoAuth": True}}, {"parameters"}),
        ({"parameters": dict(reversed(PARAMETERS.items()))}, set()),
        ({"pair": ("app", "app2")}, {"credential"}),
    ],
)
def test_each_part_of_an_identity_tells_what_it_names(other: dict[str, Any], differs: set[str]) -> None:
    one = known(**other)
    assert {part for part in vars(MINE) if getattr(MINE, part) != getattr(one, part)} == differs


def test_the_pair_of_alternate_is_one_credential_in_any_order() -> None:
    pair = known(pair=("a", "b"), subject="redis/crs-1/a")
    assert known(pair=["b", "a"], subject="redis/crs-1/b") == pair
    assert known(pair=("a", "c"), subject="redis/crs-1/a").credential != pair.credential
    assert known(pair=("a", "b"), subject="redis/crs-2/a").credential != pair.credential


def test_parts_that_run_into_one_another_stay_apart() -> None:
    assert known(operation="ab", command_id="c").command != known(operation="a", command_id="bc").command
    assert known(source="a", subject="b/c").credential != known(source="a/b", subject="c").credential


@pytest.mark.parametrize(
    "version",
    ["", "v1", "c-1", "current", "SSM_Current", "kt-", "kt-1", MINE.name(1).upper(), f"x{MINE.name(1)}",
     f"{MINE.name(1)}\n", f"{MINE.name(1)}.0", MINE.name(0), MINE.name(1000), MINE.name(1).replace("-1", "-01"),
     MINE.name(1).rpartition("-")[0], "kt-copied-1"],
)  # fmt: skip
def test_any_other_name_is_the_user_s(version: str) -> None:
    assert parse_version_name(version) is None
    assert not is_keyturn_version(version)


@pytest.mark.parametrize("version", [f"{BEFORE}{MINE.name(1)[3:]}", f"{COPY}1700000000-1"])
def test_what_stands_beside_belongs_to_no_change(version: str) -> None:
    assert parse_version_name(version) is None
    assert is_keyturn_version(version)


# A listing, as pairs of name and second.

USER = Version("v1", True, 100.0)


def listing(*made: tuple[str, float], current: Version = USER) -> VersionListing:
    return listing_for([*(Version(id_, False, created) for id_, created in made), current], MINE)


def ids(versions: Any) -> list[str]:
    return [one.id for one in versions]


def test_versions_are_sorted_out_newest_first() -> None:
    one = listing(
        (MINE.name(2), 210.0), (EARLIER.name(1), 150.0), (ROOT.name(1), 120.0), (MINE.name(10), 205.0),
        (LATER.name(1), 300.0), (LATER.name(2), 290.0), ("v2", 400.0), (f"{BEFORE}x", 301.0), (ROOT.name(3), 250.0),
    )  # fmt: skip
    assert one.current == USER
    assert ids(one.own) == [MINE.name(10), MINE.name(2)]  # the highest number, whatever the clock says
    assert ids(one.others) == [LATER.name(1), LATER.name(2), EARLIER.name(1)]
    assert ids(one.foreign) == [ROOT.name(3), ROOT.name(1)]
    assert ids(one.versions)[:2] == ["v2", f"{BEFORE}x"]
    assert ids(one.versions)[-1] == "v1"
    assert one.ids == set(ids(one.versions))
    assert not one.reused


def test_an_empty_listing_has_no_current_version() -> None:
    one = listing_for([], MINE)
    assert (one.current, one.own, one.others, one.foreign, one.reused) == (None, (), (), (), False)


@pytest.mark.parametrize(
    ("name", "reused"),
    [
        (REUSED.name(1), True),
        (MINE.name(1), False),
        (LATER.name(1), False),
        (known(operation="another").name(1), False),
        (known(subject="redis/crs-1/root", parameters={}).name(1), False),  # of another credential: not the same
    ],
)
def test_one_command_with_other_parameters_is_seen(name: str, reused: bool) -> None:
    assert listing((name, 200.0)).reused is reused


def test_what_is_not_older_may_be_newer() -> None:
    one = listing((MINE.name(1), 200.0), (EARLIER.name(1), 199.0), (LATER.name(1), 200.0), (LATER.name(2), 201.0))
    assert ids(one.not_older_than(one.own[0])) == [LATER.name(2), LATER.name(1)]


E, L, L2, M, R = EARLIER.name(1), LATER.name(1), LATER.name(2), MINE.name(1), ROOT.name(1)


@pytest.mark.parametrize(
    ("made", "holder", "unresolved"),
    [
        ([(E, 150.0), (L, 300.0)], None, [L, E]),  # the user's secret is current: nothing is known of them
        ([(E, 150.0), (L, 300.0)], E, [L]),
        ([(E, 150.0), (L, 300.0)], L, []),
        ([(E, 150.0), (L, 300.0), (L2, 300.0)], L, [L2]),  # of one second: which came later is not known
        ([(E, 150.0), (M, 200.0)], M, []),
        ([(E, 250.0), (M, 200.0)], M, [E]),
        ([(E, 150.0), (M, 200.0)], None, [E]),
        ([(R, 150.0)], None, []),  # of another credential
        ([(E, 150.0)], "gone", [E]),
    ],
)
def test_what_is_older_than_the_holder_is_resolved(
    made: list[tuple[str, float]], holder: str | None, unresolved: list[str]
) -> None:
    assert ids(listing(*made).maybe_in_force(holder)) == unresolved


def test_others_can_be_asked_about() -> None:
    one = listing((R, 150.0), (ROOT.name(2), 250.0), (L, 200.0))
    assert ids(one.maybe_in_force(ROOT.name(1), one.foreign)) == [ROOT.name(2)]
    assert ids(one.maybe_in_force(L, one.foreign)) == [ROOT.name(2)]


@pytest.mark.parametrize(
    ("made", "holder", "now", "spare"),
    [
        ([(E, 150.0), (L, 300.0)], L, 1301.0, [E]),
        ([(E, 150.0), (L, 300.0)], L, 1300.0, []),  # a call with it may still be on its way
        ([(E, 150.0), (L, 300.0)], None, 9999.0, []),
        ([(E, 150.0), (L, 300.0)], "gone", 9999.0, []),
        ([(E, 150.0), (L, 300.0)], E, 9999.0, []),  # nothing is proven later
        ([(E, 300.0), (L, 300.0)], L, 9999.0, []),
        ([(M, 140.0), (R, 120.0), (E, 150.0), (L, 300.0)], L, 9999.0, [R, M, E]),  # earliest first
        ([("v2", 110.0), (f"{BEFORE}x", 111.0), (f"{COPY}1-1", 112.0), (E, 150.0), (L, 300.0)], L, 9999.0, [E]),
    ],
)
def test_what_may_go_is_older_than_a_holder_that_is_older_than_the_bound(
    made: list[tuple[str, float]], holder: str | None, now: float, spare: list[str]
) -> None:
    assert listing(*made).discardable(holder, now, 1000.0) == spare
