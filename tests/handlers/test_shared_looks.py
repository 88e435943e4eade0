"""Commands of one instance in one event: one read of its accounts, unless something may have changed since."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cloud.client.standin import Standin
from tests.conftest import ACCOUNT, PASSWORD, REGISTRY, TAIR, House
from tests.support import platform_events
from tests.support.commands import ACTION
from tests.support.other_accounts import TENCENT_ROLE, two_accounts

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


def test_one_read_serves_a_change_of_each_account(house: House) -> None:
    names = ["root", "a0", "a1", "a2", "a3", "a4"]
    assert send(house, *map(command, names)) == ["changed"] * 6
    assert calls(house) == Counter(
        DescribeInstanceAccount=1, DescribeTaskList=6, ModifyInstanceAccount=6, DescribeTaskInfo=6
    )
    assert all(house.accepts(MANY, name, "New-Passw0rd1") for name in names)


def test_each_instance_is_read_and_each_event_reads(house: House) -> None:
    names = [("a0", MANY), ("a0", OTHER), ("a1", MANY), ("a1", OTHER)]
    assert send(house, *(command(*one) for one in names)) == ["changed"] * 4
    assert reads(house) == 2
    assert send(house, command("a2"), command("a3")) == ["changed"] * 2
    assert reads(house) == 3


def test_commands_that_begin_no_task_do_not_share_it(house: House) -> None:
    """Nothing would show that the list of tasks, on which a shared read rests, is not late."""
    dry = [command(name, DryRun=True) for name in ("root", "a0", "a1")]
    assert send(house, *dry) == ["would_change"] * 3
    assert reads(house) == 3


def test_a_change_behind_a_dry_run_reads_anew(house: House) -> None:
    turn = {**REGION, "InstanceId": MANY, "OldPassword": "Old-Passw0rd1", "Password": "New-Passw0rd1"}
    assert send(house, turn | {"DryRun": True}, turn, function=PASSWORD) == ["would_change", "changed"]
    assert reads(house) == 2


def test_an_account_to_which_a_change_was_sent_is_read_anew_and_serves_the_others(house: House) -> None:
    again = command("a0", AccountPassword="New-Passw0rd2")
    assert send(house, command("a0"), command("a1"), again, command("a2")) == ["changed"] * 4
    assert reads(house) == 2


@pytest.mark.parametrize("fault", ["drop_after", "drop_before"])
def test_what_was_read_before_a_lost_call_serves_nobody_behind_it(house: House, fault: str) -> None:
    house.cloud.faults([{"Action": ACTION[ACCOUNT], "Fault": fault, "Times": 1}])
    assert send(house, *map(command, ("a0", "a1", "a2"))) == ["changed"] * 3
    made = [call["Action"] for call in house.cloud.calls()]
    lost, repeated, *others = [place for place, action in enumerate(made) if action == ACTION[ACCOUNT]]
    assert "DescribeInstanceAccount" in made[lost:repeated], "the change was repeated without a look"
    assert "DescribeInstanceAccount" not in made[repeated:], "what was read after the lost call is good enough"
    assert len(others) == 2


def test_an_account_whose_change_ended_unknown_is_read_anew(house: House) -> None:
    house.cloud.faults([{"Action": ACTION[ACCOUNT], "Fault": "code", "Code": "InternalError", "Times": 3}])
    first, second = command("a0"), command("a0", AccountPassword="New-Passw0rd2")
    told = send(house, first, second, timeout_s=40.0)
    assert told == ["unknown", "changed"]
    *earlier, last = [call["Action"] for call in house.cloud.calls() if "Account" in call["Action"]][:-1]
    assert last == "DescribeInstanceAccount", earlier


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


def test_what_a_person_changes_meanwhile_is_read(house: House) -> None:
    """The time of before is compared with later ones: of a change by hand it is the time of after."""
    person = by_hand(
        house, "ModifyInstanceAccount 1", lambda: house.cloud.change_by_hand("redis", MANY, "a1", "By-Hand-Passw0rd1")
    )
    assert send(house, command("a0"), command("a1")) == ["changed", "changed"]
    person.join()
    assert reads(house) == 2


@pytest.mark.parametrize("asked", [{"AccountPassword": "New-Passw0rd1", "Remark": "r"}, {"Remark": "r"}])
def test_a_command_does_not_end_by_what_was_read_for_another(house: House, asked: dict[str, Any]) -> None:
    """`already_changed` says what is so at its own time."""
    assert send(house, {**REGION, "InstanceId": MANY, "AccountName": "a1", "Remark": "r"}) == ["changed"]
    before = reads(house)
    told = send(house, command("a0"), {**REGION, "InstanceId": MANY, "AccountName": "a1", **asked})
    assert told == ["changed", "changed" if len(asked) > 1 else "already_changed"]
    assert reads(house) == before + 2


def test_an_account_that_is_not_there_is_looked_for_anew(house: House) -> None:
    assert send(house, command("a0"), command("nobody"), command("a1")) == ["changed", "not_changed", "changed"]
    assert reads(house) == 3


def test_a_list_of_tasks_that_lags_proves_nothing_of_others(house: House) -> None:
    house.cloud.reset(task_listed_after_s=5.0)
    assert send(house, command("a0"), command("a1")) == ["changed", "changed"]
    assert reads(house) == 2


def test_pages_are_read_once_and_only_as_far_as_an_account_stands(house: House) -> None:
    assert send(house, *(command(name, WIDE) for name in ("root", "w120", "w121", "w001"))) == ["changed"] * 4
    assert reads(house) == 2


def test_each_is_told_what_the_read_was_refused_with(house: House) -> None:
    house.cloud.reset(deny=["DescribeInstanceAccount"])
    assert send(house, *map(command, ("a0", "a1", "a2"))) == ["not_changed"] * 3
    errors = [event["data"]["Error"] for event in house.results()]
    assert {(one["Class"], one["Code"]) for one in errors} == {("forbidden", "UnauthorizedOperation.NoCAMAuthed")}
    assert calls(house)["ModifyInstanceAccount"] == 0


def test_a_read_that_failed_is_made_again_for_the_next(house: House) -> None:
    house.cloud.faults(
        [{"Action": "DescribeInstanceAccount", "Fault": "code", "Code": "UnauthorizedOperation", "Times": 1}]
    )
    assert send(house, *map(command, ("a0", "a1", "a2"))) == ["not_changed", "changed", "changed"]
    assert reads(house) == 2


def test_what_one_account_s_role_has_read_serves_no_other(house: House) -> None:
    house.cloud.reset(**two_accounts(MANY))
    house.settings["KEYTURN_ASSUME"] = TENCENT_ROLE
    role = {"Role": TENCENT_ROLE}
    told = send(house, command("a0", **role), command("a1"), command("a2", **role), command("a3"))
    assert told == ["changed", "not_changed", "changed", "not_changed"]
    assert reads(house) == 3  # one by the role; the account that has no such instance is told so each time


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
