"""Secrets that nobody sends: made, written ahead, put in force, made current; and what a broken step leaves behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from shared.stores.versions import parse_version_name
from tests.conftest import ACCOUNT, PASSWORD, REGISTRY, TAIR, House, outcome, result
from tests.support import platform_events
from tests.support.store_contents import StoreContents, kms, ssm, store_contents
from tests.support.stored_commands import APP, FENCED, KEPT, MADE, ROBOT, ROOT, opens


@pytest.fixture
def keep(house: House) -> Callable[..., Any]:
    """Sends an operation's command with a made secret into its store, by queue."""

    def send(function: str, command_id: str = "c-1", trigger: str = "queue", **more: Any) -> Any:
        command, place, platform, _, _ = KEPT[function]
        how = {key: more.pop(key) for key in ("timeout_s", "name") if key in more}
        deliver = {"Store": place} | more.pop("Deliver", {})
        return house.send(
            function, command | {"CommandId": command_id, "Deliver": deliver} | more, platform, trigger, **how
        )

    return send


def made(found: StoreContents) -> tuple[str, str]:
    """The one version that keyturn made for a change, and its secret."""
    ((version, secret),) = found.ours.items()
    return version, secret


@pytest.mark.parametrize("function", KEPT)
def test_a_made_secret_is_stored_put_in_force_and_made_current(house: House, keep: Any, function: str) -> None:
    place = KEPT[function][1]
    before = store_contents(house.cloud, place).current
    data = result(keep(function))
    assert data["Outcome"] == "changed", data
    after = store_contents(house.cloud, place)
    version, secret = made(after)
    assert (after.current, secret != before) == (secret, True)
    assert data["Stored"] == {"Name": place, "Version": version, "Stage": "current"}
    named = parse_version_name(version)
    assert named is not None
    assert named.number == 1
    # SSM overwrites the value of the version that clients read: what it held stays under a name of keyturn's.
    assert before in after.versions.values()
    assert after.users == ({"v1": after.current} if place.startswith("ssm") else {"v1": before})
    assert opens(house, function, after.current)
    assert not opens(house, function, before)
    assert after.current not in json.dumps(house.results())


@pytest.mark.parametrize("function", KEPT)
def test_a_redelivery_changes_nothing_more(house: House, keep: Any, function: str) -> None:
    keep(function)
    first = store_contents(house.cloud, KEPT[function][1])
    data = result(keep(function, name="again"))
    assert data["Outcome"] == "already_changed", data
    assert store_contents(house.cloud, KEPT[function][1]) == first
    assert [event["id"] for event in house.results()] == [house.results()[0]["id"]]


@pytest.mark.parametrize("function", KEPT)
def test_a_late_redelivery_does_not_bring_an_old_secret_back(house: House, keep: Any, function: str) -> None:
    keep(function, "c-1")
    house.cloud.advance(2.0)
    assert outcome(keep(function, "c-2")) == "changed"
    second = store_contents(house.cloud, KEPT[function][1])
    changes = len([call for call in house.cloud.calls() if call["Action"].startswith(("Modify", "Modfiy"))])
    data = result(keep(function, "c-1", name="late"))
    # Without a fence the first one's call may still be on its way, for all that this delivery can tell.
    said = "not_changed" if function in FENCED else "unknown"
    assert (data["Outcome"], data["Error"]["Code"]) == (said, "Superseded")
    house.cloud.advance(3600.0)
    data = result(keep(function, "c-1", name="later"))
    assert (data["Outcome"], data["Error"]["Code"]) == ("not_changed", "Superseded")
    assert store_contents(house.cloud, KEPT[function][1]) == second
    assert opens(house, function, second.current)
    assert changes == len([c for c in house.cloud.calls() if c["Action"].startswith(("Modify", "Modfiy"))])


@pytest.mark.parametrize("function", KEPT)
def test_what_changed_nothing_leaves_its_version_and_a_repeat_goes_on_with_it(
    house: House, keep: Any, function: str
) -> None:
    action = {ACCOUNT: "ModifyInstanceAccount", PASSWORD: "ModifyInstancePassword", TAIR: "ModifyAccountPassword"}
    house.cloud.faults([{"Action": action.get(function, "ModifyServiceAccountPassword"), "Fault": "lock", "Times": 99}])
    before = store_contents(house.cloud, KEPT[function][1])
    data = result(keep(function, timeout_s=8.0))
    locked = "throttled" if function == REGISTRY else "busy"  # a registry has no lock: the nearest that it knows
    assert (data["Outcome"], data["Error"]["Class"]) == ("not_changed", locked), data
    left = store_contents(house.cloud, KEPT[function][1])
    version, secret = made(left)
    assert (left.current, left.users) == (before.current, before.users)
    assert data["Stored"] == {"Name": KEPT[function][1], "Version": version, "Stage": "pending"}
    house.cloud.clear_faults()
    assert outcome(keep(function, name="again")) == "changed"
    after = store_contents(house.cloud, KEPT[function][1])
    assert (after.current, after.ours) == (secret, {version: secret})
    assert opens(house, function, secret)


