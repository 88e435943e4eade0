"""The world's clock: what it moves, in which order, and that every function started beside it lives by it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
import time_machine
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from shared.handlers.adapters import open_queue
from shared.queues.port import QueueMessage
from tests.campaign.invocations import invoke, invoke_apart
from tests.cloud.backends.child_processes import free_port
from tests.cloud.client.clock import running_ahead
from tests.cloud.client.logins import redis_accepts, registry_accepts
from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import call_alibaba, call_tencent, ssm_client
from tests.cloud.functions import shifted_time
from tests.cloud.invocation.queue_trigger import WorldClockReader, deliver_round, open_command_queues
from tests.cloud.invocation.runtime import InvocationResult, run_function
from tests.cloud.state.checkout import ROOT
from tests.cloud.state.world_clock import Clock, parse_rfc3339, to_rfc3339
from tests.conftest import ACCOUNT, TAIR, House, outcome, result
from tests.support import platform_events
from tests.support.commands import VALID_COMMANDS
from tests.support.hello_function import deploy_hello_to_scf, invoke_on_scf
from tests.support.programs import PYTHON_3_10, require_program

REDIS, TAIR_INSTANCE = "crs-demo0001", "r-demo0001"
TURN = {"InstanceId": REDIS, "OldPassword": "Old-Passw0rd", "Password": "New-Passw0rd"}
HOUR_S = 3600.0


@pytest.fixture(scope="module")
def server() -> Iterator[Standin]:
    with Standin() as standin:
        yield standin


@pytest.fixture
def standin(server: Standin) -> Standin:
    server.reset()
    return server


def test_a_clock_that_a_busy_machine_set_late_is_set_again(monkeypatch: pytest.MonkeyPatch) -> None:
    travel, late = time_machine.travel, iter([0.3, 0.3])

    def slow(destination: float, *, tick: bool) -> Any:
        time.sleep(next(late, 0.0))
        return travel(destination, tick=tick)

    monkeypatch.setattr(time_machine, "travel", slow)
    since, began = time.monotonic(), time.time()
    with running_ahead(HOUR_S):
        assert abs(time.time() - began - HOUR_S - (time.monotonic() - since)) < 0.05
    assert next(late, None) is None


def test_the_clock_moves_forward_by_seconds_or_to_a_moment_and_a_reset_takes_it_back(standin: Standin) -> None:
    assert standin.offset == 0.0
    standin.advance(HOUR_S)
    assert HOUR_S <= standin.offset < HOUR_S + 1
    assert abs(parse_rfc3339(standin.clock()["Now"]) - time.time() - HOUR_S) < 5
    standin.advance_to(standin.clock()["Now"].replace("Z", "+00:00"))
    later = datetime.fromtimestamp(time.time() + 2 * HOUR_S).astimezone().isoformat()
    standin.advance_to(later)
    assert abs(standin.offset - 2 * HOUR_S) < 5
    standin.advance_to("2020-01-01T00:00:00Z")
    assert abs(standin.offset - 2 * HOUR_S) < 5
    standin.reset()
    assert standin.offset == 0.0


@pytest.mark.parametrize(
    "order",
    [{}, [], {"Advance": -1}, {"Advance": "60"}, {"Advance": True}, {"Advance": 1e300}, {"To": "soon"}, {"To": 5},
     {"To": "2030-01-01T00:00:00"}, {"Advance": 1, "To": "2030-01-01T00:00:00Z"}, {"Back": 1}],
)  # fmt: skip
def test_what_is_no_move_forward_is_refused(standin: Standin, order: Any) -> None:
    with pytest.raises(HTTPError) as caught:
        standin._ask("POST", "clock", order)
    caught.value.close()
    assert (caught.value.code, standin.offset) == (400, 0.0)


def test_a_task_ends_while_the_clock_is_moved_over_its_end(standin: Standin) -> None:
    standin.reset(task_s=600.0)
    task_id = call_tencent(standin, "ModifyInstancePassword", TURN)["TaskId"]
    standin.advance(300)
    with standin.in_world_time():
        assert call_tencent(standin, "DescribeTaskInfo", {"TaskId": task_id})["Status"] == "running"
    assert redis_accepts(standin.redis[REDIS], "Old-Passw0rd")
    standin.advance(301)
    (task,) = standin.state()["redis"]["tasks"]
    assert task["Status"] == "succeed"
    assert redis_accepts(standin.redis[REDIS], "New-Passw0rd")
    started, ended = (datetime.strptime(task[name], "%Y-%m-%d %H:%M:%S") for name in ("StartTime", "EndTime"))
    assert 599 <= (ended - started).total_seconds() <= 602
    shown = standin.state()["redis"]["instances"][REDIS]["root"]["PasswordLastModifiedTime"]
    assert shown == task["EndTime"]


def test_a_signature_expires_when_the_clock_passes_it(standin: Standin) -> None:
    standin.advance(301)
    with pytest.raises(TencentCloudSDKException) as caught:
        call_tencent(standin, "DescribeInstances", {})
    assert caught.value.code == "AuthFailure.SignatureExpire"
    assert call_alibaba(standin, "DescribeInstances", {"RegionId": "cn-hangzhou"})["TotalCount"] == 1
    standin.advance(600)
    with pytest.raises(Exception, match=r"InvalidTimeStamp\.Expired"):
        call_alibaba(standin, "DescribeInstances", {"RegionId": "cn-hangzhou"})
    with standin.in_world_time():
        assert call_tencent(standin, "DescribeInstances", {})["TotalCount"] == 1
        assert call_alibaba(standin, "DescribeInstances", {"RegionId": "cn-hangzhou"})["TotalCount"] == 1


def test_a_tair_account_settles_and_a_registry_login_expires_by_the_clock(standin: Standin) -> None:
    robot = {"expires_at": int((time.time() + 50) * 1000)}
    standin.reset(settle_s=60.0, tcr={"tcr-demo0001": {"accounts": {"robot": robot}}})
    app = {"InstanceId": TAIR_INSTANCE, "AccountName": "app"}
    change = {"OldAccountPassword": "Tair-Passw0rd", "NewAccountPassword": "New-Passw0rd"}
    call_alibaba(standin, "ModifyAccountPassword", app, change)
    status = "r-kvstore", "instances", TAIR_INSTANCE, "app", "Status"

    def seen() -> tuple[str, bool]:
        found: Any = standin.state()
        for step in status:
            found = found[step]
        return found, registry_accepts(standin.registry["tcr-demo0001"], "tcr$robot", "Robot-Passw0rd1")

    assert seen() == ("Unavailable", True)
    standin.advance(55)
    assert seen() == ("Unavailable", False)
    standin.advance(6)
    assert seen() == ("Available", False)


def test_what_a_store_makes_carries_the_worlds_time(standin: Standin) -> None:
    from tencentcloud.ssm.v20190923.models import PutSecretValueRequest

    standin.advance(5 * 86_400)
    with standin.in_world_time():
        request = PutSecretValueRequest()
        request.SecretName, request.VersionId, request.SecretString = "redis-crs-demo0001-app", "v2", "x"
        ssm_client(standin).PutSecretValue(request)
    made = standin.state()["ssm"]["secrets"]["redis-crs-demo0001-app"]["Versions"]["v2"]["CreateTime"]
    assert abs(made - time.time() - 5 * 86_400) < 5


def test_what_falls_into_a_move_happens_in_its_order_and_may_make_more() -> None:
    async def go() -> list[tuple[str, float]]:
        clock, seen = Clock(), list[tuple[str, float]]()
        start = clock.now()

        def note(name: str) -> None:
            seen.append((name, round(clock.now() - start)))

        async def late() -> None:
            note("late")

        async def early() -> None:
            await asyncio.sleep(0.02)  # what takes its real time is waited for
            note("early")
            clock.call_after(5, between)

        async def between() -> None:
            note("between")

        clock.call_after(30, late)
        clock.call_after(10, early)
        clock.call_after(20, late).cancel()
        clock.call_after(100, late)
        await clock.advance(60)
        note("moved")
        await clock.close()
        return seen

    assert asyncio.run(go()) == [("early", 10), ("between", 15), ("late", 30), ("moved", 60)]


def test_what_waits_happens_in_real_time_as_well() -> None:
    async def go() -> list[int]:
        clock, seen = Clock(), list[int]()

        async def note(number: int) -> None:
            seen.append(number)

        clock.call_after(0.04, lambda: note(2))
        clock.call_after(0.02, lambda: note(1))
        await asyncio.sleep(0.1)
        await clock.close()
        return seen

    assert asyncio.run(go()) == [1, 2]


CLOCKS = """
import datetime, email.utils, logging, sys, time
from tests.cloud.functions import shifted_time
monotonic, was = time.monotonic(), time.time()
shifted_time.install(float(sys.argv[1]))
from datetime import datetime as moment
seen = [
    time.time(), time.time_ns() / 1e9, time.clock_gettime(time.CLOCK_REALTIME), time.mktime(time.localtime()),
    moment.now().timestamp(), moment.now(datetime.timezone.utc).timestamp(), moment.today().timestamp(),
    moment.utcnow().replace(tzinfo=datetime.timezone.utc).timestamp(),
    email.utils.parsedate_to_datetime(email.utils.formatdate()).timestamp(),
    logging.LogRecord("a", 20, "", 1, "", (), None).created,
]
print([round(one - was) for one in seen], time.monotonic() - monotonic < 1)
"""


@pytest.mark.parametrize("ahead", [0, 90_000])
def test_every_wall_clock_of_a_process_is_moved_and_the_monotonic_one_is_not(ahead: int) -> None:
    command = [sys.executable, "-W", "ignore", "-c", CLOCKS, str(ahead)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    numbers, real = told.rsplit("]", 1)
    seen: list[int] = json.loads(numbers + "]")
    assert real.strip() == "True"
    assert all(abs(one - ahead) <= 1 for one in seen), seen


def test_a_clock_that_is_not_moved_stays_untouched() -> None:
    before = time.time
    shifted_time.install(0.0)
    assert time.time is before


def test_a_started_function_signs_and_dates_its_result_by_the_worlds_clock(standin: Standin, tmp_path: Path) -> None:
    standin.reset(task_s=0.05)
    standin.advance(2 * 86_400)
    settings = {
        "KEYTURN_TENCENT_ENDPOINT": standin.endpoint,
        "KEYTURN_ALIBABA_ENDPOINT": standin.endpoint,
        "KEYTURN_RESULTS": f"sqlite://{tmp_path}/results.db",
    }
    for function, platform in ((ACCOUNT, "scf"), (TAIR, "fc")):
        event = platform_events.event(VALID_COMMANDS[function], platform, "http")
        raw = event if isinstance(event, bytes) else json.dumps(event).encode()
        returned = run_function(function, raw, platform, settings=settings)
        assert outcome(returned) == "changed"
        assert abs(parse_rfc3339(returned.body["Result"]["time"]) - time.time() - 2 * 86_400) < 30
        assert parse_rfc3339(result(returned)["StartedAt"]) > time.time() + 86_400


def test_a_handler_in_this_process_lives_by_the_worlds_clock(house: House) -> None:
    house.cloud.advance(HOUR_S)
    returned = house.send(ACCOUNT, VALID_COMMANDS[ACCOUNT])
    assert outcome(returned) == "changed"
    assert abs(parse_rfc3339(returned.body["Result"]["time"]) - time.time() - HOUR_S) < 30
    assert abs(datetime.now().timestamp() - time.time()) < 1


TELLS_TIME = """
import os, time
from datetime import datetime, timezone
def main_handler(event, context):
    seen = [time.time(), datetime.now(timezone.utc).timestamp()]
    return {"pid": os.getpid(), "seen": seen, "names": sorted(os.environ)}
