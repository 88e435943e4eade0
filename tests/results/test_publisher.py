"""Publishing: confirmed, repeated with one id, then the log, then the reply; and when raising is right."""

from __future__ import annotations

import json
import logging
import threading
import time
from dataclasses import replace
from typing import Any

import pytest

from shared.clouds.pace import Pace
from shared.handlers.adapters import open_queue
from shared.handlers.request import NothingDone, log_unexpected
from shared.results.publisher import Publisher
from shared.runtime import redaction
from shared.runtime.deadline import Deadline
from shared.runtime.platform import read_invocation
from shared.triggers import Message
from tests.cloud.invocation.bootstrap import invocation_context
from tests.cloud.invocation.runtime import role_keys, run_function
from tests.conftest import ACCOUNT, PASSWORD, TAIR, House, outcome
from tests.support import platform_events
from tests.support.commands import VALID_COMMANDS

NOWHERE = "sqlite:///dev/null/results.db"  # a folder that cannot be one


@pytest.mark.parametrize("trigger", ["http", "timer", "queue"])
def test_after_a_change_nothing_raises_and_the_whole_result_is_in_the_log(
    house: House, trigger: str, caplog: pytest.LogCaptureFixture
) -> None:
    house.settings["KEYTURN_RESULTS"] = NOWHERE
    with caplog.at_level(logging.INFO, "keyturn"):
        returned = house.send(PASSWORD, VALID_COMMANDS[PASSWORD], trigger=trigger)
    assert outcome(returned) == "changed"
    delivered = returned.body["Delivered"] if trigger == "http" else returned.value["Delivered"]
    assert delivered is False
    (line,) = [json.loads(r.getMessage()) for r in caplog.records if "undelivered_result" in r.getMessage()]
    assert (line["type"], line["resource"]) == ("keyturn.credential.changed", "redis/crs-demo0001/root")
    kept = json.loads(line["result"])
    assert (kept["id"], kept["data"]["Outcome"]) == (line["id"], "changed")


@pytest.mark.parametrize("trigger", ["timer", "queue"])
def test_an_event_that_changed_nothing_and_could_not_be_reported_is_wanted_again(house: House, trigger: str) -> None:
    house.settings["KEYTURN_RESULTS"] = NOWHERE
    assert isinstance(house.send(ACCOUNT, {"InstanceId": "crs-demo0001"}, trigger=trigger).error, NothingDone)


def test_an_http_caller_is_answered_whatever_the_queue_does(house: House) -> None:
    house.settings["KEYTURN_RESULTS"] = NOWHERE
    returned = house.send(ACCOUNT, {"InstanceId": "crs-demo0001"})
    assert (returned.value["statusCode"], returned.body["Delivered"]) == (400, False)


def test_a_batch_in_which_one_change_was_made_is_not_repeated(house: House) -> None:
    house.settings["KEYTURN_RESULTS"] = NOWHERE
    returned = house.deliver(PASSWORD, platform_events.batch(["poison", json.dumps(VALID_COMMANDS[PASSWORD])]))
    assert returned.error is None
    assert [event["data"]["Outcome"] for event in returned.value["Results"]] == ["not_changed", "changed"]


def test_a_defect_that_cannot_be_printed_has_its_line_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    details: Any = ("file", 1, "no number", "text")  # such an offset fails in the traceback module
    awkward = SyntaxError("odd", details)
    with caplog.at_level(logging.ERROR, "keyturn"):
        log_unexpected(awkward, Message(None, "m-1"))
    (line,) = [json.loads(record.getMessage()) for record in caplog.records]
    assert (line["event"], line["why"]) == ("unexpected", "SyntaxError")


def test_what_is_told_when_the_time_is_up_still_goes_out_once(house: House) -> None:
    event = house.send(ACCOUNT, VALID_COMMANDS[ACCOUNT] | {"DryRun": True}).body["Result"]
    with house.environment(ACCOUNT, "scf") as patch:
        invocation = read_invocation(invocation_context("scf", ACCOUNT, 20.0, role_keys("scf"), patch.setenv))
    publisher = Publisher(replace(invocation, deadline=Deadline(time.monotonic() - 1.0)), open_queue)
    late = event | {"id": "0" * 32}
    assert publisher.publish_result(late)
    publisher.close()
    assert [one["id"] for one in house.results()] == [event["id"], late["id"]]


