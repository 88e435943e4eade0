"""No secret leaves: not in a result, a reply, a log at DEBUG, an error object or a queue's file, in no encoding.

The stand-in's fault `echo` is a service whose error quotes what it was sent: nothing of that may be passed on.
"""

from __future__ import annotations

import base64
import json
import random
from itertools import cycle
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from joserfc import jwe
from joserfc.jwk import ECKey, OKPKey, RSAKey

from tests.campaign import leaks
from tests.campaign.cases_faults import TRIGGERS
from tests.campaign.fault_kinds import FAULTS
from tests.campaign.invocations import invoke_apart
from tests.campaign.observed_store import ObservedStore
from tests.campaign.operations import ALL_TARGETS, KEPT_TARGETS, STORE_ACTIONS, TARGETS, Target
from tests.cloud.client.standin import Standin
from tests.cloud.functions.platform_names import SCF
from tests.cloud.invocation.runtime import run_function
from tests.support import platform_events

Key = ECKey | OKPKey | RSAKey
_RNG = random.Random(20260301)
_HANDOFF_KEY = base64.urlsafe_b64encode(_RNG.randbytes(32)).decode().rstrip("=")
_KEYS = ("standin-secret-key", "standin-session-token", _HANDOFF_KEY)


def _samples() -> list[tuple[str, str, str]]:
    """Each fault with two operations, each operation with every kind of fault, triggers in turn."""
    names, triggers = cycle([name for name, one in TARGETS.items() if one.secret]), cycle(TRIGGERS)
    chosen = [
        (next(names), fault, next(triggers))
        for fault in (*FAULTS, *FAULTS, "echo", "echo", "echo", "echo", "echo", "", "", "", "", "")
    ]
    return [(name, fault, "http" if TARGETS[name].shown else trigger) for name, fault, trigger in chosen]


@pytest.mark.parametrize(("name", "fault", "trigger"), _samples())
def test_no_secret_shows_whatever_fault_is_met(
    cloud: Standin, tmp_path: Path, name: str, fault: str, trigger: str
) -> None:
    target = TARGETS[name]
    new = target.make_new(_RNG)
    if fault:
        cloud.faults([{"Action": target.action, "Fault": fault, "Times": 2}])
    command = target.command(target.old, new)
    places, shown = _written(cloud, target, command, trigger, tmp_path, fresh=not fault)
    secrets = [*([] if target.shown else [target.old, new]), *shown, *_KEYS]
    assert leaks.hits(places, secrets) == []


@pytest.mark.parametrize("name", [name for name, one in TARGETS.items() if one.secret and not one.shown])
def test_no_secret_shows_in_the_refusal_of_a_malformed_command(cloud: Standin, tmp_path: Path, name: str) -> None:
    target = TARGETS[name]
    new, pasted = target.make_new(_RNG), leaks.canary(_RNG, "tcr")
    command = target.command(target.old, new)
    # A secret in the wrong place, in a field that there is not, and under a name of its own.
    command |= {"Region": pasted, "Reason": new, pasted: 1, "AccountNames": new}
    places, _ = _written(cloud, target, command, "queue", tmp_path, fresh=True)
    assert leaks.hits(places, [target.old, new, pasted, *_KEYS]) == []


