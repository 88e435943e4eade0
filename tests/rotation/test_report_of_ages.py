"""Where the ages of credentials come from, and what a report tells of them."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

from shared.runtime.times import parse_time
from shared.workbench.bundle.operations import rights
from tests.conftest import PASSWORD, REGISTRY, TAIR, House
from tests.rotation.fleet_world import REDIS, TAIRS, fire, reports, rows, sent


@pytest.fixture
def house(fleet_house: House) -> House:
    return fleet_house


def test_a_report_tells_every_age_and_sends_nothing(house: House) -> None:
    del house.settings["KEYTURN_COMMANDS"]
    returned = fire(house, {key: value for key, value in REDIS.items() if key != "Store"} | {"Mode": "report"})
    assert returned.error is None
    pages = reports(house)
    assert [page["Page"] for page in pages] == list(range(len(pages)))
    assert [page["Last"] for page in pages] == [*[False] * (len(pages) - 1), True]
    assert (pages[-1]["Listed"], pages[-1]["Due"], pages[-1]["Sent"], len(rows(house))) == (150, 5, 0, 150)
    assert house.commands() == []
    one = next(row for row in rows(house) if row["Due"])
    changed = parse_time(one["ChangedAt"])
    assert changed is not None
    age = (datetime.now(timezone.utc) - changed) / timedelta(days=1)
    assert one["AgeDays"] == pytest.approx(age, abs=0.01)
    assert "UTC+8" in pages[0]["Evidence"][0]


def test_a_report_of_many_rows_stays_below_what_a_queue_takes(house: House) -> None:
    fire(house, REDIS | {"Accounts": ["*"], "Mode": "report"})
    events = house.results()
    assert len(events) > 1
    assert all(len(json.dumps(event, ensure_ascii=False).encode()) < 48 * 1024 for event in events)
    assert sum(len(event["data"]["Rows"]) for event in events) == 300
    assert len({event["id"] for event in events}) == len(events)


def test_a_service_account_is_as_old_as_its_update_time(house: House) -> None:
    policy = REDIS | {"Function": REGISTRY, "Resources": {"Patterns": ["*"]}, "Accounts": ["*"]}
    fire(house, policy | {"Store": "ssm://{resource}-{account}"})
    (event,) = sent(house, REGISTRY)
    assert event["data"] == {
        "Region": "ap-guangzhou",
        "RegistryId": "tcr-old00001",
        "Name": "robot",
        "Random": False,
        "Password": {"Generate": {"Length": 20}},
        "Deliver": {"Store": "ssm://tcr-old00001-robot"},
        "CommandId": event["data"]["CommandId"],
        "Reason": "policy quarterly",
    }
    assert reports(house)[0]["NotDue"] == 1


@pytest.mark.parametrize("unit", ["seconds", "milliseconds"])
@pytest.mark.parametrize(
    ("shown", "word"),
    [({"disabled": True}, "disabled"), ({"expires_at": 1_700_000_000_000}, "expired"), ({"expires_at": -1}, None)],
)
def test_a_service_account_that_is_not_in_use_gets_no_command(
    house: House, shown: dict[str, object], word: str | None, unit: str
) -> None:
    robot = {"password": "Robot-Passw0rd1", "password_age_days": 100} | shown
    house.cloud.reset(expires_in=unit, tcr={"tcr-old00001": {"accounts": {"robot": robot}}})
    policy = REDIS | {"Function": REGISTRY, "Resources": {"Patterns": ["*"]}, "Accounts": ["robot"]}
    fire(house, policy | {"Store": "ssm://{resource}-{account}"})
    (page,) = reports(house)
    counted = (page["Listed"], page["Due"], page["Sent"], page["NotDue"], len(sent(house, REGISTRY)))
    assert counted == ((1, 0, 0, 1, 0) if word else (1, 1, 1, 0, 1))
    (row,) = page["Rows"]
    assert row["Why"] == (f"not in use ({word}): no command is sent until it is" if word else "older than 90 days")


def test_an_instances_password_is_changed_with_the_old_one_from_the_store(house: House) -> None:
    policy = {key: value for key, value in REDIS.items() if key != "Accounts"}
    fire(house, policy | {"Function": PASSWORD, "Store": "ssm://redis-{resource}-root", "Login": True})
    events = sent(house, PASSWORD)
    assert len(events) == 5
    data = events[0]["data"]
    store = f"ssm://redis-{data['InstanceId']}-root"
    assert (data["OldPassword"], data["Deliver"], data["Login"]) == ({"SecretRef": store}, {"Store": store}, True)
    assert events[0]["subject"].endswith("/root")


def test_where_the_cloud_shows_no_age_the_stores_current_version_tells_it(house: House) -> None:
    fire(house, TAIRS, platform="fc")
    (page,) = reports(house)
    assert (page["Listed"], page["Due"], page["Sent"], page["NotDue"], page["Unknown"]) == (61, 4, 4, 56, 1)
    (unknown,) = [row for row in page["Rows"] if not row["Due"]]
    assert (unknown["Resource"], unknown["AgeDays"]) == ("r-nostore01", None)
    assert unknown["Why"].startswith("no age: the cloud shows none, and kms://tair-r-nostore01-app answers ")
    data = sent(house, TAIR)[0]["data"]
    assert data["OldAccountPassword"] == {"SecretRef": f"kms://tair-{data['InstanceId']}-app"}


def test_the_age_of_an_ssm_secret_is_known_until_its_first_promotion(house: House) -> None:
    one = TAIRS | {"Resources": {"Patterns": ["r-fleet0001"]}}
    fire(house, one | {"Store": "ssm://redis-crs-fleet0150-app"})  # on SCF, where that store is at hand
    fire(house, one | {"Store": "ssm://promoted"}, name="later")
    known, unknown = rows(house)
    assert (known["AgeDays"], known["Due"]) == (pytest.approx(200, abs=0.1), True)
    assert (unknown["AgeDays"], unknown["Due"]) == (None, False)
    assert unknown["Why"] == "no age: the cloud shows none, and neither does the store"


def test_it_calls_what_its_rights_say_and_nothing_else(house: House) -> None:
    anything = {"Patterns": ["*"]}
    fire(house, REDIS)
    fire(house, REDIS | {"Function": REGISTRY, "Resources": anything, "Store": "ssm://{resource}-{account}"})
    fire(house, TAIRS, platform="fc")
    fire(house, TAIRS | {"Resources": {"Patterns": ["r-fleet0001"]}, "Store": "ssm://promoted"})
    services = {"redis": "redis", "tcr": "tcr", "r-kvstore": "kvstore", "ssm": "ssm", "kms": "kms"}
    called = {f"{services[call['Host'].partition('.')[0]]}:{call['Action']}" for call in house.cloud.calls()}
    assert called == set(rights("plan_rotation"))


def test_of_two_accounts_in_turn_the_younger_tells_the_age(house: House) -> None:
    pair = {key: value for key, value in REDIS.items() if key != "Accounts"} | {
        "Resources": {"Patterns": ["crs-pair*"]},
        "Alternate": ["app_a", "app_b"],
        "Store": "ssm://redis-{resource}",
    }
    fire(house, pair | {"MaxAgeDays": 150})
    assert sent(house) == []
    fire(house, pair, name="later")
    (event,) = sent(house)
    assert event["data"]["Alternate"] == ["app_a", "app_b"]
    assert "AccountName" not in event["data"]
    assert (event["subject"], event["data"]["Deliver"]) == (
        "redis/crs-pair0001/-",
        {"Store": "ssm://redis-crs-pair0001"},
    )
    assert rows(house)[0]["AgeDays"] == pytest.approx(100, abs=0.1)
    fire(house, pair | {"Alternate": ["app_a", "app_c"]}, name="wrong")
    assert rows(house)[-1]["Why"] == "no age: one of the two accounts is not on this resource"
