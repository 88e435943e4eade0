"""What a function may do is what it was seen to do: the calls that the stand-in met are the rights beside it."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from shared.stores.store import RIGHTS
from shared.triggers import read
from shared.workbench.bundle import operations
from shared.workbench.bundle.description import Cloud, Description
from shared.workbench.bundle.loading import load
from shared.workbench.deploy import policy_files
from shared.workbench.deploy.policies import Policy, policies
from tests.cloud.identity.documents import Question, is_allowed
from tests.conftest import ACCOUNT, PASSWORD, REGISTRY, TAIR, House, outcome
from tests.support import platform_events
from tests.support.other_accounts import ALIBABA_ROLE, TENCENT_ROLE

ROOT = Path(__file__).parents[2]
OPERATIONS = tuple(operations.operations())
TRIGGERS = (platform_events.HTTP, platform_events.TIMER, platform_events.QUEUE)
SSM, KMS = "ssm://redis-crs-demo0001-app", "kms://tair-r-demo0001-app"
SERVICES = {"redis": "redis", "tcr": "tcr", "r-kvstore": "kvstore"}


def described(cloud: str, **environ: str) -> Description:
    return load(ROOT / "serverless.yml", cloud, environ)


def rights_of(function: str) -> set[str]:
    rights = operations.rights(function)
    assert len(set(rights)) == len(rights)
    return set(rights)


def seen(house: House) -> set[str]:
    """`service:Action` of every API request since the reset."""
    return {named(call) for call in house.cloud.calls()}


def named(call: dict[str, str]) -> str:
    return f"{SERVICES[call['Host'].partition('.')[0]]}:{call['Action']}"


def commands_of(function: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Platform, trigger and command of each of a function's events."""
    fields = import_module(f"functions.{function}").main_handler.fields
    found = []
    for platform in (platform_events.SCF, platform_events.FC):
        for trigger in TRIGGERS:
            raw = (ROOT / "events" / function / f"{platform}-{trigger}.json").read_bytes()
            event = json.loads(raw) if platform == platform_events.SCF else raw
            command = read(event, fields=fields, request_id="r").messages[0].data
            assert isinstance(command, dict)
            found.append((platform, trigger, command))
    return found


@pytest.mark.parametrize("function", OPERATIONS)
def test_an_operation_calls_what_its_rights_say_and_nothing_else(function: str, house: House) -> None:
    called: set[str] = set()
    for platform, trigger, command in commands_of(function):
        extras: list[dict[str, bool]] = [{}]
        if trigger == platform_events.HTTP:
            extras += [{"Login": True}, {"DryRun": True}, {"DryRun": True, "Login": True}]
        for extra in extras:
            # A gateway may know the action's older name alone.
            house.cloud.reset(unknown_actions=["ModifyInstancePassword"] if "Login" in extra else [])
            house.send(function, command | extra, platform, trigger)
            called |= seen(house)
    assert called == rights_of(function)


@pytest.mark.long
def test_follow_change_reads_what_its_rights_say_and_nothing_else(house: House) -> None:
    """A task and a status; a lost call that reads settle; a login with what the store holds."""
    called: set[str] = set()
    house.settings["KEYTURN_COMMANDS"] = house.commands_url
    made: dict[str, Any] = {"Generate": {"Length": 20}}
    redis: dict[str, Any] = {"InstanceId": "crs-demo0001", "AccountName": "app", "AccountPassword": made, "Login": True}
    tair: dict[str, Any] = {"InstanceId": "r-demo0001", "AccountName": "app", "OldAccountPassword": {"SecretRef": KMS}}
    tair |= {"NewAccountPassword": made, "Login": True, "Deliver": {"Store": KMS}}
    lost = [{"Action": "ModifyInstanceAccount", "Fault": "drop_before", "Times": 3}]
    for function, platform, command, faults in [
        (ACCOUNT, "scf", redis | {"Deliver": {"Store": SSM}}, []),
        (ACCOUNT, "scf", redis | {"Deliver": {"Store": SSM}, "Login": False}, lost),
        (TAIR, "fc", tair, []),
    ]:
        house.cloud.reset(task_s=6.0, settle_s=6.0)
        house.cloud.faults(faults)
        pending = house.send(function, command, platform, platform_events.QUEUE, timeout_s=9.0)
        assert outcome(pending) == "pending"
        before = len(house.cloud.calls())
        follow = platform_events.event(json.dumps(house.commands()[-1]), platform, platform_events.QUEUE)
        house.deliver("follow_change", follow, platform)
        called |= {named(call) for call in house.cloud.calls()[before:] if call["Host"][:3] not in ("ssm", "kms")}
    assert called == rights_of("follow_change")
    assert not [right for right in called if "Modify" in right or "Modfiy" in right]


