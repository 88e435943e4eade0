"""Commands of one instance or registry in one event: what each reads before its call, and what may serve several."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import call_tencent
from tests.conftest import ACCOUNT, REGISTRY, TAIR, House
from tests.support import platform_events
from tests.support.commands import ACTION

MANY, WIDE, OTHER = "crs-many0001", "crs-wide0001", "crs-other0001"
REGION = {"Region": "ap-guangzhou"}
KEYS = {"tencent": "AKIDSTANDIN", "alibaba": "LTAISTANDIN"}
KEY = 'key = "standin-secret-key"\ntoken = "standin-session-token"\n'


def _world() -> str:
    def accounts(kind: str, resource: str, names: list[str]) -> str:
        rows = "\n".join(f'{name} = {{ password = "Old-Passw0rd1" }}' for name in names)
        return f'[{kind}.{resource}]\nregion = "ap-guangzhou"\nlazy = true\n[{kind}.{resource}.accounts]\n{rows}\n'

    few = [f"a{number}" for number in range(5)]
    return "".join(
        [
            "task_s = 0.2\nrate = 1000\n",
            *(f'[credentials.{cloud}]\nid = "{key}"\n{KEY}' for cloud, key in KEYS.items()),
            *(accounts("redis", name, ["root", *few]) for name in (MANY, OTHER)),
            accounts("redis", WIDE, ["root", *(f"w{number:03}" for number in range(150))]),
            accounts("tcr", "tcr-many0001", few).replace("lazy = true\n", ""),
            accounts("tcr", "tcr-wide0001", [f"w{number:03}" for number in range(103)]).replace("lazy = true\n", ""),
            accounts("tair", "r-many0001", few).replace("ap-guangzhou", "cn-hangzhou"),
        ]
    )


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standin]:
    world = tmp_path_factory.mktemp("many") / "world.toml"
    world.write_text(_world())
    with Standin(world) as running:
        yield running


@pytest.fixture
def house(many: Standin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    many.reset()
    made = House(many, tmp_path, monkeypatch)
    made.settings["KEYTURN_RATE"] = "1000"
    return made


def command(account: str, instance: str = MANY, **more: Any) -> dict[str, Any]:
    return {**REGION, "InstanceId": instance, "AccountName": account, "AccountPassword": "New-Passw0rd1", **more}


def robot(name: str, registry: str = "tcr-many0001", **more: Any) -> dict[str, Any]:
    return {**REGION, "RegistryId": registry, "Name": name, "Random": False, "Password": "NewPassw0rd1", **more}


def send(house: House, *commands: dict[str, Any], function: str = ACCOUNT, timeout_s: float = 30.0) -> list[str]:
    """The outcomes, in the order of the commands."""
    before = len(house.results())
    returned = house.deliver(
        function, platform_events.batch([json.dumps(one) for one in commands]), timeout_s=timeout_s
    )
    assert returned.error is None
    told = {event["data"]["CommandId"]: event["data"]["Outcome"] for event in house.results()[before:]}
    return [told[f"t-0-{offset}"] for offset in range(len(commands))]


def calls(house: House) -> Counter[str]:
    return Counter(call["Action"] for call in house.cloud.calls())


def reads(house: House) -> int:
    return calls(house)["DescribeInstanceAccount"]


# --- Redis: what was read for one command serves no other


def test_each_change_reads_its_own_account_after_the_tasks(house: House) -> None:
    names = ["root", "a0", "a1"]
    assert send(house, *map(command, names)) == ["changed"] * 3
    assert calls(house) == Counter(
        DescribeInstanceAccount=3, DescribeTaskList=3, ModifyInstanceAccount=3, DescribeTaskInfo=3
    )
    assert all(house.accepts(MANY, name, "New-Passw0rd1") for name in names)


def by_hand(house: House, at: str, then: Callable[[], None]) -> threading.Thread:
    """Someone who acts once the cloud has seen so many calls."""

    def watch() -> None:
        action, _, number = at.partition(" ")
        while calls(house)[action] < int(number):
            pass
        then()

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


@pytest.mark.parametrize("late_s", [0.0, 0.42])
def test_a_right_that_was_revoked_since_another_s_change_is_not_given_back(house: House, late_s: float) -> None:
    """The list of tasks is late evenly: it shows our own task of before, and not yet the person's."""
    house.cloud.reset(task_s=0.05, task_listed_after_s=late_s)

    def revoke() -> None:
        time.sleep(0.2)
        call_tencent(house.cloud, "ModifyInstanceAccount", {"InstanceId": MANY, "AccountName": "a1", "Privilege": "r"})

    person = by_hand(house, "ModifyInstanceAccount 1", revoke)
    assert send(house, command("a0"), command("a1")) == ["changed", "changed"]
    person.join()
    shown = call_tencent(house.cloud, "DescribeInstanceAccount", {"InstanceId": MANY, "Limit": 20, "Offset": 0})
    assert {one["AccountName"]: one["Privilege"] for one in shown["Accounts"]}["a1"] == "r"


