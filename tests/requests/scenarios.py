"""Everything that keyturn and its deployer may send: the shortest way to each kind of request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from shared.handlers.adapters import open_inbox, open_queue
from shared.queues.port import QueueMessage
from shared.workbench.bundle.description import DeadLetter, Destinations, FunctionSpec, Logs, TimerTrigger
from tests.cloud.client.inboxes import queue_access
from tests.conftest import ACCOUNT, PASSWORD, REGISTRY, TAIR, House, result
from tests.rotation.fleet_world import fire
from tests.support import stored_commands
from tests.support.hello_function import write_zip
from tests.support.stored_commands import KEPT
from tests.workbench.deploy_site import PLATFORMS, Site

REDIS, TAIR_APP = {"InstanceId": "crs-demo0001"}, {"InstanceId": "r-demo0001", "AccountName": "app"}
ABROAD = {"InstanceId": "crs-demo0002", "Region": "ap-singapore", "Site": "intl"}
FINANCE = {"InstanceId": "crs-demo0003", "Region": "ap-shanghai-fsi"}
TURN = {"OldPassword": "Old-Passw0rd", "Password": "New-Passw0rd1"}
RIGHTS = {"Privilege": "rw", "ReadonlyPolicy": ["master", "replication"], "Remark": "orders"}
APP = {"AccountName": "app", "AccountPassword": "New-Passw0rd1"}
TAIR_TURN = {"OldAccountPassword": "Tair-Passw0rd", "NewAccountPassword": "New-Passw0rd1"}
ROBOT = {"RegistryId": "tcr-demo0001", "Name": "robot", "Random": True}
COMMANDS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (ACCOUNT, {**REDIS, **APP, **RIGHTS, "Login": True}, {}),
    (ACCOUNT, {**REDIS, **APP, "EncryptPassword": True}, {}),
    (ACCOUNT, {**REDIS, "AccountName": "app", "Remark": "another"}, {}),
    (ACCOUNT, {**REDIS, "AccountName": "root", "NoAuth": True}, {}),
    (ACCOUNT, {**REDIS, **APP, **RIGHTS, "AccountName": "root", "NoAuth": False, "Privilege": None}, {}),
    (ACCOUNT, {**ABROAD, **APP, "Login": True}, {}),
    (PASSWORD, {**REDIS, **TURN, "DryRun": True}, {}),
    (PASSWORD, {**REDIS, **TURN, "Login": True}, {}),
    (PASSWORD, {**REDIS, **TURN}, {"unknown_actions": ["ModfiyInstancePassword"]}),
    (PASSWORD, {**ABROAD, **TURN}, {}),
    (PASSWORD, {**ABROAD, **TURN}, {"unknown_actions": ["ModifyInstancePassword"]}),
    (PASSWORD, {**FINANCE, **TURN}, {}),
    (REGISTRY, ROBOT, {}),
    (REGISTRY, {**ROBOT, "Random": False, "Password": "NewPass123", "Login": True}, {}),
    (TAIR, {**TAIR_APP, **TAIR_TURN, "DryRun": True}, {}),
    (TAIR, {**TAIR_APP, **TAIR_TURN, "Login": True}, {}),
]
POLICIES: list[dict[str, Any]] = [
    {"Function": ACCOUNT, "Resources": {"Patterns": ["crs-*"]}, "Store": "ssm://redis-{resource}-{account}"},
    {"Function": ACCOUNT, "Resources": {"Tags": {"env": "prod"}}, "Store": "ssm://redis-{resource}-{account}"},
    {"Function": REGISTRY, "Resources": {"Patterns": ["tcr-*"]}, "Store": "ssm://{resource}-{account}"},
    {"Function": TAIR, "Resources": {"Patterns": ["r-*"]}, "Store": "kms://tair-{resource}-{account}"},
    {"Function": TAIR, "Resources": {"Tags": {"env": "prod"}}, "Store": "kms://tair-{resource}-{account}"},
]
QUEUES = (
    "ckafka://ap-guangzhou/datahub-demo01",
    "smq://1000000000000001.mns.cn-hangzhou.aliyuncs.com/keyturn-results",
)
REGIONS = {ACCOUNT: "ap-guangzhou", PASSWORD: "ap-guangzhou", REGISTRY: "ap-guangzhou", TAIR: "cn-hangzhou"}

CHANGES = {
    ACCOUNT: "ModifyInstanceAccount",
    PASSWORD: "ModfiyInstancePassword",
    REGISTRY: "ModifyServiceAccountPassword",
    TAIR: "ModifyAccountPassword",
}


def change_each_way(house: House, folder: Path) -> None:
    """Each operation with every optional field, at each kind of host."""
    house.settings |= {"KEYTURN_ALLOW_NOAUTH": "1", "KEYTURN_REPLY": "on"}
    for function, command, world in COMMANDS:
        house.cloud.reset(task_s=0.02, settle_s=0.02, rate=1000, **world)
        given = {name: value for name, value in command.items() if value is not None}
        told = result(house.send(function, {"Region": REGIONS[function], **given}))
        assert told["Outcome"] in ("changed", "would_change"), (function, told)


def keep_in_stores(house: House, folder: Path) -> None:
    """Each operation's made secret in its store: written ahead, put in force, made current, or withdrawn."""
    for function in KEPT:
        house.cloud.reset(task_s=0.02, settle_s=0.02, rate=1000)
        stored_commands.send(house, function, stored_commands.stored_command(function, "first"))
        stored_commands.send(house, function, stored_commands.stored_command(function, "second"))
        house.cloud.faults([{"Action": CHANGES[function], "Fault": "lock"}])
        stored_commands.send(house, function, stored_commands.stored_command(function, "third"))