def policy_of(description: Description, module: str) -> Policy:
    return policies(description, next(spec for spec in description.functions if spec.module == module))[0]


@pytest.mark.parametrize("cloud", ["tencent", "alibaba"])
def test_a_role_may_do_its_functions_rights_and_send_to_its_queues(cloud: str) -> None:
    description = described(cloud)
    for spec in description.functions:
        (policy,) = policies(description, spec)
        own = {
            right for right in rights_of(spec.module) if right.startswith(("kvstore", "kms")) is (cloud == "alibaba")
        }
        if spec.module in ("follow_change", ACCOUNT if cloud == "tencent" else TAIR):  # the policies rotate these
            own |= set(RIGHTS[cloud])
        send = "ckafka:SendMessage" if cloud == "tencent" else "mns:SendMessage"
        assert {grant.action for grant in policy.grants} == own | {send}
        assert policy.holder == spec.role


def test_cams_form_is_2_0_in_lower_case_and_rams_is_1() -> None:
    cam = policy_of(described("tencent"), PASSWORD)
    assert cam.document["version"] == "2.0"
    assert all(part.keys() == {"effect", "action", "resource"} for part in cam.document["statement"])
    assert {resource for part in cam.document["statement"] for resource in part["resource"]} == {
        "qcs::redis:ap-guangzhou::instance/*",
        "*",
    }
    ram = policy_of(described("alibaba"), TAIR)
    assert ram.document["Version"] == "1"
    assert all(part.keys() == {"Effect", "Action", "Resource"} for part in ram.document["Statement"])
    assert [part["Resource"] for part in ram.document["Statement"]] == [
        ["acs:kvstore:cn-hangzhou:1000000000000042:instance/*"],
        ["acs:kms:cn-hangzhou:1000000000000042:secret/tair-*-*"],
        [
            f"acs:mns:cn-hangzhou:1000000000000042:/queues/keyturn-{queue}/messages"
            for queue in ("results", "alibaba-tair-modify-account-password", "follow-change")
        ],
    ]


@pytest.mark.parametrize(
    ("cloud", "principal", "action"),
    [
        ("tencent", {"service": ["scf.qcloud.com"]}, "name/sts:AssumeRole"),
        ("alibaba", {"Service": ["fc.aliyuncs.com"]}, "sts:AssumeRole"),
    ],
)
def test_only_the_platforms_service_may_take_a_role(cloud: str, principal: dict[str, Any], action: str) -> None:
    description = described(cloud)
    for spec in description.functions:
        trust = policies(description, spec)[0].trust
        assert trust is not None
        (statement,) = trust["statement" if cloud == "tencent" else "Statement"]
        assert {key.lower(): value for key, value in statement.items()} == {
            "effect": "allow" if cloud == "tencent" else "Allow",
            "action": action,
            "principal": principal,
        }


def test_what_may_be_changed_narrows_what_the_role_may_touch() -> None:
    allow = "tencent/redis/ap-guangzhou/crs-demo0001/*,tencent/redis/*/crs-team-*/app,alibaba/tair/*/*/*"
    description = described("tencent", KEYTURN_ALLOW=allow)
    (statement, any_resource) = policy_of(description, ACCOUNT).document["statement"]
    wanted = ["qcs::redis:::instance/crs-team-*", "qcs::redis:ap-guangzhou::instance/crs-demo0001"]
    assert statement["resource"] == wanted
    assert any_resource["resource"] == ["*"]
    assert not [action for action in any_resource["action"] if "Modify" in action or "Modfiy" in action]
    assert {grant.action for grant in policy_of(description, REGISTRY).grants} == {"ckafka:SendMessage"}


