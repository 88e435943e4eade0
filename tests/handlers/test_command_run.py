"""One command with a store, a seal or a reply: what stands in the store and in the result at each end."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from joserfc import jwe
from joserfc.jwk import ECKey

from shared.changes.credential import Accepted, LoginAnswer, Snapshot
from shared.results.outcome import Outcome
from shared.runtime.errors import Ambiguous, ErrorClass, OldSecretRefused, Refused, RetryLater
from shared.triggers import Trigger
from tests.support.memory_run import Scene
from tests.support.scripted_cloud import fenced_cloud
from tests.support.scripted_world import World

ONE = {"InstanceId": "crs-one", "AccountName": "app", "CommandId": "c-1"}
MADE = ONE | {"NewPassword": {"Generate": {}}, "Deliver": {"Store": "ssm://s"}}
GIVEN = ONE | {"NewPassword": "New-Passw0rd1"}
BY_CLOUD = ONE | {"Random": True}
SWAP: dict[str, Any] = {"Region": "cn-hangzhou", "InstanceId": "r-one", "AccountName": "app", "CommandId": "c-1"}
SWAP |= {"OldPassword": {"SecretRef": "kms://s"}, "NewPassword": {"Generate": {}}, "Deliver": {"Store": "kms://s"}}
PAIR = {name: value for name, value in MADE.items() if name != "AccountName"} | {"Alternate": ["app", "web"]}

PRIVATE = ECKey.generate_key("P-256")
SEAL = {"Seal": PRIVATE.as_dict(private=False)}


def opened(sealed: str | None) -> dict[str, str]:
    assert sealed is not None
    body: dict[str, str] = json.loads(jwe.decrypt_compact(sealed, PRIVATE).plaintext or b"")
    return body


def fenced(**what: Any) -> Scene:
    return Scene(fenced_cloud(), **what)


# --- a store


def test_a_made_secret_is_in_the_store_before_the_call_and_current_after_it() -> None:
    scene = Scene()
    held: list[bool] = []

    def change() -> Accepted:
        held.append(scene.vault.holds(scene.cloud.script.sent[-1]))
        return SET

    scene.cloud.script.answers["change"] = [change]
    run = scene.begin(MADE)
    assert not run.called
    conclusion = run.conclude()
    assert conclusion is not None
    assert held == [True]
    assert run.called
    assert (conclusion.outcome, conclusion.calls, conclusion.request_id) == (Outcome.CHANGED, 1, "req-1")
    assert scene.vault.current == scene.cloud.script.sent[0]
    assert conclusion.stored is not None
    assert (conclusion.stored.name, conclusion.stored.stage, conclusion.stored.region) == (
        "ssm://s",
        "current",
        "ap-guangzhou",
    )
    assert conclusion.stored.version == scene.version_of("c-1")
    assert conclusion.stored.current == "v1"


SET = Accepted("req-1", None)


def test_evidence_of_the_secrets_stands_before_that_of_the_change() -> None:
    scene = Scene()
    scene.vault.current = "Stored-Passw0rd"
    conclusion = scene.conclude(ONE | {"NewPassword": {"SecretRef": "ssm://s"}})
    assert conclusion.evidence == ["store: ssm://s read", "seen"]
    assert conclusion.stored is None
    assert scene.cloud.script.sent == ["Stored-Passw0rd"]


def test_a_dry_run_writes_nothing_and_names_no_version() -> None:
    scene = Scene()
    conclusion = scene.conclude(MADE | {"DryRun": True})
    assert (conclusion.outcome, conclusion.stored, list(scene.vault.values)) == (Outcome.WOULD_CHANGE, None, ["v1"])
    scene.vault.put(scene.version_of("c-1"), "Begun-Passw0rd")
    scene.cloud.script.answers["snapshot"] = [Snapshot(obstacle=Refused(ErrorClass.FAILED, "no"))]
    conclusion = scene.conclude(MADE | {"DryRun": True})
    assert (conclusion.outcome, conclusion.stored) == (Outcome.NOT_CHANGED, None)


def test_a_store_is_allowed_by_its_own_name_and_region() -> None:
    allow = (("tencent", "redis", "*", "*", "*"), ("tencent", "ssm", "ap-guangzhou", "s", "*"))
    assert Scene(world=World().set(allow=allow)).conclude(MADE).outcome is Outcome.CHANGED


def test_a_store_that_cannot_be_read_ends_the_command_with_nothing_changed() -> None:
    scene = Scene(fails={"versions": Refused(ErrorClass.FORBIDDEN, "not yours", code="Denied")})
    conclusion = scene.conclude(MADE)
    assert (conclusion.outcome, conclusion.stored) == (Outcome.NOT_CHANGED, None)
    assert conclusion.error is not None
    assert conclusion.error.code == "Denied"


def test_an_earlier_delivery_s_version_that_cannot_be_read_leaves_what_it_did_unknown() -> None:
    scene = Scene(fails={"read": Refused(ErrorClass.FORBIDDEN, "not yours", code="Denied")})
    scene.vault.put(scene.version_of("c-1"), "Begun-Passw0rd")
    conclusion = scene.conclude(MADE)
    assert (conclusion.outcome, conclusion.stored and conclusion.stored.stage) == (Outcome.UNKNOWN, "pending")
    scene.fails = {"read": RetryLater(ErrorClass.BUSY, "later")}
    assert scene.begin(MADE).conclude() is None
    assert len(scene.world.commands.events) == 1


def test_a_command_waits_out_the_settling_time_and_the_limit_of_an_earlier_one() -> None:
    scene = Scene(world=World(limit_s=40.0))
    made = time.time() - 100.0
    scene.vault.put(scene.version_of("c-0", number=2), "Other-Passw0rd", made)
    assert scene.begin(MADE).conclude() is None
    assert 269.0 < scene.world.commands.delays[0] <= 270.0  # 330 s, and 40 s, less 100 s
    scene.vault.put(scene.version_of("c-0", number=2), "Other-Passw0rd", made - 271.0)
    assert scene.conclude(MADE).outcome is Outcome.CHANGED


def test_the_turn_of_an_alternating_secret_names_the_account() -> None:
    scene = Scene()
    scene.vault.current = json.dumps({"AccountName": "app", "Password": "App-Passw0rd"})
    run = scene.begin(PAIR)
    assert run.context.subject.account == "-"
    conclusion = run.conclude()
    assert conclusion is not None
    assert (conclusion.outcome, run.context.subject.account) == (Outcome.CHANGED, "web")
    assert scene.cloud.subjects[0].account == "web"
    assert json.loads(scene.vault.current)["AccountName"] == "web"


def test_a_command_that_an_earlier_delivery_finished_is_looked_at_and_not_made_again() -> None:
    scene = fenced()
    version = scene.version_of("c-1", resource="r-one")
    scene.vault.put(version, "Done-Passw0rd")
    scene.vault.current = "Done-Passw0rd"
    scene.vault.moved = 1
    conclusion = scene.conclude(SWAP)
    assert conclusion.outcome is Outcome.ALREADY_CHANGED
    assert "fence_probe: accepted" in conclusion.evidence
    assert conclusion.stored is not None
    assert (conclusion.stored.version, conclusion.stored.stage) == (version, "current")
    assert scene.cloud.script.count("change") == 0


def test_a_finished_command_whose_secret_the_server_refuses_by_now_waits_for_nobody() -> None:
    scene = Scene()
    scene.vault.put(scene.version_of("c-1"), "Done-Passw0rd")
    scene.vault.current = "Done-Passw0rd"

    def refuse() -> LoginAnswer:
        scene.world.time.pass_by(scene.world.left_s)
        return LoginAnswer.REFUSED

    scene.cloud.script.answers["login"] = [refuse]
    conclusion = scene.conclude(MADE | {"Login": True})
    assert conclusion.error is not None
    assert (conclusion.outcome, conclusion.error.code) == (Outcome.NOT_CHANGED, "Superseded")
    assert scene.world.commands.events == []


def test_a_finished_command_whose_follower_is_open_is_contested() -> None:
    scene = fenced()
    scene.vault.put(scene.version_of("c-1", resource="r-one"), "Done-Passw0rd", 10.0)
    scene.vault.put(scene.version_of("c-2", resource="r-one"), "Later-Passw0rd", 20.0)
    scene.vault.current = "Done-Passw0rd"
    scene.cloud.script.answers["probe"] = [Refused(ErrorClass.FAILED, "odd", code="Odd")]
    conclusion = scene.conclude(SWAP)
    assert (conclusion.outcome, conclusion.verified_now) == (Outcome.UNKNOWN, False)
    assert conclusion.stored is not None
    assert conclusion.stored.stage == "current"


def test_a_command_that_a_later_one_replaced_says_so_and_calls_nothing() -> None:
    scene = fenced()
    scene.vault.put(scene.version_of("c-1", resource="r-one"), "Done-Passw0rd", 10.0)
    scene.vault.put(scene.version_of("c-2", resource="r-one"), "Later-Passw0rd", 20.0)
    scene.vault.current = "Later-Passw0rd"
    conclusion = scene.conclude(SWAP)
    assert conclusion.error is not None
    assert (conclusion.outcome, conclusion.error.code, conclusion.stored) == (Outcome.NOT_CHANGED, "Superseded", None)
    assert scene.cloud.script.calls == []


def test_little_time_is_enough_without_a_store_and_too_little_with_one() -> None:
    assert Scene(world=World(left_s=4.0)).conclude(GIVEN).outcome is Outcome.CHANGED
    scene = Scene(world=World(left_s=4.0))
    assert scene.begin(MADE).conclude() is None
    assert scene.cloud.script.count("change") == 0


def test_a_look_at_the_store_that_is_old_is_made_anew_before_the_call() -> None:
    scene = fenced()
    run = scene.begin(SWAP)

    def look() -> Snapshot:
        assert run.write_ahead is not None
        run.write_ahead._listed_at -= 60.0
        scene.vault.put(scene.version_of("c-2", resource="other"), "Theirs-Passw0rd")
        return Snapshot()

    scene.cloud.script.answers["snapshot"] = [look]
    conclusion = run.conclude()
    assert conclusion is not None
    assert conclusion.error is not None
    assert (conclusion.outcome, conclusion.error.code) == (Outcome.NOT_CHANGED, "StoreOfAnother")
    assert scene.cloud.script.count("change") == 0


def test_another_value_is_made_kept_and_sealed_where_the_cloud_refuses_the_first() -> None:
    scene = Scene()
    refused = Refused(ErrorClass.INVALID_COMMAND, "not this one", code="Weak")
    refused.of_value = True
    scene.cloud.script.answers["change"] = [refused, SET]
    run = scene.begin(MADE | {"Deliver": {"Store": "ssm://s"} | SEAL})
    conclusion = run.conclude()
    assert conclusion is not None
    first, second = scene.cloud.script.sent
    assert first != second
    assert scene.vault.current == second
    assert scene.vault.values[scene.version_of("c-1", number=2)] == second
    assert opened(conclusion.sealed)["Secret"] == second


def again(scene: Scene) -> list[Any]:
    """A lost answer so late that the repeat is not waited for."""

    def lost() -> Accepted:
        deadline_s = scene.world.left_s - (scene.world.time.monotonic - 1_000.0)
        scene.world.time.pass_by(deadline_s - 3.71)  # what a call with a store wants, and 10 ms to wait
        raise Ambiguous("no answer", code="Timeout")

    return [lost, SET]


def test_a_call_that_is_made_again_without_a_fence_is_marked_in_the_store() -> None:
    scene = Scene()
    scene.cloud.script.answers["change"] = again(scene)
    assert scene.conclude(MADE).outcome is Outcome.CHANGED
    assert scene.cloud.script.count("change") == 2
    assert scene.version_of("c-1", number=2) in scene.vault.values
    swapped = fenced()
    swapped.cloud.script.answers["change"] = again(swapped)
    assert swapped.conclude(SWAP).outcome is Outcome.CHANGED
    assert swapped.cloud.script.count("change") == 2
    assert swapped.version_of("c-1", number=2, resource="r-one") not in swapped.vault.values


def test_an_old_secret_of_the_store_is_tried_and_said_to_have_been_in_force() -> None:
    scene = fenced()
    scene.vault.put("users-own", "Older-Passw0rd", 0.5)
    scene.cloud.script.answers["change"] = [OldSecretRefused(ErrorClass.WRONG_OLD_SECRET, "no", code="Wrong"), SET]
    conclusion = scene.conclude(SWAP)
    assert conclusion.outcome is Outcome.CHANGED
    assert "store: version users-own held the old secret" in conclusion.evidence
    assert scene.cloud.script.count("change") == 2
    assert scene.cloud.script.count("probe") == 0


def test_no_old_secret_is_called_wrong_while_another_of_the_store_may_be_in_force() -> None:
    wrong = OldSecretRefused(ErrorClass.WRONG_OLD_SECRET, "no", code="Wrong")
    for pending, outcome in ((False, Outcome.NOT_CHANGED), (True, Outcome.UNKNOWN)):
        scene = fenced()
        if pending:
            scene.vault.put(scene.version_of("c-0", resource="r-one"), "Older-Passw0rd", 2.0)
        scene.cloud.script.answers |= {"change": [wrong], "probe": [wrong]}
        conclusion = scene.conclude(SWAP)
        assert conclusion.outcome is outcome
        assert conclusion.stored is not None
        assert conclusion.stored.stage == "pending"
        assert f"store: version {conclusion.stored.version} left pending" in conclusion.evidence


# --- a login before the call


@pytest.mark.parametrize(("existed", "calls"), [(True, 0), (False, 1)])
def test_a_secret_that_an_earlier_delivery_wrote_is_tried_by_a_login_before_the_call(existed: bool, calls: int) -> None:
    scene = Scene()
    if existed:
        scene.vault.put(scene.version_of("c-1"), "Begun-Passw0rd")
    conclusion = scene.conclude(MADE | {"Login": True})
    assert conclusion.outcome is (Outcome.ALREADY_CHANGED if existed else Outcome.CHANGED)
    assert scene.cloud.script.count("change") == calls


def test_a_given_secret_is_tried_by_a_login_before_the_call_and_a_fresh_one_is_not() -> None:
    scene = Scene()
    assert scene.conclude(GIVEN | {"Login": True}).outcome is Outcome.ALREADY_CHANGED
    scene.cloud.script.calls.clear()
    shown = ONE | {"NewPassword": {"Generate": {}}, "Deliver": {"Reply": True}, "Login": True}
    assert scene.conclude(shown, Trigger.HTTP).outcome is Outcome.CHANGED
    assert scene.cloud.script.count("change") == 1


def test_without_a_login_nothing_is_asked() -> None:
    scene = Scene()
    scene.conclude(GIVEN)
    assert scene.cloud.script.count("login") == 0


# --- a caller without a name


@pytest.mark.parametrize(
    ("trigger", "named", "command_id", "outcome"),
    [
        (Trigger.HTTP, False, None, Outcome.NOT_CHANGED),
        (Trigger.HTTP, True, None, Outcome.UNKNOWN),
        (Trigger.HTTP, False, "c-1", Outcome.UNKNOWN),
        (Trigger.QUEUE, False, None, Outcome.UNKNOWN),
    ],
)
def test_only_a_caller_who_named_nothing_is_told_of_a_typo_by_an_odd_probe(
    trigger: Trigger, named: bool, command_id: str | None, outcome: Outcome
) -> None:
    scene = fenced()
    scene.cloud.script.answers["change"] = [OldSecretRefused(ErrorClass.WRONG_OLD_SECRET, "no", code="Wrong")]
    scene.cloud.script.answers["probe"] = [Refused(ErrorClass.FAILED, "odd", code="Odd")]
    data = {name: value for name, value in SWAP.items() if name not in ("CommandId", "Deliver")}
    data |= {"OldPassword": "Old-Passw0rd1", "NewPassword": "New-Passw0rd1"}
    data |= {"CommandId": command_id} if command_id else {}
    assert scene.conclude(data, trigger, named=named).outcome is outcome
