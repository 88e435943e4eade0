"""What really happened: lost answers, repeats, wrong old secrets, and how each is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import ACCOUNT, HANDOFF_KEY, PASSWORD, REGISTRY, TAIR, House, outcome, result
from tests.support import platform_events
from tests.support.commands import ACTION, VALID_COMMANDS, change_calls

LOST = ["drop_after", "cut_body", "html_500", "not_json", "no_task_id"]
REDIS = [ACCOUNT, PASSWORD]


def evidence(data: dict[str, Any]) -> str:
    return "\n".join(data["Evidence"])


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("function", REDIS)
def test_a_lost_answer_is_cleared_up_by_a_repeat_or_by_the_fence(house: House, function: str, fault: str) -> None:
    house.cloud.faults([{"Action": ACTION[function], "Fault": fault}])
    data = result(house.send(function, VALID_COMMANDS[function]))
    assert data["Outcome"] == "changed"
    assert "DescribeTaskList: 1 new task" in evidence(data)
    assert "PasswordLastModifiedTime moved: yes" in evidence(data)
    # Behind the fence the repeat is refused, as the first call worked, and the probe says so.
    assert change_calls(house) == [ACTION[function]] * (2 if function == ACCOUNT else 3)
    assert house.accepts(
        VALID_COMMANDS[function]["InstanceId"], VALID_COMMANDS[function].get("AccountName", "root"), "New-Passw0rd1"
    )


@pytest.mark.parametrize("fault", LOST)
def test_a_lost_answer_of_tair_is_settled_by_the_fence_probe(house: House, fault: str) -> None:
    house.cloud.faults([{"Action": ACTION[TAIR], "Fault": fault}])
    data = result(house.send(TAIR, VALID_COMMANDS[TAIR], "fc"))
    assert data["Outcome"] == "changed"
    assert "fence_probe: accepted" in evidence(data)
    assert house.accepts("r-demo0001", "app", "New-Passw0rd1")


@pytest.mark.parametrize("fault", LOST)
def test_a_lost_answer_of_the_registry_is_cleared_up_by_a_repeat(house: House, fault: str) -> None:
    house.cloud.faults([{"Action": ACTION[REGISTRY], "Fault": fault}])
    assert outcome(house.send(REGISTRY, VALID_COMMANDS[REGISTRY])) == "changed"
    assert change_calls(house) == [ACTION[REGISTRY]] * 2
    assert house.accepts("tcr-demo0001", "robot", VALID_COMMANDS[REGISTRY]["Password"])


@pytest.mark.parametrize("fault", LOST)
def test_where_every_answer_of_the_registry_is_lost_a_login_alone_proves(house: House, fault: str) -> None:
    house.cloud.faults([{"Action": ACTION[REGISTRY], "Fault": fault, "Times": 3}])
    returned = house.send(REGISTRY, VALID_COMMANDS[REGISTRY])
    data = result(returned)
    assert (data["Outcome"], data["Error"]["Class"], returned.value["statusCode"]) == ("unknown", "ambiguous", 500)
    assert len(change_calls(house)) == 3
    house.cloud.reset()
    house.cloud.faults([{"Action": ACTION[REGISTRY], "Fault": fault, "Times": 3}])
    data = result(house.send(REGISTRY, {**VALID_COMMANDS[REGISTRY], "Login": True}))
    assert data["Outcome"] == "changed"
    assert "login with the new secret: accepted" in evidence(data)
    assert len(change_calls(house)) == 1


@pytest.mark.parametrize("every", [True, False])
def test_what_the_registry_makes_itself_is_never_asked_for_again_after_a_lost_answer(house: House, every: bool) -> None:
    house.cloud.faults([{"Action": ACTION[REGISTRY], "Fault": "drop_after", "Times": 9 if every else 1}])
    random = {"RegistryId": "tcr-demo0001", "Name": "robot", "Random": True, "Region": "ap-guangzhou"}
    returned = house.send(REGISTRY, random, "fc")
    assert (outcome(returned), len(change_calls(house)), "Password" in returned.body) == ("unknown", 1, False)


@pytest.mark.parametrize("function", [ACCOUNT, PASSWORD, TAIR])
def test_a_call_that_did_not_arrive_is_made_again(house: House, function: str) -> None:
    house.cloud.faults([{"Action": ACTION[function], "Fault": "drop_before"}])
    data = result(house.send(function, VALID_COMMANDS[function]))
    assert data["Outcome"] == "changed"
    assert house.accepts(
        VALID_COMMANDS[function]["InstanceId"], VALID_COMMANDS[function].get("AccountName", "root"), "New-Passw0rd1"
    )


@pytest.mark.parametrize("function", [ACCOUNT, PASSWORD, TAIR, REGISTRY])
def test_a_call_whose_answers_are_all_lost_is_made_three_times_and_never_called_not_changed(
    house: House, function: str
) -> None:
    """Late is not never: no queue is set, so nobody can look later."""
    house.cloud.faults([{"Action": ACTION[function], "Fault": "drop_before", "Times": 3}])
    data = result(house.send(function, VALID_COMMANDS[function]))
    # Behind a fence the probe is sent besides, with another old secret.
    assert change_calls(house) == [ACTION[function]] * (4 if function in (PASSWORD, TAIR) else 3)
    assert (data["Outcome"], data["Error"]["Class"]) == ("unknown", "ambiguous")


@pytest.mark.parametrize("function", [ACCOUNT, PASSWORD, TAIR, REGISTRY])
def test_an_error_under_an_odd_content_type_is_not_taken_for_success(house: House, function: str) -> None:
    house.cloud.faults([{"Action": ACTION[function], "Fault": "wrong_type", "Times": 9}])
    assert outcome(house.send(function, VALID_COMMANDS[function])) != "changed"


@pytest.mark.parametrize("function", [ACCOUNT, PASSWORD, TAIR, REGISTRY])
@pytest.mark.parametrize("fault", ["throttle", "lock"])
def test_what_was_surely_refused_is_tried_again_after_a_while(house: House, function: str, fault: str) -> None:
    house.cloud.faults([{"Action": ACTION[function], "Fault": fault, "Times": 2}])
    assert outcome(house.send(function, VALID_COMMANDS[function])) == "changed"


@pytest.mark.parametrize(("fault", "error_class", "status"), [("throttle", "throttled", 429), ("lock", "busy", 409)])
def test_a_refusal_that_lasts_ends_as_not_changed_with_advice_when_to_come_back(
    house: House, fault: str, error_class: str, status: int
) -> None:
    house.cloud.faults([{"Action": ACTION[ACCOUNT], "Fault": fault, "Times": 99}])
    returned = house.send(ACCOUNT, VALID_COMMANDS[ACCOUNT], timeout_s=4.0)
    data = result(returned)
    assert (data["Outcome"], data["Error"]["Class"], data["Error"]["Retryable"]) == ("not_changed", error_class, True)
    assert returned.value["statusCode"] == status
    assert returned.value["headers"]["Retry-After"].isdigit()


def test_keys_that_have_run_out_are_said_to_be_so(house: House) -> None:
    house.cloud.faults([{"Action": "*", "Fault": "expire_token"}])
    data = result(house.send(ACCOUNT, VALID_COMMANDS[ACCOUNT]))
    assert (data["Outcome"], data["Error"]["Class"], data["Error"]["Retryable"]) == ("not_changed", "forbidden", True)


def test_a_cloud_that_cannot_be_reached_has_changed_nothing(house: House) -> None:
    house.settings["KEYTURN_TENCENT_ENDPOINT"] = house.settings["KEYTURN_ALIBABA_ENDPOINT"] = "http://127.0.0.1:9"
    for function in (ACCOUNT, TAIR):
        returned = house.send(function, VALID_COMMANDS[function], timeout_s=4.0)
        assert (result(returned)["Error"]["Class"], returned.value["statusCode"]) == ("unavailable", 503)


@pytest.mark.parametrize("trigger", ["http", "timer", "queue"])
@pytest.mark.parametrize(
    ("function", "old"), [(PASSWORD, {"OldPassword": "Not-It-123"}), (TAIR, {"OldAccountPassword": "Not-It-123"})]
)
def test_a_wrong_old_password_is_called_wrong_when_the_probe_is_refused_alike(
    house: House, function: str, old: dict[str, str], trigger: str
) -> None:
    data = result(house.send(function, {**VALID_COMMANDS[function], **old}, trigger=trigger))
    assert (data["Outcome"], data["Error"]["Class"]) == ("not_changed", "wrong_old_secret")
    assert "fence_probe" in evidence(data)


@pytest.mark.parametrize("function", [PASSWORD, TAIR])
def test_a_redelivery_changes_the_password_once(house: House, function: str) -> None:
    for expected in ("changed", "already_changed", "already_changed"):
        assert outcome(house.send(function, VALID_COMMANDS[function], trigger="queue")) == expected
    assert house.accepts(
        VALID_COMMANDS[function]["InstanceId"], VALID_COMMANDS[function].get("AccountName", "root"), "New-Passw0rd1"
    )


@pytest.mark.parametrize("function", [PASSWORD, TAIR])
def test_where_the_cloud_refuses_old_equals_new_a_refused_old_secret_proves_nothing(
    house: House, function: str
) -> None:
    house.cloud.reset(old_equals_new="refuse")
    assert outcome(house.send(function, VALID_COMMANDS[function], trigger="queue")) == "changed"
    again = result(house.send(function, VALID_COMMANDS[function], trigger="queue"))
    if function == TAIR:  # its refusal of old = new has a code of its own
        assert (again["Outcome"], again["Error"]["Class"]) == ("unknown", "ambiguous")
        caller = house.send(function, VALID_COMMANDS[function])
        assert (result(caller)["Outcome"], result(caller)["Error"]["Class"]) == ("not_changed", "wrong_old_secret")
    proved = result(house.send(function, {**VALID_COMMANDS[function], "Login": True}, trigger="queue"))
    assert proved["Outcome"] == "already_changed"
    assert "login with the new secret: accepted" in evidence(proved)


@pytest.mark.parametrize("function", [ACCOUNT, PASSWORD, TAIR, REGISTRY])
def test_a_login_proves_the_new_secret_and_refutes_the_old(house: House, function: str) -> None:
    data = result(house.send(function, {**VALID_COMMANDS[function], "Login": True}))
    assert data["Outcome"] == "changed"
    assert "login with the new secret: accepted" in evidence(data)
    if function in (PASSWORD, TAIR):
        assert "login with the old secret: refused" in evidence(data)


@pytest.mark.parametrize("function", [ACCOUNT, PASSWORD])
def test_an_instance_that_is_locked_by_another_task_is_busy_until_it_ends(house: House, function: str) -> None:
    house.cloud.reset(task_s=1.5)
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    other = {"InstanceId": "crs-demo0001", "AccountName": "app", "Remark": "busy", "Region": "ap-guangzhou"}
    assert outcome(house.send(ACCOUNT, other)) == "pending"
    assert outcome(house.send(function, VALID_COMMANDS[function])) in ("changed", "pending")


@pytest.mark.parametrize(
    ("deny", "function"),
    [
        ("ModifyInstanceAccount", ACCOUNT),
        ("DescribeInstanceAccount", ACCOUNT),
        ("ModifyServiceAccountPassword", REGISTRY),
        ("ModifyAccountPassword", TAIR),
    ],
)
def test_a_missing_permission_is_forbidden_and_names_the_role(house: House, deny: str, function: str) -> None:
    house.cloud.reset(deny=[deny])
    returned = house.send(function, VALID_COMMANDS[function])
    assert (result(returned)["Error"]["Class"], returned.value["statusCode"]) == ("forbidden", 403)
    assert "role" in result(returned)["Error"]["Message"]


def test_a_lost_answer_about_no_auth_is_proved_by_the_instance_itself(house: House) -> None:
    house.settings["KEYTURN_ALLOW_NOAUTH"] = "1"
    house.cloud.faults([{"Action": "ModifyInstanceAccount", "Fault": "drop_after"}])
    command = {"InstanceId": "crs-demo0001", "AccountName": "root", "NoAuth": True, "Region": "ap-guangzhou"}
    data = result(house.send(ACCOUNT, command))
    assert data["Outcome"] == "changed"
    assert "instance and account show what was asked: yes" in evidence(data)


def test_a_login_whose_address_the_cloud_does_not_tell_is_no_obstacle_and_evidence_says_why(house: House) -> None:
    house.cloud.reset(deny=["DescribeInstances"])
    data = result(house.send(ACCOUNT, VALID_COMMANDS[ACCOUNT] | {"Login": True}))
    assert data["Outcome"] == "changed"
    untold = [line for line in data["Evidence"] if line.startswith("login with the new secret: unreachable (")]
    assert untold


def test_keys_that_run_out_while_a_task_is_followed_do_not_end_it(house: House) -> None:
    house.cloud.reset(task_s=1.5)
    house.cloud.faults([{"Action": "DescribeTaskInfo", "Fault": "expire_token"}])
    assert outcome(house.send(ACCOUNT, VALID_COMMANDS[ACCOUNT])) == "changed"


@pytest.mark.parametrize("field", ["Actor", "Reason", "CommandId", "InstanceId", "AccountName"])
def test_a_secret_in_another_field_is_named_nowhere_even_if_more_is_wrong(house: House, field: str) -> None:
    secret = "crs-Hunter2-long" if field == "InstanceId" else "Hunter2-long"
    command = {**VALID_COMMANDS[ACCOUNT], "AccountPassword": secret, "Privilege": "x", field: secret}
    for sent in (command, {**command, "Privilege": "r"}):
        returned = house.send(ACCOUNT, sent, trigger="queue")
        assert result(returned)["Error"]["Class"] == "invalid_command"
    assert "Hunter2" not in json.dumps(house.results())
    assert house.cloud.calls() == []


def test_a_command_that_comes_too_early_goes_back_as_it_is(house: House) -> None:
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    data = {"InstanceId": "crs-demo0001", "AccountName": "app", "Privilege": "r", "Region": "ap-guangzhou"}
    event = {
        "specversion": "1.0",
        "id": "e-1",
        "source": "s",
        "type": f"keyturn.command.{ACCOUNT}",
        "subject": "redis/crs-demo0001/app",
        "attempt": 3,
        "notbefore": "2099-01-01T00:00:00.1234567Z",
        "data": data,
    }
    returned = house.send(ACCOUNT, json.dumps(platform_events.signed(event, HANDOFF_KEY)), trigger="queue")
    (handed,) = house.commands()
    assert (returned.value["Results"], handed["attempt"], handed["notbefore"]) == ([], 3, event["notbefore"])
    assert house.cloud.calls() == []
    odd = house.send(ACCOUNT, json.dumps({**event, "notbefore": "tomorrow"}), trigger="queue")
    assert result(odd)["Error"]["Class"] == "invalid_command"


def test_a_fence_that_may_have_refused_an_equal_secret_is_no_proof_that_nothing_happened(house: House) -> None:
    """The change worked and its answer came too late; the probe is refused; no time is left for the repeat."""
    house.cloud.reset(old_equals_new="refuse")
    house.cloud.faults([{"Action": ACTION[TAIR], "Fault": "stall"}])
    data = result(house.send(TAIR, VALID_COMMANDS[TAIR], "fc", timeout_s=3.6))
    opens = house.accepts("r-demo0001", "app", VALID_COMMANDS[TAIR]["NewAccountPassword"])
    assert data["Outcome"] in (("changed", "already_changed", "unknown") if opens else ("unknown", "not_changed")), data


@pytest.mark.parametrize("shown_after_s", [0.0, 1.0, 5.0])
@pytest.mark.parametrize("handing_on", [False, True])
@pytest.mark.parametrize(
    "world", [{}, {"shows_changing": False}, {"old_equals_new": "refuse"}, {"old_equals_new": "same_code"}]
)
def test_available_right_after_the_call_is_no_proof_of_a_tair_change(
    house: House, world: dict[str, Any], handing_on: bool, shown_after_s: float
) -> None:
    house.cloud.reset(**world, changing_shown_after_s=shown_after_s)
    if handing_on:
        house.settings["KEYTURN_COMMANDS"] = house.commands_url
    data = result(house.send(TAIR, VALID_COMMANDS[TAIR], timeout_s=12.0))
    assert house.accepts("r-demo0001", "app", "New-Passw0rd1")
    seen = any(line.startswith("accepted: account Unavailable") for line in evidence(data))
    proven = "fence_probe: accepted" in evidence(data)
    assert data["Outcome"] in ("changed", "pending", "unknown"), data
    assert data["Outcome"] != "changed" or proven or world.get("shows_changing", True), data
    assert seen or proven or data["Outcome"] != "pending"


def test_a_tair_account_that_was_never_seen_to_change_is_proven_by_the_fence_or_a_login(house: House) -> None:
    house.cloud.reset(shows_changing=False)
    data = result(house.send(TAIR, VALID_COMMANDS[TAIR]))
    assert (data["Outcome"], "fence_probe: accepted" in evidence(data)) == ("changed", True)
    house.cloud.reset(shows_changing=False, old_equals_new="refuse")
    data = result(house.send(TAIR, VALID_COMMANDS[TAIR], timeout_s=8.0))
    assert (data["Outcome"], data["Error"]["Code"]) == ("unknown", "TaskNotEnded")
    house.cloud.reset(shows_changing=False, old_equals_new="refuse")
    data = result(house.send(TAIR, {**VALID_COMMANDS[TAIR], "Login": True}))
    assert (data["Outcome"], "login with the new secret: accepted" in evidence(data)) == ("changed", True)


@pytest.mark.parametrize("unusable_accounts", ["accept", "refuse"])
@pytest.mark.parametrize("shown", [{"disabled": True}, {"expires_at": 1_700_000_000_000}])
def test_a_registry_account_that_is_not_in_use_is_left_alone_whatever_the_cloud_does(
    house: House, shown: dict[str, object], unusable_accounts: str
) -> None:
    robot = {"password": "Robot-Passw0rd1"} | shown
    house.cloud.reset(unusable_accounts=unusable_accounts, tcr={"tcr-demo0001": {"accounts": {"robot": robot}}})
    data = result(house.send(REGISTRY, VALID_COMMANDS[REGISTRY]))
    assert (data["Outcome"], data["Error"]["Code"][:7]) == ("not_changed", "Account")
    assert ACTION[REGISTRY] not in [call["Action"] for call in house.cloud.calls()]


@pytest.mark.parametrize("twist", [[], ["R7"]])
@pytest.mark.parametrize("login", [False, True])
@pytest.mark.parametrize("function", [ACCOUNT, PASSWORD])
def test_a_failed_task_is_not_believed_where_the_account_or_a_login_shows_the_new_secret(
    house: House, function: str, login: bool, twist: list[str]
) -> None:
    """A cloud whose task failed, and whose new password came into force all the same."""
    house.cloud.reset(not_so=twist)
    house.cloud.faults([{"Action": ACTION[function], "Fault": "fail_task"}])
    data = result(house.send(function, {**VALID_COMMANDS[function], "Login": login}))
    old = {ACCOUNT: "App-Passw0rd", PASSWORD: "Old-Passw0rd"}[function]
    account = {ACCOUNT: "app", PASSWORD: "root"}[function]
    in_force = not house.accepts("crs-demo0001", account, old)
    proven = login or function == PASSWORD  # by the fence too
    expected = ("changed" if proven else "unknown") if in_force else "not_changed"
    assert data["Outcome"] == expected, data