@pytest.mark.parametrize(("function", "fault"), [(ACCOUNT, "hang_task"), (REGISTRY, "drop_after")])
def test_what_nobody_can_tell_stays_pending_until_the_next_command(
    house: House, keep: Any, function: str, fault: str
) -> None:
    action = "ModifyInstanceAccount" if function == ACCOUNT else "ModifyServiceAccountPassword"
    house.cloud.faults([{"Action": action, "Fault": fault, "Times": 9}])
    data = result(keep(function, timeout_s=9.0))
    assert (data["Outcome"], data["Stored"]["Stage"]) == ("unknown", "pending"), data
    left = store_contents(house.cloud, KEPT[function][1])
    assert set(left.pending) == set(left.ours)
    assert data["Stored"]["Version"] in left.pending
    assert len(set(left.ours.values())) == 1, "each number of it holds the one secret"
    if function == ACCOUNT:
        return  # its task hangs for ever: the instance stays busy
    house.cloud.clear_faults()
    busy = result(keep(function, "c-2", trigger="http"))
    assert (busy["Outcome"], busy["Error"]["Code"]) == ("not_changed", "StillSettling")
    house.cloud.advance(400.0)
    assert outcome(keep(function, "c-2")) == "changed"
    after = store_contents(house.cloud, KEPT[function][1])
    assert opens(house, function, after.current)
    assert set(left.ours) < set(after.versions), "nothing is discarded before it is old enough"


@pytest.mark.parametrize("function", FENCED)
@pytest.mark.parametrize("old_equals_new", ["accept", "refuse"])
def test_one_unknown_never_stops_a_rotation(house: House, keep: Any, function: str, old_equals_new: str) -> None:
    """The change went through and every answer about it was lost: the store's current secret is then the wrong one."""
    house.cloud.reset(old_equals_new=old_equals_new)
    place = KEPT[function][1]
    put = "Unresolved-Passw0rd1"
    if function == TAIR:
        kms(
            house.cloud,
            "PutSecretValue",
            SecretName=place[6:],
            VersionId="earlier",
            SecretData=put,
            VersionStages='["user-stage"]',
        )
    else:
        house.cloud.advance(1.0)
        ssm(house.cloud, "PutSecretValue", SecretName=place[6:], VersionId="earlier", SecretString=put)
    command, _, platform, resource, account = KEPT[function]
    names = ("OldAccountPassword", "NewAccountPassword") if function == TAIR else ("OldPassword", "Password")
    old = store_contents(house.cloud, place).current
    plain = command | {names[0]: old, names[1]: put}
    assert outcome(house.send(function, plain, platform)) == "changed"
    assert not house.accepts(resource, account, old)
    data = result(keep(function, "next"))
    assert data["Outcome"] == "changed", data
    assert "store: version earlier held the old secret" in data["Evidence"]
    after = store_contents(house.cloud, place)
    assert (opens(house, function, after.current), after.pending) == (True, {})
    assert after.versions["earlier"] == put


@pytest.mark.parametrize("function", FENCED)
def test_a_version_of_the_user_s_stays_as_it_is(house: House, keep: Any, function: str) -> None:
    """It is neither made current nor taken away, whatever it is called."""
    place = KEPT[function][1]
    if function == TAIR:
        put = {"SecretName": place[6:], "VersionId": "c-1", "SecretData": "Stray-Passw0rd1"}
        kms(house.cloud, "PutSecretValue", **put, VersionStages='["user-stage"]')
    else:
        house.cloud.advance(1.0)
        ssm(house.cloud, "PutSecretValue", SecretName=place[6:], VersionId="c-1", SecretString="Stray-Passw0rd1")
    data = result(keep(function, "c-1"))
    assert data["Outcome"] == "changed", data
    after = store_contents(house.cloud, place)
    assert after.versions["c-1"] == "Stray-Passw0rd1"
    assert after.current not in ("Stray-Passw0rd1", KEPT[function][4])
    assert opens(house, function, after.current)


