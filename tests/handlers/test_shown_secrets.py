"""Who gets a new secret: the caller's reply and the key's owner, only where it may be in force; and after a defect."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jwe
from joserfc.jwk import ECKey

from shared.changes.credential import Accepted, Snapshot
from shared.handlers.returned_secret import may_be_shown, sealed_for
from shared.results.outcome import Conclusion, Outcome
from shared.runtime.errors import Ambiguous, ErrorClass, Refused
from shared.runtime.secret import Secret
from shared.triggers import Trigger
from tests.support.memory_run import Scene
from tests.support.scripted_world import PARENT, World, logged

ONE = {"InstanceId": "crs-one", "AccountName": "app", "CommandId": "c-1"}
SHOWN = ONE | {"NewPassword": {"Generate": {}}, "Deliver": {"Reply": True}}
GIVEN = ONE | {"NewPassword": "New-Passw0rd1"}
BY_CLOUD = ONE | {"Random": True}
PRIVATE = ECKey.generate_key("P-256")
KEY: dict[str, Any] = dict(PRIVATE.as_dict(private=False))
SEALED = ONE | {"NewPassword": {"Generate": {}}, "Deliver": {"Store": "ssm://s", "Seal": KEY}}
FROM_CLOUD = Accepted("req-1", None, [], Secret("Cloud-Passw0rd"))
LOST = Ambiguous("no answer", code="Timeout")


def opened(sealed: str | None) -> dict[str, str]:
    assert sealed is not None
    body: dict[str, str] = json.loads(jwe.decrypt_compact(sealed, PRIVATE).plaintext or b"")
    return body


def lost(scene: Scene) -> Callable[[], Accepted]:
    """An answer that never comes, in the last moment."""

    def late() -> Accepted:
        scene.world.time.pass_by(scene.world.left_s)
        raise Ambiguous("no answer", code="Timeout")

    return late


def replied(scene: Scene, data: dict[str, Any], trigger: Trigger = Trigger.HTTP) -> tuple[Conclusion, str | None]:
    run = scene.begin(data, trigger)
    conclusion = run.conclude()
    assert conclusion is not None
    shown = run.for_reply(conclusion)
    return conclusion, shown.reveal() if shown is not None else None


def by_cloud() -> Scene:
    scene = Scene()
    scene.cloud.script.answers["change"] = [FROM_CLOUD]
    return scene


# --- the reply


def test_the_caller_who_asked_gets_the_secret_that_was_made() -> None:
    scene = Scene()
    conclusion, shown = replied(scene, SHOWN)
    assert (conclusion.outcome, conclusion.sealed) == (Outcome.CHANGED, None)
    assert [shown] == scene.cloud.script.sent


def test_the_caller_gets_what_the_cloud_made_with_and_without_asking() -> None:
    assert replied(by_cloud(), BY_CLOUD)[1] == "Cloud-Passw0rd"
    assert replied(by_cloud(), BY_CLOUD | {"Deliver": {"Reply": True}})[1] == "Cloud-Passw0rd"


def test_a_secret_that_the_sender_knows_is_not_sent_back() -> None:
    assert replied(Scene(), GIVEN)[1] is None


def test_a_secret_goes_into_no_reply_that_did_not_ask_for_it() -> None:
    assert replied(Scene(), SEALED)[1] is None
    assert replied(by_cloud(), BY_CLOUD | {"Deliver": {"Seal": KEY}})[1] is None


def test_no_secret_is_shown_after_a_dry_run_a_refusal_or_by_another_trigger() -> None:
    assert replied(Scene(), SHOWN | {"DryRun": True})[1] is None
    scene = Scene()
    scene.cloud.script.answers["change"] = [Refused(ErrorClass.FAILED, "no")]
    assert replied(scene, SHOWN)[1] is None
    stored = ONE | {"NewPassword": {"Generate": {}}, "Deliver": {"Store": "ssm://s"}}
    run = Scene().begin(stored)
    conclusion = run.conclude()
    assert conclusion is not None
    assert run.for_reply(conclusion) is None


def test_a_dry_run_that_finds_it_all_in_force_shows_no_secret() -> None:
    scene = Scene()
    scene.cloud.script.answers["snapshot"] = [Snapshot(in_force=True)]
    for command in (SHOWN, SEALED):
        conclusion, shown = replied(scene, command | {"DryRun": True})
        assert (conclusion.outcome, shown, conclusion.sealed) == (Outcome.ALREADY_CHANGED, None, None)


def test_what_the_cloud_showed_stays_with_http_alone() -> None:
    run = by_cloud().begin(BY_CLOUD, Trigger.HTTP)
    conclusion = run.conclude()
    assert conclusion is not None
    run.request = Scene().world.request(run.message, trigger=Trigger.QUEUE)
    assert run.for_reply(conclusion) is None


def test_a_secret_that_may_be_in_force_is_shown_though_nobody_knows() -> None:
    scene = Scene()
    scene.cloud.script.answers["change"] = [lost(scene)]
    conclusion, shown = replied(scene, SHOWN)
    assert conclusion.outcome is Outcome.PENDING
    assert [shown] == scene.cloud.script.sent


@pytest.mark.parametrize(
    ("outcome", "verified", "shown"),
    [
        (Outcome.CHANGED, True, True),
        (Outcome.CHANGED, False, False),
        (Outcome.ALREADY_CHANGED, True, True),
        (Outcome.UNKNOWN, True, True),
        (Outcome.UNKNOWN, False, False),
        (Outcome.PENDING, True, True),
        (Outcome.NOT_CHANGED, True, False),
        (Outcome.WOULD_CHANGE, True, False),
    ],
)
def test_what_may_be_shown(outcome: Outcome, verified: bool, shown: bool) -> None:
    assert may_be_shown(Conclusion(outcome, verified_now=verified)) is shown


# --- the seal


def test_the_key_s_owner_gets_the_secret_with_its_names() -> None:
    scene = Scene()
    conclusion, _ = replied(scene, SEALED)
    body = opened(conclusion.sealed)
    assert (body["Secret"], body["CommandId"], body["Subject"]) == (
        scene.cloud.script.sent[0],
        "c-1",
        "redis/crs-one/app",
    )


def test_what_the_cloud_made_is_sealed_once_it_is_known() -> None:
    conclusion, _ = replied(by_cloud(), BY_CLOUD | {"Deliver": {"Seal": KEY, "Reply": True}})
    assert opened(conclusion.sealed)["Secret"] == "Cloud-Passw0rd"


def test_a_secret_that_nobody_knows_is_not_sealed() -> None:
    scene = Scene()
    scene.cloud.script.answers["change"] = [Accepted("req-1", None)]
    conclusion, _ = replied(scene, BY_CLOUD | {"Deliver": {"Seal": KEY}})
    assert (conclusion.outcome, conclusion.sealed) == (Outcome.CHANGED, None)


def test_nothing_is_sealed_after_a_dry_run_or_a_refusal() -> None:
    assert replied(Scene(), SEALED | {"DryRun": True})[0].sealed is None
    scene = Scene()
    scene.cloud.script.answers["change"] = [Refused(ErrorClass.FAILED, "no")]
    assert replied(scene, SEALED)[0].sealed is None


def test_the_sealed_secret_travels_on_with_a_pending_change() -> None:
    scene = Scene()
    scene.cloud.script.answers["change"] = [lost(scene)]
    conclusion, _ = replied(scene, SEALED)
    assert conclusion.outcome is Outcome.PENDING
    assert conclusion.sealed == scene.world.commands.events[0]["data"]["Sealed"]
    assert opened(conclusion.sealed)["Secret"] == scene.cloud.script.sent[0]


def test_a_package_that_cannot_seal_calls_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "joserfc", None)  # as in a zip that does not carry the library
    scene = Scene()
    conclusion, _ = replied(scene, SEALED)
    assert conclusion.error is not None
    assert (conclusion.outcome, conclusion.error.code) == (Outcome.NOT_CHANGED, "NotPackaged")
    assert "seals: true" in conclusion.error.message
    assert scene.cloud.script.calls == []


def test_without_a_key_nothing_is_sealed() -> None:
    run = Scene().begin(SHOWN, Trigger.HTTP)
    for deliver in (None, run.command.deliver):
        assert sealed_for(deliver, run.context, Secret("Any-Passw0rd1")) is None


# --- a defect of ours


def test_a_defect_before_the_call_has_changed_nothing() -> None:
    scene = Scene()
    scene.cloud.script.answers["snapshot"] = [ZeroDivisionError()]
    run = scene.begin(GIVEN)
    with pytest.raises(ZeroDivisionError):
        run.conclude()
    ended = run.after_defect()
    assert ended.error is not None
    assert (ended.outcome, ended.error.error_class, ended.error.code, ended.calls) == (
        Outcome.NOT_CHANGED,
        ErrorClass.FAILED,
        None,
        0,
    )
    assert "before the call" in ended.error.message
    assert Scene().begin(GIVEN).after_defect().outcome is Outcome.NOT_CHANGED


def defect(scene: Scene, data: dict[str, Any], trigger: Trigger = Trigger.QUEUE) -> Conclusion:
    scene.cloud.script.answers.setdefault("change", [ZeroDivisionError()])
    run = scene.begin(data, trigger)
    with pytest.raises(ZeroDivisionError):
        run.conclude()
    return run.after_defect()


def test_a_defect_after_the_call_leaves_it_unknown() -> None:
    ended = defect(Scene(), GIVEN)
    assert ended.error is not None
    assert (ended.outcome, ended.error.code, ended.calls, ended.stored, ended.sealed) == (
        Outcome.UNKNOWN,
        "Unexpected",
        1,
        None,
        None,
    )
    assert "after the call" in ended.error.message


def test_a_defect_after_the_call_takes_nothing_from_the_store_and_says_where_the_secret_is() -> None:
    scene = Scene()
    ended = defect(scene, SEALED)
    assert ended.stored is not None
    assert (ended.stored.version, ended.stored.stage) == (scene.version_of("c-1"), "pending")
    assert scene.vault.values[ended.stored.version] == scene.cloud.script.sent[0] == opened(ended.sealed)["Secret"]


def test_a_defect_of_a_later_delivery_names_the_version_of_the_earlier_one() -> None:
    scene = Scene()
    scene.vault.put(scene.version_of("c-1"), "Begun-Passw0rd")
    ended = defect(scene, SEALED)
    assert ended.stored is not None
    assert (ended.stored.version, ended.stored.stage) == (scene.version_of("c-1"), "pending")


def test_a_second_defect_does_not_keep_the_result_back(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene()

    def unpacked() -> Accepted:
        monkeypatch.setitem(sys.modules, "joserfc", None)
        return FROM_CLOUD

    scene.cloud.script.answers["change"] = [unpacked]
    run = scene.begin(BY_CLOUD | {"Deliver": {"Seal": KEY, "Reply": True}}, Trigger.HTTP)
    with pytest.raises(Refused):
        run.conclude()
    with logged() as log:
        ended = run.after_defect()
    assert (ended.outcome, ended.sealed) == (Outcome.UNKNOWN, None)
    (line,) = log.of("unexpected")
    assert (line["why"], line["trace_id"]) == ("Refused", PARENT[3:35])


def test_a_world_without_sealing_needs_no_library() -> None:
    assert replied(Scene(world=World()), SHOWN)[0].outcome is Outcome.CHANGED
