"""The stand-in's faults, control paths and life: what each fault applies, what it answers, and what is left behind."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from tests.cloud.backends.child_processes import child_pids
from tests.cloud.client.logins import redis_accepts
from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import call_alibaba, call_tencent
from tests.cloud.state.rate_limit import RateLimit
from tests.support.vendor_calls import APP, REDIS, ROBOT, TAIR, TAIR_TURN, TURN, answer_or_code, times_applied

TASK_S = 0.1


@pytest.fixture(scope="module")
def server() -> Iterator[Standin]:
    with Standin() as standin:
        yield standin


@pytest.fixture
def standin(server: Standin) -> Standin:
    server.reset(task_s=TASK_S, stall_s=5)
    return server


@pytest.mark.parametrize(
    ("fault", "seen", "count"),
    [
        ("drop_before", "ClientNetworkError", 0),
        ("throttle", "RequestLimitExceeded", 0),
        ("lock", "ResourceUnavailable.InstanceLockedError", 0),
        ("expire_token", "AuthFailure.TokenFailure", 0),
        ("drop_after", "ClientNetworkError", 1),
        ("stall", "ClientNetworkError", 1),
        ("html_500", "ServerNetworkError", 1),
        ("not_json", "JSONDecodeError", 1),
    ],
)
def test_redis_meets_a_fault_once(standin: Standin, fault: str, seen: str, count: int) -> None:
    standin.faults([{"Action": "ModifyInstancePassword", "Fault": fault, "InstanceId": REDIS}])
    assert answer_or_code(call_tencent, standin, "ModifyInstancePassword", TURN, timeout_s=0.3) == seen
    time.sleep(TASK_S * 2)
    assert times_applied(standin, "redis", REDIS, "root") == count
    assert redis_accepts(standin.redis[REDIS], "New-Passw0rd" if count else "Old-Passw0rd")
    again = TURN | {"OldPassword": "New-Passw0rd"} if count else TURN
    assert "TaskId" in call_tencent(standin, "ModifyInstancePassword", again)


def test_half_a_body_is_applied_and_breaks_the_client(standin: Standin) -> None:
    standin.faults([{"Action": "ModifyInstancePassword", "Fault": "cut_body"}])
    answer = answer_or_code(call_tencent, standin, "ModifyInstancePassword", TURN)
    assert isinstance(answer, str)
    time.sleep(TASK_S * 2)
    assert times_applied(standin, "redis", REDIS, "root") == 1


def test_a_refusal_in_the_wrong_content_type_looks_like_success_to_the_client(standin: Standin) -> None:
    standin.faults([{"Action": "ModifyInstancePassword", "Fault": "wrong_type"}])
    answer = call_tencent(standin, "ModifyInstancePassword", TURN)
    assert answer["Error"]["Code"] == "FailedOperation.SystemError"
    assert standin.state()["redis"]["tasks"] == []


def test_a_failed_task_applies_nothing_and_says_why(standin: Standin) -> None:
    standin.faults([{"Action": "ModifyInstancePassword", "Fault": "fail_task"}])
    task_id = call_tencent(standin, "ModifyInstancePassword", TURN)["TaskId"]
    time.sleep(TASK_S * 2)
    task = call_tencent(standin, "DescribeTaskInfo", {"TaskId": task_id})
    assert task["Status"] == "failed"
    assert task["TaskMessage"]
    assert redis_accepts(standin.redis[REDIS], "Old-Passw0rd")


def test_a_hanging_task_keeps_the_instance_locked(standin: Standin) -> None:
    standin.faults([{"Action": "ModifyInstancePassword", "Fault": "hang_task"}])
    task_id = call_tencent(standin, "ModifyInstancePassword", TURN, timeout_s=1)["TaskId"]
    time.sleep(TASK_S * 2)
    assert call_tencent(standin, "DescribeTaskInfo", {"TaskId": task_id})["Status"] == "running"
    locked = answer_or_code(call_tencent, standin, "ModifyInstancePassword", TURN)
    assert locked == "ResourceUnavailable.InstanceLockedError"
    standin.reset()
    assert "TaskId" in call_tencent(standin, "ModifyInstancePassword", TURN)


def test_a_lost_task_id_leaves_the_task_running(standin: Standin) -> None:
    standin.faults([{"Action": "*", "Fault": "no_task_id"}])
    assert set(call_tencent(standin, "ModifyInstancePassword", TURN)) == {"RequestId"}
    time.sleep(TASK_S * 2)
    assert redis_accepts(standin.redis[REDIS], "New-Passw0rd")


@pytest.mark.parametrize(
    ("fault", "seen", "count"),
    [
        ("lock", "RequestLimitExceeded", 0),
        ("fail_task", "FailedOperation", 0),
        ("hang_task", "ClientNetworkError", 0),
        ("drop_after", "ClientNetworkError", 1),
    ],
)
def test_tcr_meets_a_fault(standin: Standin, fault: str, seen: str, count: int) -> None:
    standin.faults([{"Action": "ModifyServiceAccountPassword", "Fault": fault}])
    action = "ModifyServiceAccountPassword"
    assert answer_or_code(call_tencent, standin, action, ROBOT, service="tcr", timeout_s=0.3) == seen
    assert times_applied(standin, "tcr", "tcr-demo0001", "robot") == count


@pytest.mark.parametrize(
    ("fault", "seen", "count"),
    [
        ("drop_before", "UnretryableException", 0),
        ("throttle", "Throttling.User", 0),
        ("lock", "IncorrectDBInstanceState", 0),
        ("expire_token", "InvalidSecurityToken.Expired", 0),
        ("fail_task", "OperationDenied.DBStatus", 0),
        ("wrong_type", "InternalError", 0),
        ("drop_after", "UnretryableException", 1),
        ("stall", "UnretryableException", 1),
        ("cut_body", "UnretryableException", 1),
        ("html_500", "UnretryableException", 1),
        ("not_json", "UnretryableException", 1),
        ("no_task_id", {}, 1),
    ],
)
def test_tair_meets_a_fault(standin: Standin, fault: str, seen: Any, count: int) -> None:
    standin.faults([{"Action": "ModifyAccountPassword", "Fault": fault}])
    how = {"timeout_s": 0.3}
    assert answer_or_code(call_alibaba, standin, "ModifyAccountPassword", APP, TAIR_TURN, **how) == seen
    assert times_applied(standin, "r-kvstore", TAIR, "app") == count
    assert redis_accepts(standin.redis[TAIR], "New-Passw0rd" if count else "Tair-Passw0rd", "app")


def test_a_hanging_tair_change_is_applied_and_never_settles(standin: Standin) -> None:
    standin.faults([{"Action": "ModifyAccountPassword", "Fault": "hang_task"}])
    call_alibaba(standin, "ModifyAccountPassword", APP, TAIR_TURN)
    time.sleep(0.3)
    accounts = call_alibaba(standin, "DescribeAccounts", APP)["Accounts"]["Account"]
    assert accounts[0]["AccountStatus"] == "Unavailable"
    assert redis_accepts(standin.redis[TAIR], "New-Passw0rd", "app")


def test_faults_wait_for_their_action_and_instance_and_can_be_cleared(standin: Standin) -> None:
    standin.faults([{"Action": "ModifyInstanceAccount", "Fault": "lock"}])
    standin.faults([{"Action": "*", "Fault": "lock", "InstanceId": "crs-demo0002", "Times": 2}])
    standin.faults([{"Action": "DescribeInstances", "Fault": "throttle", "Times": 2}])
    codes = [answer_or_code(call_tencent, standin, "DescribeInstances", {}) for _ in range(2)]
    assert codes == ["RequestLimitExceeded"] * 2
    assert "TaskId" in call_tencent(standin, "ModifyInstancePassword", TURN)
    standin.clear_faults()
    time.sleep(TASK_S * 2)
    account = {"InstanceId": REDIS, "AccountName": "app"}
    assert "TaskId" in call_tencent(standin, "ModifyInstanceAccount", account)


@pytest.mark.parametrize("body", [[{"Action": "*", "Fault": "earthquake"}], [{"Fault": "lock"}], {}])
def test_a_fault_that_nobody_knows_is_refused(standin: Standin, body: Any) -> None:
    with pytest.raises(HTTPError) as caught:
        standin.faults(body)
    caught.value.close()
    assert caught.value.code == 400


def test_a_reset_is_quick_and_restores_passwords_in_the_real_servers(standin: Standin) -> None:
    call_alibaba(standin, "ModifyAccountPassword", APP, TAIR_TURN)
    call_tencent(standin, "ModifyInstancePassword", TURN)
    time.sleep(TASK_S * 2)
    began = time.monotonic()
    standin.reset()
    assert time.monotonic() - began < 0.05
    assert redis_accepts(standin.redis[REDIS], "Old-Passw0rd")
    assert redis_accepts(standin.redis[TAIR], "Tair-Passw0rd", "app")
    assert standin.calls() == []
    assert standin.state()["redis"]["tasks"] == []


def test_a_reset_in_the_middle_of_a_task_leaves_nothing_of_it(standin: Standin) -> None:
    call_tencent(standin, "ModifyInstancePassword", TURN)
    standin.reset()
    time.sleep(TASK_S * 2)
    assert redis_accepts(standin.redis[REDIS], "Old-Passw0rd")


def test_a_reset_to_what_is_no_world_changes_nothing(standin: Standin) -> None:
    for world in ({"tasks": 1}, {"rate": 0}, {"redis": {"crs-other": {"region": "x", "accounts": {}}}}):
        with pytest.raises(HTTPError) as caught:
            standin.reset(**world)
        caught.value.close()
        assert caught.value.code == 400


def test_no_answer_of_the_control_paths_holds_a_password(standin: Standin) -> None:
    call_tencent(standin, "ModifyInstancePassword", TURN)
    seen = f"{standin.state()}{standin.calls()}"
    assert "Passw0rd" not in seen


def running(pid: int) -> bool:
    """Whether a process is there and is no zombie."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_outlives_the_stand_in(how: signal.Signals) -> None:
    with Standin() as standin:
        started = child_pids(standin.pid)
        assert len(started) >= 4
        os.kill(standin.pid, how)
        until = time.monotonic() + 5
        while any(map(running, started)) and time.monotonic() < until:
            time.sleep(0.02)
        assert not any(map(running, started))


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
def test_no_password_is_in_the_command_line_of_a_server(standin: Standin) -> None:
    for pid in child_pids(standin.pid):
        assert b"Passw0rd" not in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_a_lazy_instance_starts_at_its_first_change(tmp_path: Path) -> None:
    world = tmp_path / "world.toml"
    account = '[tair.r-lazy.accounts]\napp = { password = "Tair-Passw0rd" }\n'
    keys = "".join(f'[credentials.{one}]\nid = "i"\nkey = "k"\ntoken = "t"\n' for one in ("tencent", "alibaba"))
    world.write_text(f'{keys}[tair.r-lazy]\nregion = "cn-hangzhou"\nlazy = true\n{account}', encoding="utf-8")
    with Standin(world) as standin:
        assert set(standin.redis) == {"r-lazy"}
        assert standin.state()["redis"]["awake"] == 0
        call_alibaba(standin, "ModifyAccountPassword", APP | {"InstanceId": "r-lazy"}, TAIR_TURN)
        read = call_alibaba(standin, "DescribeInstanceAttribute", {"InstanceId": "r-lazy"})
        shown = read["Instances"]["DBInstanceAttribute"][0]
        assert f"{shown['ConnectionDomain']}:{shown['Port']}" == standin.redis["r-lazy"]
        assert standin.state()["redis"]["awake"] == 1
        assert redis_accepts(standin.redis["r-lazy"], "New-Passw0rd", "app")


def test_the_pace_is_a_sliding_second() -> None:
    now = 0.0
    pace = RateLimit(2, lambda: now)
    assert [pace.allows("a"), pace.allows("a"), pace.allows("a"), pace.allows("b")] == [True, True, False, True]
    now = 0.99
    assert not pace.allows("a")
    now = 1.0
    assert pace.allows("a")