def _written(
    cloud: Standin, target: Target, command: dict[str, object], trigger: str, folder: Path, *, fresh: bool = False
) -> tuple[dict[str, bytes], list[str]]:
    """All that an invocation writes at DEBUG, in a process whose libraries are asked to print all they can.

    `fresh`: in one that has imported nothing yet, as at a cold start; else in one that was forked from a warm one.
    """
    settings = {
        "KEYTURN_RESULTS": f"sqlite://{folder / 'results.db'}",
        "KEYTURN_COMMANDS": f"sqlite://{folder / 'commands.db'}",
        "KEYTURN_TENCENT_ENDPOINT": cloud.endpoint,
        "KEYTURN_ALIBABA_ENDPOINT": cloud.endpoint,
        "KEYTURN_HANDOFF_KEY": _HANDOFF_KEY,
        "KEYTURN_LOG": "DEBUG",
        "KEYTURN_REPLY": "on",
    }
    event = platform_events.event(command, target.platform, trigger, name="canary")
    raw = json.dumps(event).encode() if target.platform == SCF else event
    extra, limit_s = {"DEBUG": "sdk"}, 15.0 if target.place or "Deliver" in command else 8.0
    invoke = run_function if fresh else invoke_apart
    returned = invoke(target.function, raw, target.platform, settings=settings, timeout_s=limit_s, extra=extra)
    assert returned.error is None
    assert "urllib3" in returned.log or target.base == "tair" or "invalid_command" in json.dumps(returned.value)
    value, shown = returned.value, []
    if "statusCode" in value:
        reply = json.loads(value["body"])
        if "Password" in reply:
            shown.append(reply.pop("Password"))
        value = {**value, "body": json.dumps(reply, ensure_ascii=False)}
    places = {"log": returned.log.encode(), "value": json.dumps(value, ensure_ascii=False).encode()}
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert any(b"keyturn.credential." in content or b"keyturn.command." in content for content in files.values())
    return places | files, shown


def _kept_samples() -> list[tuple[str, str, str, str]]:
    """Each store's actions with an error that quotes them, each operation by each trigger; other faults in turn."""
    triggers, faults = cycle(TRIGGERS), cycle(("cut_body", "html_500", "drop_after", "expire_token"))
    found = [(name, "", "", trigger) for name in KEPT_TARGETS for trigger in TRIGGERS]
    for name in ("kept account", "kept password", "kept tair", "kept random"):
        target = KEPT_TARGETS[name]
        for action in (target.action, *STORE_ACTIONS[target.place[:3]]):
            found += [(name, action, fault, next(triggers)) for fault in ("echo", next(faults))]
    return found


@pytest.mark.parametrize(("name", "action", "fault", "trigger"), _kept_samples())
def test_no_secret_of_a_store_shows_whatever_the_store_or_the_cloud_says(
    cloud: Standin, tmp_path: Path, name: str, action: str, fault: str, trigger: str
) -> None:
    target = KEPT_TARGETS[name]
    cloud.reset(**target.world)
    shelf = ObservedStore(target, cloud)
    shelf.look()
    if fault:
        cloud.faults([{"Action": action, "Fault": fault, "Times": 3 if fault == "echo" else 1}])
    places, shown = _written(cloud, target, target.command(target.old, "-"), trigger, tmp_path)
    shelf.look()
    assert shown == []
    assert leaks.hits(places, [*shelf.seen, *_KEYS]) == []


@pytest.mark.parametrize("name", ["kept account", "kept password", "kept random", "kept tair"])
@pytest.mark.parametrize("kind", ["P-256", "X25519", "RSA"])
def test_a_sealed_secret_shows_nowhere_in_clear(cloud: Standin, tmp_path: Path, name: str, kind: str) -> None:
    target = KEPT_TARGETS[name]
    key = _key(kind)
    command = target.command(target.old, "-")
    command |= {"Deliver": {**command["Deliver"], "Seal": key.as_dict(private=False)}}
    shelf = ObservedStore(target, cloud)
    shelf.look()
    places, shown = _written(cloud, target, command, "queue", tmp_path)
    shelf.look()
    assert shown == []
    (event,) = json.loads(places["value"])["Results"]
    opened = _opened(event["data"]["Sealed"], key)
    assert opened["Secret"] in shelf.seen
    assert leaks.hits(places, [*shelf.seen, *_KEYS]) == []
    # Nor in what any base64 in it stands for: the JWE's header, key, tag and ciphertext.
    parts = {
        f"part {n}": base64.urlsafe_b64decode(part + "==") for n, part in enumerate(event["data"]["Sealed"].split("."))
    }
    assert leaks.hits(parts, [*shelf.seen, *_KEYS]) == []


