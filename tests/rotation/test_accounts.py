"""One policy for several regions and accounts: each is listed and told by itself, whatever becomes of the others."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest

from shared.clouds import assumed_roles
from shared.runtime.regions import REGIONS
from shared.workbench.bundle.timer_text import policy_text
from tests.cloud.identity.documents import account_trust
from tests.conftest import ACCOUNT, TAIR, House, result
from tests.rotation.fleet_world import PLAN, REDIS, TAIRS, fire, reports, sent, unusable
from tests.support import platform_events
from tests.support.other_accounts import HUB

ALL = "qcs::cam::uin/*:roleName/*,acs:ram::*:role/*"
TWO, THREE, FOUR = (f"qcs::cam::uin/20000000000{n}:roleName/keyturn" for n in (2, 3, 4))
TAIR_TWO = "acs:ram::2000000000000002:role/keyturn"


def account(cloud: Any, *owns: str, trusted: bool = True) -> dict[str, Any]:
    trust = {"trust": account_trust(cloud, HUB[cloud])} if trusted else {}
    return {"owns": owns, "roles": {"keyturn": trust}}


@pytest.fixture
def many(fleet_house: House) -> House:
    """Three accounts beside the functions' own: two with parts of the fleet, and one that trusts nobody."""
    assumed_roles._kept.clear()
    tencent = {
        "200000000002": account("tencent", "crs-fleet00[0-4]?", "redis-crs-fleet00[0-4]?-*"),
        "200000000003": account("tencent", "crs-fleet00[5-9]?", "redis-crs-fleet00[5-9]?-*"),
        "200000000004": account("tencent", trusted=False),
    }
    alibaba = {"2000000000000002": account("alibaba", "r-fleet*", "tair-r-fleet*")}
    fleet_house.cloud.reset(accounts={"tencent": tencent, "alibaba": alibaba})
    fleet_house.settings["KEYTURN_ASSUME"] = ALL
    return fleet_house


def run_places(house: House, platform: str = "scf", **how: Any) -> list[dict[str, Any]]:
    """Give plan_rotation what waits for it, as its queue would, until nothing does; the messages, in their order."""
    done: list[dict[str, Any]] = []
    while waiting := [one for one in sent(house, PLAN) if one not in done]:
        for message in waiting:
            event = platform_events.event(json.dumps(message), platform, "queue")
            house.deliver(PLAN, event, platform, **how)
            done.append(message)
    return done


def last_pages(house: House) -> dict[tuple[str | None, str], dict[str, Any]]:
    """The last page of each place's report, by role and region."""
    events = [one for one in house.results() if one["type"] == "keyturn.rotation.report" and one["data"]["Last"]]
    return {(one["data"]["Role"], one["source"].rpartition("/")[2]): one["data"] for one in events}


def test_a_policy_over_accounts_and_regions_is_listed_account_by_account_and_region_by_region(many: House) -> None:
    regions, roles = ["ap-guangzhou", "ap-singapore"], [TWO, THREE]
    policy = {name: value for name, value in REDIS.items() if name != "Region"}
    fired = fire(many, {**policy, "Regions": regions, "Roles": roles})
    assert fired.error is None
    places = run_places(many)
    assert sorted((one["data"]["Region"], one["data"]["Role"]) for one in places) == [
        (region, role) for region in regions for role in roles
    ]
    told = last_pages(many)
    assert {place: page["Listed"] for place, page in told.items()} == {
        (TWO, "ap-guangzhou"): 49,
        (THREE, "ap-guangzhou"): 50,
        (TWO, "ap-singapore"): 0,
        (THREE, "ap-singapore"): 0,
    }
    assert len({page["Firing"] for page in told.values()}) == 4
    commands = sent(many)
    assert len(commands) == sum(page["Sent"] for page in told.values()) > 0
    for command in commands:
        number = int(command["data"]["InstanceId"].removeprefix("crs-fleet"))
        assert command["data"]["Role"] == (TWO if number < 50 else THREE)
    (first, *_) = commands
    ended = result(many.send(ACCOUNT, first, trigger="queue"))
    assert (ended["Outcome"], ended["Role"]) == ("changed", first["data"]["Role"])


def test_forty_accounts_in_six_regions_are_one_policy_that_fits_a_timer(many: House) -> None:
    roles = [f"qcs::cam::uin/2000000001{n:02}:roleName/keyturn" for n in range(40)]
    regions = list(REGIONS["tencent"][:6])
    policy = {name: value for name, value in REDIS.items() if name not in ("Region", "Policy")}
    policy |= {"Regions": regions, "Roles": roles}
    assert policy_text("quarterly", policy)
    fire(many, {"Policy": "quarterly", **policy})
    places = sent(many, PLAN)
    assert {(one["data"]["Region"], one["data"]["Role"]) for one in places} == set(product(regions, roles))
    assert len({one["id"] for one in places}) == len({one["data"]["CommandId"] for one in places}) == 240
    assert not any({"Regions", "Roles"} & one["data"].keys() for one in places)


