"""Whatever time a cloud shows for one account, the others of a firing are dealt with."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from shared.clouds.alibaba import kms
from shared.clouds.tencent.fleet import RedisFleet, RegistryFleet
from shared.handlers import follow_message
from shared.handlers.rotation import PlanRotationHandler
from shared.rotation.fleet import Account, moment_at, moment_of
from shared.runtime.cloud_access import CloudAccess
from shared.runtime.times import parse_time
from shared.workbench.bundle.operations import operations
from tests.cloud.invocation.bootstrap import invocation_context
from tests.cloud.invocation.runtime import role_keys
from tests.conftest import ACCOUNT, House
from tests.support import platform_events
from tests.support.answering_server import answering

CHINA = timezone(timedelta(hours=8))
ODD: list[Any] = [
    "0001-01-01 00:00:00",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "0000-00-00 00:00:00",
    "1970-01-01 08:00:00",
    "2026-02-30 00:00:00",
    "2026-01-01 25:00:00",
    "99999-01-01",
    "-1",
    "",
    " ",
    "yesterday",
    "\ud800",
    "2026-01-01T00:00:00+99:99",
    "٢٠٢٦-01-01 00:00:00",
    None,
    0,
    {},
    [],
]


@pytest.mark.parametrize("text", ODD)
def test_a_time_that_nobody_can_mean_is_none(text: object) -> None:
    assert moment_of(text, CHINA) is None


@pytest.mark.parametrize("seconds", [None, "1", 0, -1, 1e300, float("nan"), float("inf"), -62135596800, 10**40, {}])
def test_seconds_that_nobody_can_mean_are_none(seconds: object) -> None:
    assert moment_at(seconds) is None


def test_a_time_is_read_in_its_zone() -> None:
    noon = datetime(2026, 1, 1, 4, tzinfo=timezone.utc)
    assert moment_of("2026-01-01 12:00:00", CHINA) == moment_of("2026-01-01T04:00:00Z", CHINA) == noon
    assert moment_at(noon.timestamp()) == noon


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-01:00"])
def test_a_time_at_the_end_of_all_times_is_none(text: str) -> None:
    assert parse_time(text) is None


@pytest.mark.parametrize("digits", [1, 2, 3, 4, 6, 7, 9, 30, 300])
def test_a_time_is_read_with_any_number_of_digits(digits: int) -> None:
    fraction = ("123456789" * 40)[:digits]
    at = datetime(2026, 1, 1, 4, 0, 0, int(fraction[:6].ljust(6, "0")), timezone.utc)
    assert moment_of(f"2026-01-01 12:00:00.{fraction}", CHINA) == at
    assert parse_time(f"2026-01-01T04:00:00.{fraction}z") == at
    assert kms._seconds(f"2026-01-01T04:00:00.{fraction}Z") == at.timestamp()
    assert follow_message.seconds(f"2026-01-01T12:00:00.{fraction}+08:00") == at.timestamp()


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1969-12-31T23:59:59.9Z", "0"])
def test_a_zero_time_is_no_age_of_a_stores_version(text: str) -> None:
    assert kms._seconds(text) == 0.0


def test_a_time_days_ahead_is_reported_and_is_no_age(house: House) -> None:
    now = datetime.now(CHINA)
    accounts = {
        name: {"modified_time": f"{now + timedelta(hours=hours):%Y-%m-%d %H:%M:%S}"}
        for name, hours in (("app", 12), ("root", 73))
    }
    house.cloud.reset(redis={"crs-demo0001": {"accounts": accounts}})
    resources = {"Patterns": ["crs-demo0001"]}
    policy: dict[str, Any] = {"Policy": "p", "Function": ACCOUNT, "Region": "ap-guangzhou", "Resources": resources}
    policy |= {"Accounts": ["*"], "MaxAgeDays": 90, "Store": "ssm://redis-{resource}-{account}"}
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    house.deliver("plan_rotation", platform_events.event(policy, "scf", "timer"))
    (page,) = [event["data"] for event in house.results()]
    assert (page["Listed"], page["NotDue"], page["Unknown"], page["Sent"]) == (2, 1, 1, 0)
    told = {row["Account"]: row["Why"] for row in page["Rows"]}
    assert told == {"root": "no age: its last change is 3 days in the future"}


@pytest.mark.parametrize("fleet", [RedisFleet, RegistryFleet])
def test_an_odd_time_costs_one_account_its_age_and_no_other(fleet: Any) -> None:
    redis = [{"AccountName": f"a{n}", "PasswordLastModifiedTime": odd} for n, odd in enumerate(ODD)]
    tcr = [{"Name": f"tcr$a{n}", "UpdateTime": odd} for n, odd in enumerate(ODD)]
    redis.append({"AccountName": "good", "PasswordLastModifiedTime": "2026-01-01 12:00:00"})
    tcr.append({"Name": "tcr$good", "UpdateTime": "2026-01-01T12:00:00+08:00"})
    body = {"Response": {"Accounts": redis, "ServiceAccounts": tcr, "TotalCount": len(redis), "RequestId": "r"}}
    with answering(200, body) as access:
        accounts = fleet(access, "ap-guangzhou").accounts("x-1")
    assert {one.name for one in accounts if one.changed_at is not None} == {"good"}
    assert len(accounts) == len(ODD) + 1


class _WithOddTime(RedisFleet):
    """The stand-in's instances; each begins with an account whose time is the first of all days."""

    def accounts(self, resource: str) -> list[Account]:
        text = "0001-01-01 00:00:00"
        return [Account("odd", text, moment_of(text, CHINA)), *super().accounts(resource)]


def test_one_account_of_the_first_of_all_days_ends_no_firing(house: House) -> None:
    def fleet(access: CloudAccess, region: str) -> _WithOddTime:
        return _WithOddTime(access, region)

    declared = operations()[ACCOUNT]
    assert declared.rotation is not None
    odd = replace(declared, rotation=replace(declared.rotation, fleet=fleet))
    handler = PlanRotationHandler(load=lambda _: odd)
    policy = {
        "Policy": "p",
        "Function": ACCOUNT,
        "Region": "ap-guangzhou",
        "Resources": {"Patterns": ["*"]},
        "Accounts": ["*"],
        "MaxAgeDays": 90,
        "Mode": "report",
    }
    with house.environment("plan_rotation", "scf") as patch:
        context = invocation_context("scf", "plan_rotation", 20.0, role_keys("scf"), patch.setenv)
        handler(platform_events.event(policy, "scf", "timer"), context)
    (report,) = [event["data"] for event in house.results() if event["type"] == "keyturn.rotation.report"]
    ages = {(row["Resource"], row["Account"]): row["AgeDays"] for row in report["Rows"]}
    assert report["Last"], json.dumps(report)
    assert ages["crs-demo0001", "odd"] is None
    assert ages["crs-demo0001", "app"] is not None
