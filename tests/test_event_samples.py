"""Events that others have published: every file in the folder that EVENT_SAMPLES names is read, or clearly refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from shared.triggers import Delivery, Trigger, UnknownEvent, read

FOLDER = os.environ.get("EVENT_SAMPLES")
FILES = sorted(file for file in Path(FOLDER).iterdir() if file.suffix in (".json", ".txt")) if FOLDER else []
FIELDS = {"InstanceId", "AccountName", "AccountPassword"}
NOT_OURS = ("-cos-", "-context-")


def delivered(event: Any) -> Delivery | None:
    """What the event brings; None if it is refused as of no known shape."""
    try:
        return read(event, fields=FIELDS, request_id="sample")
    except UnknownEvent as error:
        assert "known are" in str(error)
        return None


def trigger_named(name: str) -> Trigger:
    if any(word in name for word in ("-http-", "-apigw-", "-functionurl-")):
        return Trigger.HTTP
    return Trigger.TIMER if "-timer-" in name else Trigger.QUEUE


if FILES:

    @pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
    def test_a_published_sample_is_read_as_what_it_is(file: Path) -> None:
        raw = file.read_bytes()
        if file.suffix == ".txt":  # no JSON, as printed: bare bytes, as FC hands them over
            found = delivered(raw)
            assert found is None or all(message.data is None for message in found.messages)
            return
        event = json.loads(raw) if file.name.startswith("tencent-") else raw
        found = delivered(event)
        if any(word in file.name for word in NOT_OURS):
            assert found is None
            return
        if found is None:  # raw data without an envelope, and not one of our commands
            assert not isinstance(json.loads(raw), list) and "Records" not in json.loads(raw)
            return
        assert found.trigger is trigger_named(file.name)
        for message in found.messages:
            assert message.problem is None or not any(word in message.problem for word in ("Hello", "hello", "TEST"))