def fill_a_store(house: House, folder: Path) -> None:
    """As many made secrets as SSM keeps versions, so that old ones have to go."""
    house.cloud.reset(rate=1000)
    for number in range(10):
        house.cloud.advance(24 * 3600)
        stored_commands.send(house, REGISTRY, stored_commands.stored_command(REGISTRY, f"c-{number}"))
        if any(call["Action"] == "DeleteSecretVersion" for call in house.cloud.calls()):
            return
    raise AssertionError("no version went")


def lose_answers(house: House, folder: Path) -> None:
    """Changes whose answers are lost, so that what happened has to be found out."""
    for function, action in CHANGES.items():
        house.cloud.reset(task_s=0.02, settle_s=0.02, rate=1000)
        house.cloud.faults([{"Action": action, "Fault": "drop_after"}])
        stored_commands.send(house, function, stored_commands.stored_command(function, "lost"))


def follow_changes(house: House, folder: Path) -> None:
    """A change of each cloud that outlasts its invocation, followed to its end."""
    for function in (ACCOUNT, TAIR):
        house.cloud.reset(task_s=5.0, settle_s=5.0, rate=1000)
        house.commands_url = f"sqlite://{folder}/{function}.db"
        house.settings |= {"KEYTURN_COMMANDS": house.commands_url}
        stored_commands.send(house, function, stored_commands.stored_command(function, "late"), timeout_s=6.0)
        assert stored_commands.follow_to_the_end(house), function


def plan_rotations(house: House, folder: Path) -> None:
    """A fleet of each kind, found by pattern and by tag."""
    house.settings |= {"KEYTURN_COMMANDS": house.commands_url}
    house.cloud.reset(rate=1000)
    for number, policy in enumerate(POLICIES):
        ages = {
            "Policy": f"p{number}",
            "Accounts": ["app", "robot"],
            "Region": REGIONS[policy["Function"]],
            "MaxAgeDays": 1,
        }
        returned = fire(house, {**ages, **policy}, name=f"p{number}")
        assert returned.error is None, policy


def use_queues(house: House, folder: Path) -> None:
    """A message of each kind of cloud queue: sent, sent later, looked at, received, put back and acknowledged."""
    house.cloud.reset()
    access = queue_access(house.settings)
    for url in QUEUES:
        queue = open_queue(url, access=access)
        for number, delay_s in enumerate((0.0, 0.0, 1.0)):
            message = QueueMessage(f"m-{number}", "t", "redis/crs-1", '{"id":"m","type":"t","subject":"redis/crs-1"}')
            queue.send(message, timeout_s=5.0, delay_s=min(delay_s, queue.max_delay_s))
        queue.close()
    inbox = open_inbox(QUEUES[1], access=access)
    inbox.peek()
    first, second = inbox.receive(2, 30.0)
    inbox.release(first)
    inbox.ack(second)
    inbox.close()


def deploy_and_remove(house: House, folder: Path) -> None:
    """A bundle of each platform: planned, deployed, changed in every part, and removed."""
    for name in PLATFORMS:
        house.cloud.reset(active_s=0.02, rate=1000)
        site = Site(house.cloud, name, folder)
        hello = site.description.functions[0]
        site.change("hello", **_more_settings(hello, "first"))
        assert (site.plan(), site.deploy()) == (0, 0)
        timers = (
            replace(hello.timers[0], enabled=True, message="{}"),
            TimerTrigger("hourly", hello.timers[0].cron, True, ""),
        )
        queues = tuple(replace(one, enabled=False) for one in hello.queues)
        site.change(
            "hello", **_more_settings(hello, "second"), timeout_s=9, async_retries=1, timers=timers, queues=queues
        )
        write_zip(site.folder / "hello.zip", {"hello.py": "def main_handler(event, context): return 2\n"})
        assert site.deploy() == 0
        site.change("hello", http=None)
        assert (site.deploy(), site.steps(), site.remove()) == (0, [], 0)


_UUID = "00000000-0000-4000-8000-0000000000{}"


def _more_settings(spec: FunctionSpec, name: str) -> dict[str, Any]:
    if spec.clouds == ("tencent",):
        return {"dead_letter": DeadLetter("topic", name), "logs": Logs(_UUID.format(10), _UUID.format(10 + len(name)))}
    arn = f"acs:mns:cn-hangzhou:1000000000000001:/queues/keyturn-{name}/messages"
    return {"destinations": Destinations(arn, arn), "logs": Logs("orders", name)}


SCENARIOS: tuple[Callable[[House, Path], None], ...] = (
    change_each_way,
    keep_in_stores,
    fill_a_store,
    lose_answers,
    follow_changes,
    plan_rotations,
    use_queues,
    deploy_and_remove,
)