def test_a_function_may_use_the_stores_that_are_named_for_it_and_no_other() -> None:
    rotated = policy_of(described("tencent"), ACCOUNT)
    kept = {grant.resources for grant in rotated.grants if grant.action.startswith("ssm:")}
    assert kept == {("qcs::ssm:ap-guangzhou::secret/creatorUin/*/redis-*-*",)}
    assert not [g for g in policy_of(described("tencent"), PASSWORD).grants if g.action.startswith("ssm:")]
    allow = "tencent/redis/*/*/*,tencent/ssm/ap-guangzhou/one/*"
    named = policy_of(described("tencent", KEYTURN_ALLOW=allow), PASSWORD)
    assert {
        g.action for g in named.grants if g.resources == ("qcs::ssm:ap-guangzhou::secret/creatorUin/*/one",)
    } == set(RIGHTS["tencent"])


@pytest.mark.parametrize(("cloud", "more"), [("tencent", "ap-shanghai"), ("alibaba", "cn-shanghai")])
def test_a_policy_of_several_regions_gives_rights_in_each(cloud: Cloud, more: str, tmp_path: Path) -> None:
    """To list and to change there, not only to keep secrets there; a policy of roles gives none: theirs have them."""
    text = (ROOT / "serverless.yml").read_text(encoding="utf-8")
    one = f"Region: ${{self:custom.clouds.{cloud}.region}}"
    module = {"tencent": ACCOUNT, "alibaba": TAIR}[cloud]

    def named(lines: str) -> set[str]:
        path = tmp_path / "serverless.yml"
        path.write_text(text.replace(f"      {one}", lines), encoding="utf-8")
        description = load(path, cloud, {})
        grants = [grant for spec in (module, "plan_rotation") for grant in policy_of(description, spec).grants]
        return {grant.action for grant in grants if any(more in resource for resource in grant.resources)}

    regions = f"      Regions: ['{one.partition(' ')[2]}', {more}]"
    right = "redis:ModifyInstanceAccount" if cloud == "tencent" else "kvstore:ModifyAccountPassword"
    assert named(f"      {one}") == set()
    found = named(regions)
    assert right in found and len({name for name in found if "Describe" in name}) >= (0 if cloud == "tencent" else 2)
    assert named(f"{regions}\n      Role: {ALIBABA_ROLE if cloud == 'alibaba' else TENCENT_ROLE}") == set()


ASSUMED = "qcs::cam::uin/200000000002:roleName/keyturn,qcs::cam::uin/3:roleName/k-*,acs:ram::2:role/keyturn"


@pytest.mark.parametrize(
    ("cloud", "roles"),
    [
        ("tencent", ("qcs::cam::uin/200000000002:roleName/keyturn", "qcs::cam::uin/3:roleName/k-*")),
        ("alibaba", ("acs:ram:*:2:role/keyturn",)),
    ],
)
def test_a_role_may_assume_exactly_the_roles_of_its_cloud_that_the_setting_names(
    cloud: Cloud, roles: tuple[str, ...]
) -> None:
    description = described(cloud, KEYTURN_ASSUME=ASSUMED)
    for spec in description.functions:
        policy = policy_of(description, spec.module)
        assert [(g.resources, g.status) for g in policy.grants if g.action == "sts:AssumeRole"] == [
            (roles, "documented")
        ]
        plain = roles[0].replace(":*:", "::")
        for role, allowed in ((plain, True), (plain + "2", False)):
            asked = role.replace("ram::", "ram:*:")
            question = Question(cloud, "sts:AssumeRole", asked, "1")
            assert is_allowed(question, [policy.document]) is allowed
        assert not [g for g in policy_of(described(cloud), spec.module).grants if g.action == "sts:AssumeRole"]