def test_a_time_that_a_person_moved_before_a_lost_call_proves_nothing(house: House) -> None:
    house.cloud.reset(task_s=0.05, task_listed_after_s=0.5)

    def change_and_lose() -> None:
        time.sleep(0.1)
        house.cloud.change_by_hand("redis", MANY, "a1", "By-Hand-Passw0rd1")
        house.cloud.faults([{"Action": ACTION[ACCOUNT], "Fault": "drop_before", "Times": 9}])

    person = by_hand(house, "ModifyInstanceAccount 1", change_and_lose)
    told = send(house, command("a0"), command("a1"), timeout_s=15.0)
    person.join()
    assert house.accepts(MANY, "a1", "By-Hand-Passw0rd1")
    assert told == ["changed", "unknown"]


def test_what_a_person_changes_meanwhile_is_read(house: House) -> None:
    """The time of before is compared with later ones: of a change by hand it is the time of after."""
    person = by_hand(
        house, "ModifyInstanceAccount 1", lambda: house.cloud.change_by_hand("redis", MANY, "a1", "By-Hand-Passw0rd1")
    )
    assert send(house, command("a0"), command("a1")) == ["changed", "changed"]
    person.join()
    assert reads(house) == 2


# --- registries, and Tair


def test_one_page_serves_the_service_accounts_of_a_registry(house: House) -> None:
    names = ["a0", "a1", "tcr$a2", "a3"]
    assert send(house, *map(robot, names), function=REGISTRY) == ["changed"] * 4
    assert calls(house) == Counter(DescribeServiceAccounts=1, ModifyServiceAccountPassword=4)


def test_a_service_account_to_which_a_change_was_sent_is_read_anew(house: House) -> None:
    again = robot("a0", Password="NewPassw0rd2")
    assert send(house, robot("a0"), again, robot("a1"), function=REGISTRY) == ["changed"] * 3
    assert calls(house)["DescribeServiceAccounts"] == 2


def test_a_service_account_of_a_later_page_is_asked_for_by_its_name(house: House) -> None:
    names = ["w000", "w101", "w102", "w001"]
    assert send(house, *(robot(name, "tcr-wide0001") for name in names), function=REGISTRY) == ["changed"] * 4
    assert calls(house)["DescribeServiceAccounts"] == 3


def test_a_single_command_asks_for_its_own_service_account_alone(house: House) -> None:
    assert send(house, robot("w102", "tcr-wide0001"), function=REGISTRY) == ["changed"]
    assert calls(house)["DescribeServiceAccounts"] == 1


def test_a_change_of_a_tair_account_looks_at_none_before_its_call(house: House) -> None:
    names = [f"a{number}" for number in range(3)]
    turns = [
        {"Region": "cn-hangzhou", "InstanceId": "r-many0001", "AccountName": name}
        | {"OldAccountPassword": "Old-Passw0rd1", "NewAccountPassword": "New-Passw0rd1"}
        for name in names
    ]
    event = [json.loads(platform_events.event(one, "fc", "queue", name=f"m-{n}"))[0] for n, one in enumerate(turns)]
    assert house.deliver(TAIR, json.dumps(event).encode(), "fc").error is None
    assert [one["data"]["Outcome"] for one in house.results()] == ["changed"] * 3
    made = [call["Action"] for call in house.cloud.calls()]
    assert made[0] == "ModifyAccountPassword"


# --- threads


def test_a_batch_that_calls_nobody_starts_no_thread(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading.Thread, "start", lambda _: pytest.fail("a thread with nothing to do"))
    del house.settings["KEYTURN_RESULTS"]
    returned = house.send(ACCOUNT, [command("a0", f"crs-no{number:06}", Unknown=1) for number in range(40)])
    assert returned.error is None
    assert len(returned.body["Results"]) == 40
    assert calls(house) == Counter()