@pytest.mark.parametrize("function", [ACCOUNT, PASSWORD, TAIR])
def test_a_task_that_outlives_the_invocation_is_followed_with_its_store(house: House, keep: Any, function: str) -> None:
    house.cloud.reset(task_s=3.0, settle_s=3.0)
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    pending = result(keep(function))
    assert (pending["Outcome"], pending["Stored"]["Stage"]) == ("pending", "pending"), pending
    left = store_contents(house.cloud, KEPT[function][1])
    version, secret = made(left)
    assert left.pending == {version: secret}
    (handed,) = house.commands()
    assert secret not in json.dumps(handed)
    platform = KEPT[function][2]
    ended = result(
        house.deliver(
            "follow_change", platform_events.event(json.dumps(handed), platform, "queue"), platform, timeout_s=20.0
        )
    )
    assert (ended["Outcome"], ended["Stored"]["Stage"]) == ("changed", "current"), ended
    after = store_contents(house.cloud, KEPT[function][1])
    assert (after.current, after.ours) == (secret, {version: secret})
    assert opens(house, function, after.current)


@pytest.mark.long
@pytest.mark.parametrize(
    ("function", "action"), [(ACCOUNT, "UpdateSecret"), (REGISTRY, "UpdateSecret"), (TAIR, "UpdateSecretVersionStage")]
)
def test_a_promotion_that_fails_is_followed_like_a_task(house: House, keep: Any, function: str, action: str) -> None:
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    house.cloud.faults([{"Action": action, "Fault": "throttle", "Times": 99}])
    pending = result(keep(function, timeout_s=15.0))
    assert pending["Outcome"] == "pending", pending
    (handed,) = house.commands()
    house.cloud.clear_faults()
    platform = KEPT[function][2]
    ended = result(
        house.deliver(
            "follow_change", platform_events.event(json.dumps(handed), platform, "queue"), platform, timeout_s=20.0
        )
    )
    assert (ended["Outcome"], ended["Stored"]["Stage"]) == ("changed", "current"), ended
    assert opens(house, function, store_contents(house.cloud, KEPT[function][1]).current)


@pytest.mark.parametrize("trigger", ["http", "queue", "timer"])
def test_a_random_password_with_a_store_is_keyturn_s_own_and_written_ahead(house: House, trigger: str) -> None:
    command = {"RegistryId": "tcr-demo0001", "Name": "robot", "Random": True, "Deliver": {"Store": ROBOT}}
    returned = house.send(REGISTRY, command | {"CommandId": "c-1"}, "scf", trigger)
    assert outcome(returned) == "changed", result(returned)
    after = store_contents(house.cloud, ROBOT)
    assert after.pending == {}
    assert house.accepts("tcr-demo0001", "robot", after.current)
    assert after.current not in json.dumps(returned.value)
    # Made by the registry's own rule, so that a lost answer can be repeated: it is sent, not asked for.
    house.cloud.faults([{"Action": "ModifyServiceAccountPassword", "Fault": "drop_after"}])
    house.cloud.advance(400.0)
    lost = house.send(REGISTRY, command | {"CommandId": "c-2"}, "scf", trigger)
    assert outcome(lost) == "changed", result(lost)
    assert house.accepts("tcr-demo0001", "robot", store_contents(house.cloud, ROBOT).current)


def test_a_store_and_a_reply_may_both_hold_the_secret(house: House, keep: Any) -> None:
    house.settings["KEYTURN_REPLY"] = "on"
    returned = keep(ACCOUNT, trigger="http", Deliver={"Reply": True})
    assert outcome(returned) == "changed"
    assert returned.body["Password"] == store_contents(house.cloud, APP).current


def test_without_a_store_a_made_secret_is_for_a_caller_who_waits(house: House) -> None:
    house.settings["KEYTURN_REPLY"] = "on"
    command = KEPT[ACCOUNT][0] | {"Deliver": {"Reply": True}}
    assert result(house.send(ACCOUNT, command, "scf", "queue"))["Error"]["Class"] == "invalid_command"
    returned = house.send(ACCOUNT, command)
    assert house.accepts("crs-demo0001", "app", returned.body["Password"])
    fenced = KEPT[PASSWORD][0] | {"Deliver": {"Reply": True}}
    data = result(house.send(PASSWORD, fenced))
    assert data["Error"]["Class"] == "invalid_command"
    assert "use Deliver.Store" in data["Error"]["Message"]
    house.settings["KEYTURN_REPLY"] = "off"
    assert result(house.send(ACCOUNT, command))["Error"]["Class"] == "forbidden"