def test_any_resource_stands_only_where_no_other_can_be_named_or_for_an_unseen_read_and_is_told() -> None:
    for cloud in ("tencent", "alibaba"):
        description = described(cloud)
        for spec in description.functions:
            (policy,) = policies(description, spec)
            narrow = {grant.action for grant in policy.grants if "*" not in grant.resources}
            wide = {grant.action for grant in policy.grants if "*" in grant.resources}
            assert wide - narrow <= {"redis:DescribeTaskInfo", "ckafka:SendMessage"}
            assert all(action.partition(":")[2].startswith("Describe") for action in wide & narrow)
            seen = {grant.action for grant in policy.grants if grant.status == "documented"}
            reads = {action for action in narrow - seen if ":Describe" in action}
            assert cloud == "alibaba" or reads == wide & narrow
            for action in wide:
                (remark,) = [one for one in policy.remarks if one.startswith(f"any resource: {action}: ")]
                assert remark.endswith("works without") is (action in narrow)


def test_what_ssms_table_has_is_documented_but_for_the_action_on_which_two_tables_disagree() -> None:
    grants = [g for g in policy_of(described("tencent"), ACCOUNT).grants if g.action.startswith("ssm:")]
    assert [g.action for g in grants if g.status != "documented"] == ["ssm:DeleteSecretVersion"]
    assert "598/57154" in next(g.why for g in grants if g.action == "ssm:DeleteSecretVersion")


def test_policies_are_files_to_paste_and_what_nobody_has_verified_stands_beside_them(tmp_path: Path) -> None:
    description = described("tencent")
    (tmp_path / "of-before.json").write_text("{}")
    assert f"policies: {len(description.functions)} in " in policy_files.write(description, tmp_path)
    remarks = (tmp_path / policy_files.REMARKS).read_text()
    for action in ("ckafka:SendMessage", "redis:ModifyInstancePassword", "tcr:ModifyServiceAccountPassword"):
        assert f"  unverified: {action}: " in remarks
    assert "unverified: redis:ModfiyInstancePassword" not in remarks
    written = {path.name: json.loads(path.read_text()) for path in tmp_path.glob("*.json")}
    roles = {spec.role for spec in description.functions}
    assert written.keys() == {f"{role}{kind}.json" for role in roles for kind in ("", ".trust")}
    assert all(document["version"] == "2.0" for document in written.values())


def test_an_operation_on_the_other_platform_takes_its_rights_by_keys_not_by_the_role() -> None:
    scf, fc = described("tencent"), described("alibaba")
    tair = next(spec for spec in fc.functions if spec.module == TAIR)
    moved = replace(tair, role="keyturn-tair", environment=scf.functions[0].environment)
    role, keys = policies(replace(scf, functions=(moved,)), moved)
    assert ({grant.action for grant in role.grants}, role.holder) == ({"ckafka:SendMessage"}, "keyturn-tair")
    assert ({grant.action for grant in keys.grants}, keys.trust) == (rights_of(TAIR), None)
    assert keys.holder == "keys in KEYTURN_ALIBABA_*"
    assert keys.document["Statement"][0]["Resource"] == ["acs:kvstore:*:*:instance/*"]


def test_a_role_of_fc_may_make_network_interfaces_where_its_function_has_a_network_and_not_elsewhere() -> None:
    settings = {"KEYTURN_VPC": "vpc-1abc", "KEYTURN_SUBNET": "vsw-1abc", "KEYTURN_SECURITY_GROUP": "sg-1abc"}
    (statement,) = (
        part
        for part in policy_of(described("alibaba", **settings), TAIR).document["Statement"]
        if "ecs:CreateNetworkInterface" in part["Action"]
    )
    assert (len(statement["Action"]), statement["Resource"]) == (8, ["*"])
    scf = described("tencent", KEYTURN_VPC="vpc-1abc", KEYTURN_SUBNET="subnet-1abc")
    for description in (scf, described("alibaba")):
        grants = [grant for spec in description.functions for grant in policy_of(description, spec.module).grants]
        assert not [grant for grant in grants if grant.action.startswith(("ecs:", "vpc:"))]