def test_one_account_s_failure_is_told_beside_the_others_success(many: House) -> None:
    fire(many, {**REDIS, "Roles": [FOUR, TWO]})
    run_places(many)
    told = last_pages(many)
    assert (told[TWO, "ap-guangzhou"]["Listed"], told[TWO, "ap-guangzhou"]["Error"]) == (49, None)
    failed = told[FOUR, "ap-guangzhou"]
    assert (failed["Listed"], failed["Error"]["Class"], failed["Error"]["Code"]) == (
        0,
        "forbidden",
        "UnauthorizedOperation",
    )
    assert {command["data"]["Role"] for command in sent(many)} == {TWO}


def test_a_role_that_the_setting_does_not_name_is_told_as_its_own_failure(many: House) -> None:
    many.settings["KEYTURN_ASSUME"] = TWO
    fire(many, {**REDIS, "Roles": [THREE, TWO]})
    run_places(many)
    told = last_pages(many)
    assert told[THREE, "ap-guangzhou"]["Error"]["Code"] == "RoleForbidden"
    assert told[TWO, "ap-guangzhou"]["Listed"] == 49


def test_sts_that_is_away_for_a_while_is_asked_again_by_a_later_message(many: House) -> None:
    many.cloud.faults([{"Action": "AssumeRole", "Fault": "throttle", "Times": 12}])
    fire(many, {**REDIS, "Roles": [TWO]})
    run_places(many, timeout_s=6.0)
    assert last_pages(many)[TWO, "ap-guangzhou"]["Listed"] == 49


def test_a_tair_fleet_of_another_account_has_its_ages_from_that_account_s_stores(many: House) -> None:
    fire(many, {**TAIRS, "Roles": [TAIR_TWO], "Mode": "report"}, platform="fc")
    run_places(many, "fc")
    page = last_pages(many)[TAIR_TWO, "cn-hangzhou"]
    assert (page["Listed"], page["Due"], page["Error"]) == (60, 4, None)
    rows = [row for told in reports(many) for row in told["Rows"]]
    assert all(row["AgeDays"] is not None for row in rows)
    assert sent(many, TAIR) == []


def test_a_firing_that_is_repeated_asks_for_the_same_places_and_changes(many: House) -> None:
    for _ in range(2):
        fire(many, {**REDIS, "Roles": [TWO]})
        run_places(many)
    assert len({one["id"] for one in sent(many, PLAN)}) == 1
    assert len({one["data"]["CommandId"] for one in sent(many)}) == last_pages(many)[TWO, "ap-guangzhou"]["Due"]


def test_a_place_that_the_queue_does_not_take_is_told(many: House, tmp_path: Any) -> None:
    many.settings["KEYTURN_COMMANDS"] = unusable(tmp_path)
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    many.send(PLAN, {**REDIS, "Roles": [TWO, THREE]}, headers={"traceparent": parent, "tracestate": "a=1"})
    pages = [one for one in many.results() if one["type"] == "keyturn.rotation.report"]
    assert {(one["traceparent"], one["tracestate"]) for one in pages} == {(parent, "a=1")}
    told = last_pages(many)
    assert {place: page["Error"]["Code"] for place, page in told.items()} == {
        (TWO, "ap-guangzhou"): "NotContinued",
        (THREE, "ap-guangzhou"): "NotContinued",
    }


def test_over_http_the_reply_says_that_others_go_on(many: House) -> None:
    body = many.send(PLAN, {**REDIS, "Regions": ["ap-guangzhou"], "Region": None}).body
    assert (body["Continues"], body["Rotation"]["Listed"]) == (True, 0)
    run_places(many)
    assert last_pages(many)[None, "ap-guangzhou"]["Listed"] == 51  # what is the functions' own account's


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"Roles": [TAIR_TWO]}, "Roles: must be of tencent"),
        ({"Role": TAIR_TWO}, "Role: must be of tencent"),
        ({"Roles": [TWO, TWO]}, "Roles: must not repeat a value"),
        ({"Roles": [TWO], "Role": THREE}, "Roles: must not repeat a value, and excludes Role"),
        ({"Regions": ["ap-guangzhou"]}, "Regions: must not repeat a value, and excludes Region"),
        ({"Regions": ["cn-hangzhou"], "Region": None}, "Regions: "),
        ({"Regions": [], "Region": None}, "Regions: "),
        ({"Roles": []}, "Roles: "),
        ({"Roles": ["keyturn"]}, "Roles"),
        ({"Role": TWO, "Store": "kms://redis-{resource}-{account}"}, "Store: with a role"),
    ],
)
def test_a_policy_whose_places_do_not_fit_is_refused_before_a_call(
    many: House, change: dict[str, Any], says: str
) -> None:
    error = result(many.send(PLAN, {**REDIS, **change}))["Error"]
    assert error["Class"] == "invalid_command"
    assert says in error["Message"]
    assert many.cloud.calls() == []


def test_several_places_need_a_commands_queue_even_for_a_report(many: House) -> None:
    del many.settings["KEYTURN_COMMANDS"]
    error = result(many.send(PLAN, {**REDIS, "Roles": [TWO], "Mode": "report"}))["Error"]
    assert (error["Class"], error["Code"]) == ("failed", "Settings")
