"""What plan and deploy refuse of settings before they call anything: examples, and queues that do not go together."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from shared.workbench.bundle.errors import DescriptionError
from shared.workbench.bundle.loading import load
from shared.workbench.deploy import commands
from tests.cloud.server.certificates import CertificateAuthority, ca_file
from tests.support.other_accounts import ALIBABA_ROLE, TENCENT_ROLE
from tests.workbench.deploy_site import OWN

ROOT = Path(__file__).parents[2]
RESULTS, COMMANDS, ACCOUNT = "KEYTURN_RESULTS", "KEYTURN_COMMANDS", "1000000000000001"
SMQ = "smq://{}.mns.{}.aliyuncs.com/{}"


def refused(cloud: str, **environ: str) -> list[str]:
    """What is wrong with the settings of an account whose own names are set, but for `environ`."""
    try:
        load(ROOT / "serverless.yml", cloud, OWN[cloud] | environ, to="deploy")
    except DescriptionError as error:
        return error.lines
    return []


@pytest.mark.parametrize("cloud", OWN)
def test_what_the_file_calls_an_example_is_refused_with_what_to_set(cloud: str) -> None:
    with pytest.raises(DescriptionError) as caught:
        load(ROOT / "serverless.yml", cloud, {}, to="deploy")
    told = "\n".join(caught.value.lines)
    assert all(f"set {name} to your own" in told for name in OWN[cloud])
    assert len(caught.value.lines) == len(OWN[cloud])
    assert f"`make bootstrap CLOUD={cloud}`, then `. dist/bootstrap/{cloud}/settings.sh`" in told
    assert refused(cloud) == []
    assert load(ROOT / "serverless.yml", cloud, {}).functions  # to build, or to read, the examples do


@pytest.mark.parametrize(("cloud", "role"), [("tencent", TENCENT_ROLE), ("alibaba", ALIBABA_ROLE)])
def test_a_policy_of_a_role_that_the_setting_does_not_name_is_refused(cloud: str, role: str, tmp_path: Path) -> None:
    """A firing would be refused, at night."""
    text = (ROOT / "serverless.yml").read_text(encoding="utf-8")
    region = f"      Region: ${{self:custom.clouds.{cloud}.region}}\n"
    path = tmp_path / "serverless.yml"
    path.write_text(text.replace(region, f"{region}      Roles: ['{role}']\n"), encoding="utf-8")
    load(path, cloud, OWN[cloud] | {"KEYTURN_ASSUME": role}, to="deploy")
    for named in ("", role.replace("keyturn", "other")):
        with pytest.raises(DescriptionError) as caught:
            load(path, cloud, OWN[cloud] | {"KEYTURN_ASSUME": named}, to="deploy")
        (line,) = caught.value.lines
        assert f"does not name {role}, the role of policy quarterly-" in line and "KEYTURN_ASSUME" in line


@pytest.mark.parametrize(
    ("cloud", "variable", "url", "says"),
    [
        ("tencent", RESULTS, "sqlite:///tmp/results", "can publish to ckafka:// or amqps:// only, not to sqlite"),
        ("tencent", RESULTS, "memory://x", "not to memory://"),
        ("alibaba", RESULTS, "sqlite:///tmp/results", "fc functions can publish to smq:// or amqps:// only, not to sqlite://"),
        ("tencent", RESULTS, SMQ.format(7, "cn-hangzhou", "r"), "not to smq://"),
        ("alibaba", RESULTS, "ckafka://ap-guangzhou/datahub-1", "not to ckafka://"),
        ("tencent", RESULTS, "amqp://u:hunter2@127.0.0.1/v?queue=q", "not to amqp://"),
        ("tencent", RESULTS, "ckafka://ap-guanzhou/datahub-1", "did you mean `ap-guangzhou`?"),
        ("alibaba", RESULTS, SMQ.format(7, "cn-hangzhou", "r"), "account 7, but `role` belongs to account 1000"),
        ("alibaba", RESULTS, SMQ.format(ACCOUNT, "cn-hangzhou", "keyturn-follow-change"), "whose messages a trigger"),
        ("tencent", COMMANDS, "ckafka://ap-beijing/datahub-1", "is a queue in ap-beijing, but the function's trigger"),
        ("tencent", COMMANDS, "amqps://u:hunter2@mq/v?queue={function}", "commands would go elsewhere"),
        ("alibaba", COMMANDS, SMQ.format(ACCOUNT, "cn-beijing", "keyturn-{function}"), "cn-beijing"),
        ("alibaba", COMMANDS, SMQ.format(ACCOUNT, "cn-hangzhou", "x-{function}"), "is the queue x-follow"),
        ("tencent", RESULTS, "", "is empty: a function without a results queue"),
    ],
)  # fmt: skip
def test_a_queue_of_another_kind_cloud_region_or_account_is_refused(
    cloud: str, variable: str, url: str, says: str
) -> None:
    lines = [line for line in refused(cloud, **{variable: url}) if says in line]
    assert lines and all(f".{variable}: " in line for line in lines)
    assert "hunter2" not in "".join(lines)


@pytest.mark.parametrize("cloud", OWN)
@pytest.mark.parametrize("to", ["deploy", None])
def test_a_certificate_authority_of_ones_own_is_never_deployed(cloud: str, to: Any, tmp_path: Path) -> None:
    text = (ROOT / "serverless.yml").read_text(encoding="utf-8")
    with ca_file(CertificateAuthority()) as ca:
        settings = f"KEYTURN_CA_FILE: {ca}\n    KEYTURN_{cloud.upper()}_ENDPOINT: https://localhost:8443"
        path = tmp_path / "serverless.yml"
        path.write_text(text.replace("    KEYTURN_LOG:", f"    {settings}\n    KEYTURN_LOG:"), encoding="utf-8")
        with pytest.raises(DescriptionError) as caught:
            load(path, cloud, OWN[cloud], to=to)
    lines = caught.value.lines
    assert lines and all("environment.KEYTURN_CA_FILE: is for a stand-in on your machine" in line for line in lines)


@pytest.mark.parametrize("cloud", OWN)
def test_one_queue_for_results_and_commands_is_refused(cloud: str) -> None:
    url = "ckafka://ap-guangzhou/datahub-1" if cloud == "tencent" else SMQ.format(ACCOUNT, "cn-hangzhou", "one")
    told = refused(cloud, KEYTURN_RESULTS=url, KEYTURN_COMMANDS=url)
    assert [line for line in told if ".KEYTURN_COMMANDS: is the same queue as KEYTURN_RESULTS" in line], told


def test_results_may_go_to_a_broker_and_to_another_region() -> None:
    for cloud, other in (
        ("tencent", "ckafka://ap-beijing/datahub-1"),
        ("alibaba", SMQ.format(ACCOUNT, "cn-beijing-internal", "results")),
    ):
        assert refused(cloud, KEYTURN_RESULTS=other) == []
        assert refused(cloud, KEYTURN_RESULTS="amqps://u:word-of-mine@mq.example.com/v?queue=q") == []


def test_a_topic_that_makes_a_triggers_name_too_long_is_told_with_its_line() -> None:
    (line,) = refused("tencent", CKAFKA_INSTANCE="ckafka-" + "x" * 60)
    assert "SCF takes trigger names of at most 60 characters" in line
    named = re.search(r"serverless\.yml:(\d+):", line)
    assert named is not None, line
    assert "ckafka" in (ROOT / "serverless.yml").read_text(encoding="utf-8").splitlines()[int(named[1]) - 1].lower()


@pytest.mark.parametrize("verb", ["plan", "deploy"])
def test_settings_come_before_keys_and_calls(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [*os.environ]:
        if name.startswith(("KEYTURN_", "TENCENTCLOUD_", "ALIBABA_", "CKAFKA_")):
            monkeypatch.delenv(name)
    assert commands.main(verb, ["tencent", "--dist", str(tmp_path)]) == 2
    told = capsys.readouterr()
    assert "set CKAFKA_INSTANCE to your own" in told.err and told.out == ""


@pytest.mark.parametrize(
    ("function", "accounts", "stands"),
    [
        ("tencent_redis_modify_instance_account", '["other*"]', True),  # the account is in the name
        ("tencent_redis_modify_instance_password", "", False),
    ],
)
def test_two_policies_keep_no_two_kinds_of_secret_under_one_name(
    function: str, accounts: str, stands: bool, tmp_path: Path
) -> None:
    store = "ssm://redis-{resource}-{account}"
    more = f"    again:\n      Function: {function}\n      Resources: {{ Patterns: ['crs-*'] }}\n      MaxAgeDays: 9\n"
    more += f"      Store: {store}\n" + (f"      Accounts: {accounts}\n" if accounts else "")
    timer = "- timer: ${self:custom.triggers.nightly.tencent}"
    text = (ROOT / "serverless.yml").read_text().replace("    quarterly-tair:\n", f"{more}    quarterly-tair:\n", 1)
    text = text.replace(timer, timer + "\n          - timer: { name: again, cron: '0 0 3 * * * *', policy: again }", 1)
    file = tmp_path / "serverless.yml"
    file.write_text(text)
    if stands:
        assert load(file, "tencent", {}).policies.keys() == {"quarterly-redis", "again"}
        return
    with pytest.raises(DescriptionError) as caught:
        load(file, "tencent", {})
    (line,) = caught.value.lines
    assert "custom.policies.again: Store: policy quarterly-redis keeps other passwords under the same names" in line


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({}, ""),
        ({"Store": "smm://a-{resource}-{account}"}, "Store: "),
        ({"Store": "ssm://"}, "Store: "),
        ({"Store": 5}, "Store"),
        ({"Region": 7}, "Region"),
        ({"Region": "nowhere"}, "Region"),
        ({"Function": "nope"}, "Function"),
        ({"Function": None}, "Function"),
        ({"MaxAgeDays": "ninety"}, "MaxAgeDays"),
        ({"Store": "ssm://redis-{resource}-{account}"}, "Store: policy quarterly-redis keeps other passwords"),
    ],
)
def test_a_policy_in_a_timers_text_obeys_the_rules_of_all_policies(
    change: dict[str, object], says: str, tmp_path: Path
) -> None:
    policy: dict[str, object] = {
        "Policy": "robots",
        "Function": "tencent_tcr_modify_service_account_password",
        "Accounts": ["ci*"],
    }
    policy |= {"Region": "ap-guangzhou", "Resources": {"Patterns": ["*"]}, "MaxAgeDays": 9}
    message = json.dumps({**policy, "Store": "ssm://tcr-{resource}-{account}", **change})
    timer = "- timer: ${self:custom.triggers.nightly.tencent}"
    more = f"\n          - timer: {{ name: again, cron: '0 0 3 * * * *', message: '{message}' }}"
    file = tmp_path / "serverless.yml"
    file.write_text((ROOT / "serverless.yml").read_text().replace(timer, timer + more, 1))
    if not says:
        assert len(load(file, "tencent", {}).functions) > 1
        return
    with pytest.raises(DescriptionError) as caught:
        load(file, "tencent", {})
    assert [line for line in caught.value.lines if "message: " in line and says in line]