def test_a_new_secret_by_reference_is_put_in_force_and_must_keep_the_rule(house: House) -> None:
    ssm(house.cloud, "PutSecretValue", SecretName=APP[6:], VersionId="v2", SecretString="Chosen-Passw0rd1")
    ssm(house.cloud, "PutSecretValue", SecretName=APP[6:], VersionId="v3", SecretString="short")
    command = {"InstanceId": "crs-demo0001", "AccountName": "app"}
    data = result(house.send(ACCOUNT, command | {"AccountPassword": {"SecretRef": f"{APP}#v2"}}))
    assert data["Outcome"] == "changed"
    assert house.accepts("crs-demo0001", "app", "Chosen-Passw0rd1")
    data = result(house.send(ACCOUNT, command | {"AccountPassword": {"SecretRef": f"{APP}#v3"}}))
    assert (data["Outcome"], data["Error"]["Class"]) == ("not_changed", "invalid_command")
    assert "short" not in json.dumps(data)


def test_an_allow_list_names_stores_too(house: House, keep: Any) -> None:
    house.settings["KEYTURN_ALLOW"] = "tencent/redis/*/*/*"
    before = len(house.cloud.calls())
    data = result(keep(ACCOUNT))
    assert (data["Outcome"], data["Error"]["Class"]) == ("not_changed", "forbidden")
    assert len(house.cloud.calls()) == before
    house.settings["KEYTURN_ALLOW"] += ",tencent/ssm/*/redis-*/*"
    assert outcome(keep(ACCOUNT)) == "changed"


@pytest.mark.parametrize("function", [ACCOUNT, TAIR])
def test_a_store_that_cannot_be_written_stops_the_change_before_its_call(
    house: House, keep: Any, function: str
) -> None:
    house.cloud.reset(deny=["PutSecretValue"])
    before = store_contents(house.cloud, KEPT[function][1])
    data = result(keep(function))
    assert (data["Outcome"], data["Error"]["Class"]) == ("not_changed", "forbidden")
    assert not [call for call in house.cloud.calls() if call["Action"].startswith("Modify")]
    assert store_contents(house.cloud, KEPT[function][1]) == before


def test_a_dry_run_reads_the_store_and_writes_nothing(house: House, keep: Any) -> None:
    before = store_contents(house.cloud, ROOT)
    data = result(keep(PASSWORD, DryRun=True))
    assert (data["Outcome"], data["Stored"]) == ("would_change", None), data
    assert store_contents(house.cloud, ROOT) == before


def turn(house: House, place: str) -> dict[str, Any]:
    kept: dict[str, Any] = json.loads(store_contents(house.cloud, place).current)
    return kept


@pytest.mark.parametrize("function", [ACCOUNT, TAIR])
def test_two_accounts_take_turns_and_clients_keep_a_working_secret(house: House, function: str) -> None:
    redis = {
        "crs-demo0001": {"accounts": {"app_a": {"password": "Aaaa-Passw0rd"}, "app_b": {"password": "Bbbb-Passw0rd"}}}
    }
    tair = {
        "r-demo0001": {"accounts": {"app_a": {"password": "Aaaa-Passw0rd"}, "app_b": {"password": "Bbbb-Passw0rd"}}}
    }
    first = {
        "AccountName": "app_a",
        "Password": "Aaaa-Passw0rd",
        "Previous": {"AccountName": "app_b", "Password": "Bbbb-Passw0rd"},
    }
    command, place, platform, resource, _ = KEPT[function]
    stores = {place[:3]: {place[6:]: {"versions": {"v1": json.dumps(first)}}}}
    house.cloud.reset(redis=redis, tair=tair, **stores)
    names = {name: value for name, value in command.items() if name not in ("AccountName", "OldAccountPassword")}
    both = names | {"Alternate": ["app_a", "app_b"], "Deliver": {"Store": place}}
    for number, (account, other) in enumerate([("app_b", "app_a"), ("app_a", "app_b"), ("app_b", "app_a")], 1):
        working = turn(house, place)
        house.cloud.advance(2.0)  # stores tell whole seconds
        returned = house.send(function, both | {"CommandId": f"c-{number}"}, platform, "queue")
        assert outcome(returned) == "changed", result(returned)
        assert returned.value["Results"][0]["subject"].endswith(f"/{account}")
        now = turn(house, place)
        assert now["AccountName"] == account
        assert now["Previous"] == {"AccountName": other, "Password": working["Password"]}
        assert house.accepts(resource, account, now["Password"])
        assert house.accepts(resource, other, working["Password"]), "clients that still hold the other one go on"
        again = house.send(function, both | {"CommandId": f"c-{number}"}, platform, "queue", name="again")
        assert outcome(again) == "already_changed"
        assert turn(house, place) == now


def test_a_store_of_another_form_is_refused_where_accounts_take_turns(house: House) -> None:
    command = {"InstanceId": "crs-demo0001", "Alternate": ["app", "app_b"], "AccountPassword": MADE}
    data = result(house.send(ACCOUNT, command | {"Deliver": {"Store": APP}}))
    assert (data["Outcome"], data["Error"]["Code"]) == ("not_changed", "StoreForm")
