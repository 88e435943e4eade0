"""Settings that cannot be read, and the log that settings shape."""

from __future__ import annotations

import importlib.util
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from shared.handlers import entry
from shared.runtime.errors import SettingsError
from shared.runtime.settings import read_settings
from tests.support import platform_events
from tests.support.scripted_platform import COMMAND, FUNCTION, Platform, line_of, platform_in
from tests.support.scripted_world import PARENT, Lines, logged


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    with platform_in(monkeypatch) as made:
        yield made


@pytest.fixture
def log() -> Iterator[Lines]:
    with logged() as lines:
        yield lines


# --- settings that cannot be read


def test_settings_that_cannot_be_read_are_told_to_an_http_caller(platform: Platform, log: Lines) -> None:
    platform.set(LOG="loud")
    returned = platform.send(trigger="http", headers={"traceparent": PARENT, "Idempotency-Key": "k-1"})
    result = json.loads(returned["body"])["Result"]
    assert (returned["statusCode"], json.loads(returned["body"])["Delivered"]) == (500, False)
    assert (result["data"]["Error"]["Class"], result["data"]["Error"]["Code"]) == ("failed", "Settings")
    assert "KEYTURN_LOG" in result["data"]["Error"]["Message"]
    assert (result["data"]["CommandId"], result["traceparent"], result["subject"]) == ("k-1", PARENT, "redis/-/-")
    assert (result["data"]["Outcome"], result["data"]["Operation"]) == ("not_changed", "SetPassword")
    assert "KEYTURN_LOG" in log.of("settings")[0]["message"]
    assert log.level_of("settings") == "ERROR"
    line = line_of(log)
    assert (line["trigger"], line["outcomes"], line["request_id"]) == ("http", {"not_changed": 1}, None)
    assert len(log.of("result")) == 1
    assert platform.handler.requests == []


def test_a_call_without_a_message_is_told_of_the_settings_too(platform: Platform) -> None:
    platform.set(LOG="loud")
    returned = platform.call(platform_events.event("not json", "scf", "http"))
    result = json.loads(returned["body"])["Result"]
    assert (returned["statusCode"], result["data"]["Error"]["Code"]) == (500, "Settings")
    assert result["data"]["CommandId"].startswith("h")


@pytest.mark.parametrize("event", ["queue", "timer", {"odd": 1}])
def test_settings_that_cannot_be_read_are_raised_where_nobody_waits(platform: Platform, log: Lines, event: Any) -> None:
    platform.set(LOG="loud")
    with pytest.raises(SettingsError, match="KEYTURN_LOG") as raised:
        platform.send(trigger=event) if isinstance(event, str) else platform.call(event)
    assert raised.value.__cause__ is None
    assert platform.handler.requests == []
    line = line_of(log)
    assert (line["raised"], line["trigger"]) == ("SettingsError", event if isinstance(event, str) else None)
    assert log.of("result") == []


# --- logging


def test_the_level_is_the_settings_and_info_while_they_cannot_be_read(platform: Platform) -> None:
    log = logging.getLogger("keyturn")
    platform.set(LOG="WARNING")
    platform.send()
    assert log.level == logging.WARNING
    log.setLevel(logging.NOTSET)
    platform.set(LOG="loud")
    platform.send(trigger="http")
    assert log.level == logging.INFO
    log.setLevel(logging.ERROR)
    platform.send(trigger="http")
    assert log.level == logging.ERROR


def test_where_a_runtime_gives_no_handler_lines_are_printed_as_they_are(
    platform: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    before = list(root.handlers)
    try:
        root.handlers[:] = []
        platform.send()
        platform.send()
        (made,) = root.handlers
    finally:
        root.handlers[:] = before
    assert isinstance(made, logging.StreamHandler)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event"] for line in lines] == ["invocation", "invocation"]


def test_a_runtime_s_own_handler_stays_alone(platform: Platform) -> None:
    before = list(logging.getLogger().handlers)
    assert before
    platform.send()
    assert logging.getLogger().handlers == before


_LOCAL, _FAR = "http://127.0.0.1:9", "https://keyturn.example"


@pytest.mark.parametrize("use", ["RESULTS", "COMMANDS"])
@pytest.mark.parametrize(
    ("runenv", "endpoint", "value", "taken"),
    [
        ("SCF", None, None, False),
        ("SCF", "TENCENT_ENDPOINT", _LOCAL, True),
        ("SCF", "ALIBABA_ENDPOINT", _LOCAL, False),  # the other cloud's says nothing of this platform
        ("SCF", "TENCENT_ENDPOINT", _FAR, False),
        ("FC", None, None, False),
        ("FC", "ALIBABA_ENDPOINT", _LOCAL, True),
        ("FC", "TENCENT_ENDPOINT", _LOCAL, False),
        (None, None, None, True),
    ],
)
def test_a_file_is_no_queue_of_a_platform(
    use: str, runenv: str | None, endpoint: str | None, value: str | None, taken: bool
) -> None:
    environ = {f"KEYTURN_{use}": "SQLite:///tmp/queue.db"}
    if endpoint and value:
        environ[f"KEYTURN_{endpoint}"] = value
    how = {"on_platform": runenv is not None, "on_scf": runenv == "SCF"}
    if taken:
        read = read_settings(environ, **how)
        assert (read.results or read.commands) == environ[f"KEYTURN_{use}"]
    else:
        with pytest.raises(SettingsError, match=f"KEYTURN_{use}: sqlite:// is a file on one machine") as refused:
            read_settings(environ, **how)
        assert "queue.db" not in str(refused.value)


def test_a_function_with_a_file_for_its_results_changes_nothing_and_says_so(platform: Platform) -> None:
    platform.patch.setenv("TENCENTCLOUD_RUNENV", "SCF")
    platform.set(RESULTS="sqlite:///tmp/results.db")
    returned = platform.send(trigger="http")
    error = json.loads(returned["body"])["Result"]["data"]["Error"]
    assert (returned["statusCode"], error["Code"], platform.handler.requests) == (500, "Settings", [])
    assert "KEYTURN_RESULTS: sqlite://" in error["Message"]


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module as a process finds it that has just begun."""
    spec = importlib.util.spec_from_file_location("shared.handlers.entry_of_another_process", entry.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("on_platform", "commands", "key", "lines"),
    [(True, True, False, 1), (False, True, False, 0), (True, False, False, 0), (True, True, True, 0)],
)
def test_a_commands_queue_without_a_key_is_warned_of_once_a_process(
    platform: Platform, log: Lines, fresh: Any, on_platform: bool, commands: bool, key: bool, lines: int
) -> None:
    platform.patch.delenv("KEYTURN_RESULTS")
    if on_platform:
        platform.patch.setenv("FC_FUNCTION_NAME", FUNCTION)
    if commands:
        platform.set(COMMANDS="smq://1.mns.cn-hangzhou.aliyuncs.com/q-{function}")
    if key:
        platform.set(HANDOFF_KEY="c2lnbnMtd2hhdC1rZXl0dXJuLXNlbmRzLWl0c2VsZi4")
    for _ in range(2):
        platform.call(platform_events.event(COMMAND, "scf", "http"), fresh.handle)
    warned = log.of("no_handoff_key")
    assert len(warned) == lines
    assert all("KEYTURN_HANDOFF_KEY is not set" in line["message"] for line in warned)
