"""No secret leaves: not in a result, a reply, a log at DEBUG, an error object or a queue's file, in no encoding."""

from __future__ import annotations

import base64
import json
import random
from itertools import cycle
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from tests import shapes
from tests.campaign import leaks
from tests.campaign.cases import FAULTS, TRIGGERS
from tests.campaign.operations import TARGETS, Target
from tests.cloud.client import Standin
from tests.cloud.runtime import SCF, run

_RNG = random.Random(20260301)
_KEYS = ("standin-secret-key", "standin-session-token")


def _samples() -> list[tuple[str, str, str]]:
    """Each fault with two operations, each operation with every kind of fault, triggers in turn."""
    names, triggers = cycle([name for name, one in TARGETS.items() if one.secret]), cycle(TRIGGERS)
    chosen = [(next(names), fault, next(triggers)) for fault in (*FAULTS, *FAULTS, "", "", "", "", "")]
    return [(name, fault, "http" if TARGETS[name].shown else trigger) for name, fault, trigger in chosen]


@pytest.mark.parametrize(("name", "fault", "trigger"), _samples())
def test_no_secret_shows_whatever_fault_is_met(
    cloud: Standin, tmp_path: Path, name: str, fault: str, trigger: str
) -> None:
    target = TARGETS[name]
    new = target.make_new(_RNG)
    if fault:
        cloud.faults([{"Action": target.action, "Fault": fault, "Times": 2}])
    places, shown = _written(cloud, target, target.command(target.old, new), trigger, tmp_path)
    secrets = [*([] if target.shown else [target.old, new]), *shown, *_KEYS]
    assert leaks.hits(places, secrets) == []


@pytest.mark.parametrize("name", [name for name, one in TARGETS.items() if one.secret and not one.shown])
def test_no_secret_shows_in_the_refusal_of_a_malformed_command(cloud: Standin, tmp_path: Path, name: str) -> None:
    target = TARGETS[name]
    new, pasted = target.make_new(_RNG), leaks.canary(_RNG, "tcr")
    command = target.command(target.old, new)
    # A secret in the wrong place, in a field that there is not, and under a name of its own.
    command |= {"Region": pasted, "Reason": new, pasted: 1, "AccountNames": new}
    places, _ = _written(cloud, target, command, "queue", tmp_path)
    assert leaks.hits(places, [target.old, new, pasted, *_KEYS]) == []


def _written(
    cloud: Standin, target: Target, command: dict[str, object], trigger: str, folder: Path
) -> tuple[dict[str, bytes], list[str]]:
    """All that an invocation writes at DEBUG, in a process whose libraries are asked to print all they can."""
    settings = {
        "KEYTURN_RESULTS": f"sqlite://{folder / 'results.db'}",
        "KEYTURN_COMMANDS": f"sqlite://{folder / 'commands.db'}",
        "KEYTURN_TENCENT_ENDPOINT": cloud.endpoint,
        "KEYTURN_ALIBABA_ENDPOINT": cloud.endpoint,
        "KEYTURN_LOG": "DEBUG",
    }
    event = shapes.event(command, target.platform, trigger, name="canary")
    raw = json.dumps(event).encode() if target.platform == SCF else event
    returned = run(target.function, raw, target.platform, settings=settings, timeout_s=4.0, extra={"DEBUG": "sdk"})
    assert returned.error is None
    assert "urllib3" in returned.log or target.name == "tair" or "invalid_command" in json.dumps(returned.value)
    value, shown = returned.value, []
    if "statusCode" in value:
        reply = json.loads(value["body"])
        if "Password" in reply:
            shown.append(reply.pop("Password"))
        value = {**value, "body": json.dumps(reply, ensure_ascii=False)}
    places = {"log": returned.log.encode(), "value": json.dumps(value, ensure_ascii=False).encode()}
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert any(b"keyturn.credential." in content for content in files.values())
    return places | files, shown


_PLANTED = "Aa1bcDE?\"\\/+%'& x9Zq"


@pytest.mark.parametrize(
    "form",
    [
        lambda s: s,
        quote_plus,
        quote,
        lambda s: quote(s, safe=""),
        lambda s: json.dumps({"a": [s]}),
        lambda s: json.dumps(json.dumps({"a": [s]})),
        repr,
        lambda s: repr(s.encode()),
        lambda s: s.encode().hex(),
        *(lambda s, n=n: base64.b64encode(b"x" * n + s.encode() + b"tail").decode() for n in range(4)),
        *(lambda s, n=n: base64.urlsafe_b64encode(b"x" * n + s.encode()).decode() for n in range(4)),
    ],
)  # fmt: skip
def test_the_search_finds_a_planted_secret_in_each_form(form) -> None:  # type: ignore[no-untyped-def]
    planted = f"before {form(_PLANTED)} after".encode()
    assert leaks.hits({"planted": planted}, [_PLANTED])
    assert not leaks.hits({"planted": planted}, [_PLANTED[::-1]])


def test_a_canary_differs_in_every_encoding() -> None:
    for rule in ("redis", "tcr", "tair"):
        forms = leaks.forms(leaks.canary(_RNG, rule))
        assert len({forms["raw"], forms["url"], forms["base64 +0"], forms["base64 +1"], forms["hex"]}) == 5