def test_results_go_to_the_queue_at_the_site_of_the_settings(house: House) -> None:
    house.settings |= {"KEYTURN_SITE": "intl", "KEYTURN_RESULTS": "ckafka://ap-singapore/datahub-intl01"}
    command = {**VALID_COMMANDS[ACCOUNT], "InstanceId": "crs-demo0002", "Region": "ap-singapore", "DryRun": True}
    assert house.send(ACCOUNT, command).body["Delivered"]
    assert house.cloud.calls()[-1]["Host"] == "ckafka.intl.tencentcloudapi.com"


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "https_proxy", "ALL_PROXY"])
@pytest.mark.parametrize(("function", "platform"), [(ACCOUNT, "scf"), (TAIR, "fc")])
def test_proxy_variables_are_ignored(house: House, function: str, platform: str, variable: str) -> None:
    event = platform_events.event(VALID_COMMANDS[function], platform, "http")
    raw = event if isinstance(event, bytes) else json.dumps(event).encode()
    returned = run_function(function, raw, platform, settings=house.settings, extra={variable: "http://127.0.0.1:9"})
    assert outcome(returned) == "changed"


def test_commands_of_one_instance_run_one_after_another_and_of_others_beside_them(house: House) -> None:
    house.cloud.reset(latency_s=0.2)
    crs1 = [{**VALID_COMMANDS[ACCOUNT], "AccountPassword": f"New-Passw0rd{n}"} for n in range(2)]
    started = time.monotonic()
    bodies = [json.dumps(command) for command in crs1]
    returned = house.deliver(ACCOUNT, platform_events.batch(bodies))
    alone_s = time.monotonic() - started
    assert [event["data"]["Outcome"] for event in returned.value["Results"]] == ["changed", "changed"]
    assert house.accepts("crs-demo0001", "app", "New-Passw0rd1")  # the order of the batch holds
    others = [
        {**VALID_COMMANDS[ACCOUNT], "InstanceId": "crs-demo0002", "Region": "ap-singapore", "Site": "intl"},
        {**VALID_COMMANDS[ACCOUNT], "InstanceId": "crs-demo0003", "Region": "ap-shanghai-fsi"},
    ]
    started = time.monotonic()
    returned = house.deliver(ACCOUNT, platform_events.batch([json.dumps(command) for command in others]))
    assert [event["data"]["Outcome"] for event in returned.value["Results"]] == ["changed", "changed"]
    assert time.monotonic() - started < 0.8 * alone_s


def test_threads_of_one_fc_instance_do_not_disturb_each_other(house: House) -> None:
    commands = [
        {**VALID_COMMANDS[ACCOUNT], "AccountPassword": "Thread-One-1"},
        {**VALID_COMMANDS[ACCOUNT], "InstanceId": "crs-demo0002", "Region": "ap-singapore", "Site": "intl"},
        {**VALID_COMMANDS[ACCOUNT], "InstanceId": "crs-demo0003", "Region": "ap-shanghai-fsi"},
    ]
    from importlib import import_module

    outcomes: dict[int, str] = {}
    assert (
        outcome(house.send(ACCOUNT, {**VALID_COMMANDS[ACCOUNT], "DryRun": True}, "fc")) == "would_change"
    )  # sets nothing

    def one(index: int) -> None:
        context = invocation_context("fc", ACCOUNT, 20.0, role_keys("fc"), lambda *_: None)
        reply = import_module(f"functions.{ACCOUNT}").main_handler(
            platform_events.event(commands[index], "fc", "http"), context
        )
        outcomes[index] = json.loads(reply["body"])["Result"]["data"]["Outcome"]

    with house.environment(ACCOUNT, "fc"):
        threads = [threading.Thread(target=one, args=(index,)) for index in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert outcomes == {0: "changed", 1: "changed", 2: "changed"}


def test_the_pace_keeps_its_rate_sinks_when_throttled_and_comes_back() -> None:
    now = [0.0]
    pace = Pace(20.0, clock=lambda: now[0])
    deadline = Deadline(1000.0, clock=lambda: now[0])

    def sleep(seconds: float) -> None:
        now[0] += seconds

    places = [pace.acquire(deadline, sleep) for _ in range(21)]
    assert 1.0 <= now[0] < 1.1  # 20 in any second
    pace.throttled(places[-1])
    assert pace.rate < 20.0
    now[0] += 30.0
    pace.succeeded(pace.acquire(deadline, sleep))
    assert pace.rate == 20.0


def test_a_log_record_of_any_library_loses_the_secrets_in_it(caplog: pytest.LogCaptureFixture) -> None:
    redaction.guard_logs()
    redaction.remember("S3cret/with+odd=chars")
    other = logging.getLogger("somebody.else")
    with caplog.at_level(logging.DEBUG):
        other.warning("sending %s to %s", "S3cret/with+odd=chars", "a host")
        other.debug("quoted S3cret%2Fwith%2Bodd%3Dchars")
        try:
            raise ValueError("S3cret/with+odd=chars")
        except ValueError:
            other.exception("failed")
    assert "S3cret" not in caplog.text
    assert "Traceback" in caplog.text