"""


@pytest.mark.zips("zips are for Python 3.10")
def test_a_deployed_function_lives_by_the_worlds_clock_and_starts_anew_when_it_moves(standin: Standin) -> None:
    require_program(PYTHON_3_10)
    standin.reset(active_s=0)
    deploy_hello_to_scf(standin, {"hello.py": TELLS_TIME})
    first, again = (invoke_on_scf(standin, {})["Value"] for _ in range(2))
    standin.advance(HOUR_S)
    with standin.in_world_time():
        third = invoke_on_scf(standin, {})["Value"]
    assert first["pid"] == again["pid"] != third["pid"]
    assert all(abs(moment - time.time()) < 10 for moment in first["seen"])
    assert all(abs(moment - time.time() - HOUR_S) < 10 for moment in third["seen"])
    assert first["names"] == third["names"]


class Waiting:
    """A commands queue in a file, the stand-in that its functions meet, and what `run` delivers from it."""

    def __init__(self, standin: Standin, folder: Path) -> None:
        self.settings = {"KEYTURN_TENCENT_ENDPOINT": standin.endpoint}
        self.url = f"sqlite://{folder}/commands.db"
        self.now = WorldClockReader(self.settings)
        self.delivered: list[tuple[str, str]] = []

    def put(self, name: str, after_s: float | None, *, delay_s: float = 0.0) -> str:
        """A command event in a spelling of its own; `after_s`: seconds of real time until its `notbefore`."""
        notbefore = "" if after_s is None else f', "notbefore":"{to_rfc3339(time.time() + after_s)}"'
        body = f'{{"specversion":"1.0",  "id":"{name}", "type": "keyturn.command.{ACCOUNT}"{notbefore}, "data":{{}}}}'
        queue = open_queue(self.url)
        queue.send(QueueMessage(name, "", "", body), timeout_s=5, delay_s=delay_s)
        queue.close()
        return body

    def round(self, *, skip_delays: bool = True) -> list[str]:
        """The ids of what one round delivers."""
        opened, earlier = open_command_queues(self.url, self.now), len(self.delivered)
        for one in opened:
            one.invoke = self._invoke
        deliver_round(opened, self.now, skip_delays=skip_delays)
        for one in opened:
            one.give_back()
            one.inbox.close()
        return [name for name, _ in self.delivered[earlier:]]

    def _invoke(self, function: str, event: bytes, platform: str) -> InvocationResult:
        body = json.loads(event)["Records"][0]["Ckafka"]["msgBody"]
        self.delivered.append((json.loads(body)["id"], body))
        return InvocationResult({}, None, "", 0.0)


@pytest.fixture
def waiting(standin: Standin, tmp_path: Path) -> Waiting:
    return Waiting(standin, tmp_path)


def test_skipping_delays_moves_the_clock_to_the_first_message_and_delivers_its_bytes(
    standin: Standin, waiting: Waiting
) -> None:
    late = waiting.put("late", 2 * HOUR_S, delay_s=2 * HOUR_S)
    early = waiting.put("early", HOUR_S, delay_s=30)  # as a queue that holds a message back no longer than that
    assert waiting.round(skip_delays=False) == []
    assert standin.offset == 0.0
    assert waiting.round() == ["early"]
    assert abs(standin.offset - HOUR_S) < 5
    assert waiting.round() == ["late"]
    assert abs(standin.offset - 2 * HOUR_S) < 5
    assert waiting.round() == []
    assert [body for _, body in waiting.delivered] == [early, late]


def test_what_is_due_is_delivered_before_the_clock_moves(standin: Standin, waiting: Waiting) -> None:
    waiting.put("later", 600, delay_s=600)
    waiting.put("now", None)
    waiting.put("delayed", None, delay_s=100)
    assert waiting.round() == ["now"]
    assert standin.offset == 0.0
    assert waiting.round() == ["delayed"]
    assert 90 < standin.offset < 110
    assert waiting.round() == ["later"]


def test_a_queue_goes_by_the_clock_once_that_was_moved(standin: Standin, waiting: Waiting) -> None:
    waiting.put("later", 600, delay_s=600)
    standin.advance(601)
    assert waiting.round(skip_delays=False) == ["later"]


def test_a_task_that_outlives_its_invocation_has_ended_when_its_follower_comes(house: House) -> None:
    house.cloud.reset(task_s=120.0)
    started = time.monotonic()
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    assert outcome(house.send(ACCOUNT, VALID_COMMANDS[ACCOUNT], timeout_s=8.0)) == "pending"
    command = [sys.executable, "-m", "tests.cloud", "run", "--once", "--skip-delays"]
    environ = {**os.environ, **house.settings}
    for _ in range(12):
        done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60)
        if done.returncode:
            break
    assert done.returncode == 3, done.stderr
    assert [one["data"]["Outcome"] for one in house.results()][-1] == "changed"
    waited_s = time.monotonic() - started
    assert house.cloud.offset > 0 and house.cloud.offset + waited_s > 100


def test_without_a_stand_in_no_clock_is_moved(waiting: Waiting) -> None:
    waiting.put("later", 600, delay_s=600)
    nobody = f"http://127.0.0.1:{free_port()}"
    environ = {"PATH": os.environ["PATH"], "KEYTURN_COMMANDS": waiting.url, "KEYTURN_TENCENT_ENDPOINT": nobody}
    command = [sys.executable, "-m", "tests.cloud", "run", "--once", "--skip-delays"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60)
    assert (done.returncode, "clock cannot be moved" in done.stderr) == (1, True)


@pytest.mark.parametrize("way", [invoke, invoke_apart])
def test_what_the_campaign_starts_lives_by_the_worlds_clock(standin: Standin, tmp_path: Path, way: Any) -> None:
    standin.reset(task_s=0.05)
    standin.advance(HOUR_S)
    settings = {"KEYTURN_TENCENT_ENDPOINT": standin.endpoint, "KEYTURN_RESULTS": f"sqlite://{tmp_path}/results.db"}
    event = json.dumps(platform_events.event(VALID_COMMANDS[ACCOUNT], "scf", "http")).encode()
    returned = way(ACCOUNT, event, "scf", settings)
    assert outcome(returned) == "changed"
    assert abs(parse_rfc3339(returned.body["Result"]["time"]) - time.time() - HOUR_S) < 30
