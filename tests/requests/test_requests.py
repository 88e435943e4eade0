"""What keyturn and its deployer send is what the fixtures say: a change of a request is seen and is meant."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import call_tencent
from tests.conftest import House
from tests.requests import fixtures
from tests.requests.scenarios import SCENARIOS


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.__name__)
def test_each_request_has_a_fixture_and_each_fixture_a_request(
    house: House, tmp_path: Path, scenario: Callable[[House, Path], None]
) -> None:
    house.cloud.record_requests()
    scenario(house, tmp_path)
    recorded = house.cloud.recorded_requests()
    house.cloud.reset()
    name = scenario.__name__
    if os.environ.get("KEYTURN_RECORD"):
        fixtures.write_fixtures(name, recorded)
    if told := fixtures.differences(fixtures.made_by(name), recorded):
        pytest.fail("\n".join([*told, f"if that is meant: {fixtures.RECORD}"]), pytrace=False)


def test_nothing_is_kept_until_it_is_asked_for_and_never_a_value() -> None:
    turn = {"InstanceId": "crs-demo0001", "OldPassword": "Old-Passw0rd", "Password": "New-Passw0rd"}
    asked = {"InstanceId": "crs-demo0001", "Limit": 20, "Offset": 0}
    with Standin() as apart:
        call_tencent(apart, "ModifyInstancePassword", turn)
        assert apart.recorded_requests() == []
        apart.record_requests()
        for _ in range(2):
            call_tencent(apart, "DescribeInstanceAccount", asked)
        (kept,) = apart.recorded_requests()
    assert kept == {
        "cloud": "tencent",
        "service": "redis",
        "version": "2018-04-12",
        "action": "DescribeInstanceAccount",
        "method": "POST",
        "host": "redis.tencentcloudapi.com",
        "path": "/",
        "query": {},
        "json": {"InstanceId": "string", "Limit": "integer", "Offset": "integer"},
    }


def test_every_fixture_belongs_to_a_scenario() -> None:
    known = {one.__name__ for one in SCENARIOS}
    assert {name for name, one in fixtures.read_fixtures().items() if not known >= {*one["scenarios"]}} == set()


def test_what_differs_is_told_by_its_whole_shape() -> None:
    kept, sent = {"action": "A", "json": {"B": "string"}}, {"action": "A", "json": {"B": "integer"}}
    assert fixtures.differences([kept], [kept]) == []
    assert fixtures.differences([kept], [sent]) == [
        'new: {"action": "A", "json": {"B": "integer"}}',
        'no longer sent: {"action": "A", "json": {"B": "string"}}',
    ]
