"""serverless.yml, wrong in one place at a time: each mistake is one clear line, and nothing is called."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from shared.workbench.bootstrap.needs import needs
from shared.workbench.bundle import cron
from shared.workbench.bundle.description import CkafkaTrigger, Description, Logs, SmqTrigger, TimerTrigger
from shared.workbench.bundle.errors import DescriptionError
from shared.workbench.bundle.loading import load
from shared.workbench.bundle.timer_text import timer_text_problem
from shared.workbench.deploy.commands import next_command
from shared.workbench.deploy.policies import policies

ROOT = Path(__file__).parents[2]
FILE = (ROOT / "serverless.yml").read_text()
ACCOUNT = "tencent_redis_modify_instance_account"
COMMAND = '{"InstanceId": "crs-demo0001", "AccountName": "app", "AccountPassword": "%s"}'


def described(folder: Path, text: str, cloud: str = "tencent", **environ: str) -> Description:
    path = folder / "serverless.yml"
    path.write_text(text)
    return load(path, cloud, environ)


def mistakes(folder: Path, text: str, cloud: str = "tencent", **environ: str) -> list[str]:
    with pytest.raises(DescriptionError) as caught:
        described(folder, text, cloud, **environ)
    return caught.value.lines


LOGSET, TOPIC = "00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"
LOGGED = {
    "tencent": {"KEYTURN_CLS_LOGSET": LOGSET, "KEYTURN_CLS_TOPIC": TOPIC},
    "alibaba": {"KEYTURN_SLS_PROJECT": "orders", "KEYTURN_SLS_LOGSTORE": "keyturn_lines"},
}


def line_with(text: str, part: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if part in line)


# What is replaced by what, on which cloud, and what the mistake's line says.
WRONG = [
    ("timeout: 60", "timeouts: 60", "tencent", "unknown key `timeouts`, did you mean `timeout`?"),
    ("timeout: 60", 'timeout: "60"', "tencent", "timeout: Input should be a valid integer"),
    ("timeout: 60", "timeout: 901", "tencent", "timeout: scf takes 1 to 900 seconds"),
    ("memorySize: 128", "memorySize: 200", "tencent", "scf takes 64 MB, or 128 to 3072 MB in steps of 128"),
    ("memorySize: 128", "memorySize: 100", "alibaba", "fc takes 128 to 32768 MB in steps of 64"),
    ("concurrency: 1", "concurrency: 2", "tencent", "concurrency: must be 1: an scf instance"),
    ("asyncRetries: 2", "asyncRetries: 3", "tencent", "asyncRetries: scf takes 0 to 2"),
    ("runtime: Python3.10", "runtime: Python3.12", "tencent", "runtime: scf runs keyturn on Python3.10"),
    ("authType: CAM", "authType: NONE", "tencent", "authType: would let anybody change passwords: must be CAM"),
    ("authType: function", "authType: anonymous", "alibaba", "authType: would let anybody change passwords"),
    ("authType: function", "authType: jwt", "alibaba", "authType: must be function"),
    ("method: POST, authType: CAM", "method: GET, authType: CAM", "tencent", "method: must be POST"),
    ("0 0 2 1 1,4,7,10 * *", "0 0 25 1 1 * *", "tencent", "cron: the hour must be from 0 to 23"),
    ("0 0 2 1 1,4,7,10 * *", "0 0 2 1 1 * 2027", "alibaba", "cron: fc has no year field"),
    ('message: ""', "message: change it", "tencent", "message: must be a command, as JSON"),
    ('message: ""', f"message: '{COMMAND % 'x'}'", "tencent", "message: holds a secret in clear"),
    ("KEYTURN_LOG:", "FC_LOG:", "tencent", "environment.FC_LOG: begins with a prefix that the platforms reserve"),
    ("KEYTURN_LOG:", "TENCENTCLOUD_REGION:", "alibaba", "begins with a prefix that the platforms reserve"),
    ("KEYTURN_LOG:", "2ND:", "tencent", "2ND: must be a letter, then letters, digits and _"),
    ("${env:KEYTURN_LOG, 'INFO'}", "LOUD", "tencent", "environment.KEYTURN_LOG: must be one of"),
    ("${env:KEYTURN_LOG, 'INFO'}", "x" * 4096, "tencent", "environment: has "),
    ("${env:KEYTURN_HANDOFF_KEY, ''}", "hunter2", "tencent", "KEYTURN_HANDOFF_KEY: must be one key or two, comma-sep"),
    ("ckafka://ap-guangzhou/datahub-results", "memory://", "tencent", "KEYTURN_RESULTS: queue URL: memory"),
    (
        "- timer: ${self:custom.triggers.nightly.tencent}",
        "- timer: { name: t, cron: '1 * * * *' }\n          " * 11,
        "tencent",
        "takes at most 10 triggers",
    ),
    ("topic: keyturn-commands, ", "", "tencent", "topic: is missing"),
    ("topic: keyturn-commands, ", 'topic: "key\\nturn", ', "tencent", "topic: must be 1 to 128 printable characters"),
    ("service: keyturn", "service: 2nd_team", "tencent", "service: must be a letter, then up to 59 letters"),
    ("topic: keyturn-commands, ", f"topic: {'t' * 60}, ", "tencent", "names of at most 60 characters: ckafka"),
    ('message: ""', f"message: '{json.dumps({'InstanceId': 'x' * 4096})}'", "tencent", "is longer than 4096 bytes"),
    (
        "retries: 3 }\n\n  # What",
        "retries: 10001 }\n\n  # What",
        "tencent",
        "retries: Input should be less than or equal",
    ),
    (
        "queue: keyturn-follow-change, retries: 176",
        "queue: a_b, retries: 176",
        "alibaba",
        "queue: must be a letter or digit, then",
    ),
    (f"handler: {ACCOUNT}.main", f"handler: {ACCOUNT}.other", "tencent", "has no other_handler"),
    (f"handler: {ACCOUNT}.main", "handler: nowhere.main", "tencent", "handler: there is no functions/nowhere.py"),
    (f"handler: {ACCOUNT}", f"handler: functions/{ACCOUNT}", "tencent", "handler: must be <file>.<function>"),
    (f"name: {ACCOUNT}", "name: 2nd", "tencent", "name: is not a valid function name on scf"),
    (f"name: {ACCOUNT}", "name: ends_", "tencent", "name: is not a valid function name on scf"),
    (f"name: {ACCOUNT}", "name: follow_change", "tencent", "name: another function has the same"),
    ("role/keyturn\n", "user/keyturn\n", "alibaba", "role: must be an ARN"),
    ("- ckafka: ${self", "- kafka: ${self", "tencent", "unknown key `kafka`"),
    ("- ckafka: ${self:custom.triggers.commands}", "- {}", "tencent", "must be one trigger"),
    ("- smq: { queue: keyturn-f", "- ckafka: { instance: i, topic: t, retries: 3 } #", "alibaba", "no CKafka trigger"),
    ("service: keyturn", "service: keyturn\nplugins: [x]", "tencent", "unknown key `plugins`"),
    ("service: keyturn", "service: keyturn\nservice: again", "tencent", "or a key that is there twice"),
    ("service: keyturn", "service: [", "tencent", "not YAML"),
    ("service: keyturn", "service: ${opt:stage}", "tencent", "only env:NAME, self:path and 'text' work"),
    ("service: keyturn", "service: ${self:service}", "tencent", "refers to itself"),
    ("service: keyturn", "service: ${env:NOT_SET}", "tencent", "${env:NOT_SET} has no value and no default"),
    ("policy: quarterly-redis", "policy: yearly", "tencent", "timer.policy: there is no such policy under custom.pol"),
    ("policy: quarterly-redis", 'message: "{}", policy: quarterly-redis', "tencent", "set message or policy, not both"),
    ('message: ""', "policy: quarterly-redis", "tencent", "timer.policy: only timers of plan_rotation can name"),
    ("MaxAgeDays: 90", "MaxAgeDays: -1", "tencent", "custom.policies.quarterly-redis: MaxAgeDays: "),
    ("MaxAgeDays: 90", "MaxAge: 90", "tencent", "MaxAge: is not a field of this command"),
    ("MaxAgeDays: 90", "MaxAgeDays: 90\n      Policy: x", "tencent", "remove Policy (the key is the name)"),
    (
        f"Function: {ACCOUNT}\n      Region: ${{self:custom.clouds.tencent.region}}",
        "Function: alibaba_tair_modify_account_password\n      Region: cn-hangzhou",
        "tencent",
        "Function is not deployed",
    ),
    (
        "Region: ${self:custom.clouds.tencent.region}\n      Resources",
        "Region: oss-cn-hangzhou\n      Resources",
        "tencent",
        "quarterly-redis: Region: is no region of tencent",
    ),
    ('Accounts: ["app*"]', f"Accounts: [{', '.join(['a' * 90] * 50)}]", "tencent", "quarterly-redis: is 4"),
    ("    quarterly-tair:", "    quarterly tair:", "alibaba", "there is no such policy"),
    ("region: ${env:KEYTURN_REGION, 'ap-guangzhou'}", "region: guangzhou", "tencent", "did you mean `ap-guangzhou`?"),
    ("KEYTURN_REGION: ${self:provider.region}", "KEYTURN_REGION: cn-hangzu", "alibaba", "did you mean `cn-hangzhou`?"),
    ("${env:KEYTURN_NIGHTLY, 'off'}", "${env:CLOUD, 'off'}", "tencent", "CLOUD must be on or off"),
    ("${env:KEYTURN_VPC, ''}", "vpc-1234abcd", "tencent", "vpc.subnet: must be one subnet's id"),
    ("${env:KEYTURN_SECURITY_GROUP, ''}", "sg-1", "tencent", "vpc.securityGroup: scf has none"),
    ("${env:KEYTURN_SUBNET, ''}", "vsw-1234", "alibaba", "vpc.vpc: must be a VPC's id"),
    ("budgetMb: 4.5", "budgetMb: 51", "tencent", "budgetMb: scf takes zips of at most 50 MB"),
]


@pytest.mark.parametrize(("old", "new", "cloud", "says"), WRONG, ids=[f"{w[2]}: {w[3]}" for w in WRONG])
def test_a_mistake_is_one_clear_line(old: str, new: str, cloud: str, says: str, tmp_path: Path) -> None:
    assert old in FILE
    lines = [line for line in mistakes(tmp_path, FILE.replace(old, new, 1), cloud) if says in line]
    assert lines
    assert all(line.startswith("serverless.yml:") and "\n" not in line for line in lines)


@pytest.mark.parametrize(
    ("old", "new", "at"),
    [
        ("timeout: 60", "timeouts: 60", "timeouts: 60"),
        ("memorySize: 128", "memorySize: many", "memorySize: many"),
        ("authType: CAM", "authType: NONE", "authType: NONE"),
        ("0 0 2 1 1,4,7,10 * *", "never", 'cron: "never"'),
        ("      name: tencent\n", "      name: tencent\n      nme: x\n", "nme: x"),
        ("topic: keyturn-commands, ", f"topic: {'t' * 60}, ", "topic: ttt"),
    ],
)
def test_a_mistake_is_told_with_its_own_line(old: str, new: str, at: str, tmp_path: Path) -> None:
    text = FILE.replace(old, new, 1)
    assert mistakes(tmp_path, text)[0].startswith(f"serverless.yml:{line_with(text, at)}: ")


def test_a_misspelt_key_is_told_once_where_it_stands_though_five_functions_have_it(tmp_path: Path) -> None:
    text = FILE.replace("memorySize: 128", "memorysize: 128", 1)
    (line,) = mistakes(tmp_path, text)
    assert line.startswith(f"serverless.yml:{line_with(text, 'memorysize: 128')}: ")
    assert line.endswith(": unknown key `memorysize`, did you mean `memorySize`?")


def test_a_switch_that_is_neither_on_nor_off_is_named(tmp_path: Path) -> None:
    (line,) = mistakes(tmp_path, FILE, KEYTURN_NIGHTLY="yes")
    assert line.endswith(": KEYTURN_NIGHTLY must be on or off")


def test_a_missing_role_is_told_where_the_function_stands(tmp_path: Path) -> None:
    text = FILE.replace("        role: ${self:custom.roles.tencent}-redis-modify-instance-account\n", "")
    (line,) = mistakes(tmp_path, text)
    assert line == f"serverless.yml:{line_with(text, f'      {ACCOUNT}:')}: functions.{ACCOUNT}.role: is missing"


def test_every_mistake_is_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = FILE.replace("timeout: 60", "timeout: 0").replace("authType: CAM", "authType: NONE")
    numbers = [int(line.split(":")[1]) for line in mistakes(tmp_path, text)]
    assert len(set(numbers)) == 2
    assert numbers == sorted(numbers)


def test_a_mistake_in_what_all_functions_share_is_told_once(tmp_path: Path) -> None:
    assert len(mistakes(tmp_path, FILE.replace("timeout: 60", "timeout: 0"))) == 1
    assert len(mistakes(tmp_path, FILE.replace("timeout: 60", "timeout: soon"))) == 1


def test_no_value_is_shown_in_a_mistake(tmp_path: Path) -> None:
    text = FILE.replace("KEYTURN_LOG: ${env:KEYTURN_LOG, 'INFO'}", "KEYTURN_LOG: [hunter2-value]")
    assert not any("hunter2" in line for line in mistakes(tmp_path, text))
    assert not any("hunter2" in line for line in mistakes(tmp_path, FILE, KEYTURN_RESULTS="amqp://u:hunter2@h/q"))


COPIES = [
    ("tencent", "deadLetter: { type: cmq-queue, name: dead }"),
    ("alibaba", "destinations: { onFailure: 'acs:mns:cn-hangzhou:1:/queues/dead/messages' }"),
]


@pytest.mark.parametrize(("cloud", "copy"), COPIES)
def test_only_functions_that_never_see_a_secret_may_have_their_events_copied(
    cloud: str, copy: str, tmp_path: Path
) -> None:
    part = copy.partition(":")[0]
    everywhere = FILE.replace("    concurrency: 1 ", f"    {copy}\n    concurrency: 1 ")
    wrong = mistakes(tmp_path, everywhere, cloud)
    assert all(f"{part}: receives the event or the reply" in line and "follow_change." not in line for line in wrong)
    head, _, tail = FILE.partition(f"    {cloud}:\n      {cloud}_")
    mark = "        name: follow_change\n"
    allowed = f"{head}    {cloud}:\n      {cloud}_{tail.replace(mark, mark + f'        {copy}' + chr(10), 1)}"
    (following,) = (one for one in described(tmp_path, allowed, cloud).functions if one.module == "follow_change")
    assert following.dead_letter is not None or following.destinations is not None


@pytest.mark.parametrize("cloud", LOGGED)
def test_logs_go_where_the_environment_says_and_are_left_alone_where_it_says_nothing(
    cloud: str, tmp_path: Path
) -> None:
    for environ in ({}, dict.fromkeys(LOGGED[cloud], "")):
        assert {spec.logs for spec in described(tmp_path, FILE, cloud, **environ).functions} == {None}
    wanted = Logs(*LOGGED[cloud].values())
    both = LOGGED["tencent"] | LOGGED["alibaba"]  # the other cloud's are not read
    assert {spec.logs for spec in described(tmp_path, FILE, cloud, **both).functions} == {wanted}


@pytest.mark.parametrize(
    ("cloud", "variable", "part", "pair"),
    [
        ("tencent", "KEYTURN_CLS_LOGSET", "topic", "logset and topic"),
        ("tencent", "KEYTURN_CLS_TOPIC", "logset", "logset and topic"),
        ("alibaba", "KEYTURN_SLS_PROJECT", "logstore", "project and logstore"),
        ("alibaba", "KEYTURN_SLS_LOGSTORE", "project", "project and logstore"),
    ],
)
def test_half_of_a_place_for_logs_is_told_with_its_line(
    cloud: str, variable: str, part: str, pair: str, tmp_path: Path
) -> None:
    (line,) = mistakes(tmp_path, FILE, cloud, **{variable: LOGGED[cloud][variable]})
    assert line.startswith(f"serverless.yml:{line_with(FILE, variable)}: functions.")
    assert line.endswith(f".logs.{part}: is missing: set {pair} together, or neither")


@pytest.mark.parametrize("cloud", LOGGED)
def test_a_place_for_logs_has_its_clouds_form_and_parts(cloud: str, tmp_path: Path) -> None:
    first, second = LOGGED[cloud]
    for wrong in ("Keyturn Logs", "https://x", "-a-"):
        (line,) = mistakes(tmp_path, FILE, cloud, **LOGGED[cloud] | {first: wrong})
        assert "must be the " in line and wrong not in line
    (line,) = mistakes(tmp_path, FILE.replace(f"${{env:{second}, ''}}", "-"), cloud, **{first: LOGGED[cloud][first]})
    assert "must be the " in line
    other = {"tencent": "project: x", "alibaba": "topic: x"}[cloud]
    head, _, tail = FILE.partition("    logs: ${self:")
    text = f"{head}    logs: {{ {other} }}{tail[tail.index(' #') :]}"
    assert [line for line in mistakes(tmp_path, text, cloud) if "has none" in line]


def test_fcs_role_may_write_to_its_logstore_and_nowhere_else_and_scfs_needs_nothing(tmp_path: Path) -> None:
    fc = described(tmp_path, FILE, "alibaba", **LOGGED["alibaba"])
    for spec in fc.functions:
        (grant,) = (g for g in policies(fc, spec)[0].grants if g.action.startswith("log:"))
        place = "acs:log:cn-hangzhou:1000000000000042:project/orders/logstore/keyturn_lines"
        assert (grant.action, grant.resources, grant.status) == ("log:PostLogStoreLogs", (place,), "unverified")
    for given in (described(tmp_path, FILE, **LOGGED["tencent"]), described(tmp_path, FILE, "alibaba")):
        actions = {g.action for spec in given.functions for p in policies(given, spec) for g in p.grants}
        assert not [action for action in actions if action.startswith(("log:", "cls:"))]


def test_a_dead_letter_is_for_scf_and_a_destination_for_fc(tmp_path: Path) -> None:
    mark = "        name: follow_change\n"
    for cloud, other in (("tencent", COPIES[1][1]), ("alibaba", COPIES[0][1])):
        wrong = mistakes(tmp_path, FILE.replace(mark, f"{mark}        {other}\n"), cloud)
        assert [line for line in wrong if "has none" in line]


def test_the_description_says_what_the_platform_is_to_run(tmp_path: Path) -> None:
    scf, fc = described(tmp_path, FILE), described(tmp_path, FILE, "alibaba", KEYTURN_REGION="cn-beijing")
    assert (scf.platform, scf.region, fc.platform, fc.region) == ("scf", "ap-guangzhou", "fc", "cn-beijing")
    one = scf.functions[0]
    assert one.http is not None
    assert (one.name, one.handler, one.http.auth_type) == (ACCOUNT, f"{ACCOUNT}.main_handler", "CAM")
    assert [type(queue) for spec in scf.functions for queue in spec.queues] == [CkafkaTrigger] * len(scf.functions)
    assert [type(queue) for spec in fc.functions for queue in spec.queues] == [SmqTrigger] * len(fc.functions)
    assert one.queues[0].name == "ckafka-example-keyturn-commands"
    assert fc.functions[0].environment["KEYTURN_REGION"] == "cn-beijing"


def test_an_operation_on_the_other_platform_says_whose_cloud_it_calls(tmp_path: Path) -> None:
    other = "      alibaba_tair_modify_account_password:\n        <<: *function\n        name: tair\n"
    other += (
        "        handler: alibaba_tair_modify_account_password.main_handler\n        role: tair\n        events: []\n"
    )
    text = FILE.replace("    tencent:\n      tencent_redis", f"    tencent:\n{other}      tencent_redis")
    specs = {spec.module: spec for spec in described(tmp_path, text).functions}
    assert specs["alibaba_tair_modify_account_password"].clouds == ("alibaba",)
    assert specs["follow_change"].clouds == ("tencent", "alibaba")


@pytest.mark.parametrize(
    ("text", "scf", "fc"),
    [
        ("0 30 2 1 1,7 * *", "0 30 2 1 1,7 * *", "0 30 2 1 1,7 *"),
        ("30 2 * * mon-fri", "0 30 2 * * MON-FRI *", "0 30 2 * * MON-FRI"),
        ("*/10 * * * * *", "*/10 * * * * * *", "*/10 * * * * *"),
    ],
)
def test_one_spelling_of_a_cron_serves_both_platforms(text: str, scf: str, fc: str) -> None:
    assert (cron.render(text, "scf"), cron.render(text, "fc")) == (scf, fc)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "* * * *",
        "0 0 2 1 * MON *",
        "0 0 2 * * 1 *",
        "0 60 * * * * *",
        "0 5-1 * * * * *",
        "0 */0 * * * * *",
        "@every 4m",
        "0 0 2 L * * *",
        "0 0 2 * FOO * *",
        "0 0 2 *-3 * * *",
        "0 0 2 1 * * 3000",
        "0 0 2 ? * * *",
    ],
)
def test_a_cron_that_a_platform_could_misread_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="cron"):
        cron.render(text, "scf")


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ("", True),
        (json.dumps({"InstanceId": "i", "Password": {"SecretRef": "ssm://name"}}), True),
        (json.dumps([{"InstanceId": "i", "Random": True}]), True),
        (COMMAND % "Secret-1", False),
        (json.dumps(COMMAND % "Secret-1"), False),
        (json.dumps([{"data": {"newaccountpassword": "Secret-1"}}]), False),
        ('{"Password": "Secret-1", "Password": {"SecretRef": "ssm://name"}}', False),
        (json.dumps({"data": COMMAND % "Secret-1"}), False),
        ("not JSON", False),
        ("7", False),
        (json.dumps({"Reason": "x" * 5000}), False),
        (json.dumps({"data_base64": base64.b64encode((COMMAND % "Secret-1").encode()).decode()}), False),
        (json.dumps([base64.urlsafe_b64encode((COMMAND % "Secret-1??>").encode()).decode().rstrip("=")]), False),
        (json.dumps({"data_base64": base64.b64encode(b'{"InstanceId": "i"}').decode()}), True),
        (json.dumps([COMMAND % "Secret-1"]), False),
    ],
)
def test_a_timers_text_holds_a_command_and_no_secret(text: str, fine: bool) -> None:
    problem = timer_text_problem(text)
    assert (problem is None) is fine
    assert "Secret-1" not in (problem or "")


def test_the_command_line_says_what_is_wrong_and_ends_with_2() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "shared.workbench.package", "tencent"],
        cwd=ROOT,
        env={"KEYTURN_LOG": "LOUD"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert all(line.startswith(("serverless.yml:", "    ")) for line in done.stderr.splitlines())


@pytest.mark.parametrize(
    ("message", "found"),
    [("", 0), ("[]", 0), ('{"Mode": "report"}', 0), ("[{}]", 0), ("[%s]", 1), ("%s", 1), (json.dumps("%s"), 1)],
)
def test_a_timers_message_of_any_form_says_which_policies_it_brings(tmp_path: Path, message: str, found: int) -> None:
    rule = json.dumps({"Policy": "by-hand", "Function": ACCOUNT, "Store": "ssm://one-{resource}"})
    text = message % (json.dumps(rule)[1:-1] if message.startswith('"') else rule) if "%s" in message else message
    whole = described(tmp_path, FILE)
    timer = TimerTrigger("by-hand", "0 0 2 * * * *", True, text)
    functions = tuple(
        replace(one, timers=(timer,)) if one.module == "plan_rotation" else one for one in whole.functions
    )
    edited = replace(whole, functions=functions)
    assert [one["Policy"] for spec in functions for one in spec.rotations] == ["by-hand"] * found
    assert len(needs(edited, "").secrets) == found
    assert all(policies(edited, spec) for spec in functions)
    assert ("POLICY=by-hand" in next_command(edited)) is bool(found)