@pytest.mark.parametrize("fault", ["echo", "drop_after", "fail_task", "hang_task"])
@pytest.mark.parametrize("deliver", ["Reply", "Seal"])
def test_a_made_secret_shows_in_the_reply_that_asks_for_it_alone(
    cloud: Standin, tmp_path: Path, deliver: str, fault: str
) -> None:
    target = TARGETS["account"]
    key = _key("P-256")
    how = {"Reply": True} if deliver == "Reply" else {"Seal": key.as_dict(private=False)}
    command = target.command(target.old, "-") | {"AccountPassword": {"Generate": {"Length": 30}}, "Deliver": how}
    cloud.faults([{"Action": target.action, "Fault": fault, "Times": 2}])
    places, shown = _written(cloud, target, command, "http", tmp_path)
    assert len(shown) <= (deliver == "Reply")
    body = json.loads(json.loads(places["value"])["body"])
    if sealed := body["Result"]["data"]["Sealed"]:
        shown.append(_opened(sealed, key)["Secret"])
    assert leaks.hits(places, [target.old, *shown, *_KEYS]) == []


def test_what_cannot_be_published_shows_no_secret_in_the_log(cloud: Standin, tmp_path: Path) -> None:
    target = KEPT_TARGETS["kept account"]
    key = _key("RSA")
    command = target.command(target.old, "-")
    command |= {"Deliver": {**command["Deliver"], "Seal": key.as_dict(private=False)}}
    shelf = ObservedStore(target, cloud)
    shelf.look()
    settings = {"KEYTURN_TENCENT_ENDPOINT": cloud.endpoint, "KEYTURN_LOG": "DEBUG"}
    (tmp_path / "file").write_text("no folder")
    settings["KEYTURN_RESULTS"] = f"sqlite://{tmp_path / 'file' / 'results.db'}"
    event = platform_events.event(command, target.platform, "http", name="canary")
    returned = run_function(
        target.function, json.dumps(event).encode(), target.platform, settings=settings, extra={"DEBUG": "sdk"}
    )
    assert returned.body["Delivered"] is False
    assert "undelivered_result" in returned.log
    shelf.look()
    assert returned.body["Result"]["data"]["Outcome"] == "changed"
    places = {"log": returned.log.encode(), "value": json.dumps(returned.value).encode()}
    assert leaks.hits(places, [*shelf.seen, *_KEYS]) == []


def test_a_private_key_that_was_sent_by_mistake_is_refused_and_shows_nowhere(cloud: Standin, tmp_path: Path) -> None:
    target = KEPT_TARGETS["kept account"]
    for kind in ("P-256", "RSA"):
        whole = _key(kind).as_dict(private=True)
        command = target.command(target.old, "-") | {"Deliver": {"Store": target.place, "Seal": whole}}
        folder = tmp_path / kind
        folder.mkdir()
        places, _ = _written(cloud, target, command, "queue", folder)
        (event,) = json.loads(places["value"])["Results"]
        assert event["data"]["Error"]["Class"] == "invalid_command"
        private = [str(whole[name]) for name in ("d", "p", "q", "dp", "dq", "qi") if name in whole]
        assert leaks.hits(places, [*private, *_KEYS]) == []


@pytest.mark.parametrize("name", ["kept account", "kept tair"])
def test_no_secret_travels_to_a_follower_or_back_to_the_queue(cloud: Standin, tmp_path: Path, name: str) -> None:
    target = ALL_TARGETS[name]
    cloud.reset(task_s=30.0, settle_s=30.0)
    shelf = ObservedStore(target, cloud)
    places, _ = _written(cloud, target, target.command(target.old, "-"), "queue", tmp_path)
    held = shelf.look()
    assert any(version.startswith("kt-") for version in held)
    waiting = b"".join(content for name, content in places.items() if name.startswith("commands.db"))  # file and log
    assert b"keyturn.command.follow_change" in waiting
    assert leaks.hits(places, [*shelf.seen, *_KEYS]) == []


def _key(kind: str) -> Key:
    if kind == "RSA":
        return RSAKey.generate_key(2048)
    return OKPKey.generate_key("X25519") if kind == "X25519" else ECKey.generate_key(kind)


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


def _opened(sealed: str, key: Key) -> dict[str, str]:
    found = jwe.decrypt_compact(sealed, key, algorithms=["RSA-OAEP-256", "ECDH-ES", "A256GCM"])
    opened: dict[str, str] = json.loads(found.plaintext or b"")
    return opened
