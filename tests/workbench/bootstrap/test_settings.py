"""Settings of an earlier time: what they name is looked for, and they go with what they named."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.workbench.apis.datahub import TASK_GONE
from shared.workbench.apis.tencent import TencentApi
from shared.workbench.bootstrap.missing import missing_things
from shared.workbench.bundle.checkout import ROOT
from tests.support.wrapped_lines import unwrapped
from tests.workbench.bootstrap.empty_account import SERVICES, Person
from tests.workbench.bootstrap.test_regions import FIRST, SECOND

LATE = {  # as a shell that was kept open has it, once the account was emptied
    "tencent": {
        "KEYTURN_RESULTS": "ckafka://ap-guangzhou/datahub-gone1",
        "KEYTURN_COMMANDS": "ckafka://ap-guangzhou/datahub-gone2",
        "KEYTURN_CLS_LOGSET": "00000000-0000-4000-8000-000000000000",
        "KEYTURN_CLS_TOPIC": "00000000-0000-4000-8000-000000000001",
    },
    "alibaba": {"KEYTURN_SLS_PROJECT": "somebodys-old-project", "KEYTURN_SLS_LOGSTORE": "lines"},
}


ALL = dict.fromkeys(SERVICES, True)


@pytest.fixture(autouse=True)
def _topics_go_at_once(person: Person) -> None:
    """A topic's first minute, in which it cannot be deleted, is waited out in another test."""
    person.cloud.reset(activated=ALL, not_so=["Q9"])


def test_after_remove_the_same_shell_gets_everything_anew(person: Person, capsys: pytest.CaptureFixture[str]) -> None:
    assert person.types() == 0
    file = person.dist / "bootstrap" / person.name / "settings.sh"
    held = person.settings()
    person.environ |= held
    capsys.readouterr()
    assert person.types("--remove") == 0
    said = capsys.readouterr().out
    assert not file.exists()
    named = set(held) - {"CKAFKA_INSTANCE", "ALIBABA_ACCOUNT"}
    assert named == set(said.partition("in this shell: unset ")[2].partition("\n")[0].split())
    assert person.types() == 0
    assert {how for how, _ in person.standing().values()} == {"there"}
    new = person.settings()
    if person.name == "tencent":
        assert all(new[name] != held[name] for name in named)
        id_ = held["KEYTURN_RESULTS"].rpartition("/")[2]
        told = f"KEYTURN_RESULTS names {id_}, which is not in ap-guangzhou: another is"
        assert told in capsys.readouterr().out
    person.environ |= new
    assert missing_things(person.account().description, person.api) == ()


def test_what_settings_name_and_nobody_has_is_made_and_missed(
    person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    person.environ |= LATE[person.name]
    assert person.types() == 0
    said = capsys.readouterr().out
    for variable, url in LATE[person.name].items():
        assert (
            f"{variable} names {url.rpartition('/')[2]}, which is not in {FIRST[person.name]}: another is made" in said
        )
        assert person.settings()[variable] != url
    assert {how for how, _ in person.standing().values()} == {"there"}


def test_plan_misses_a_place_for_lines_that_is_not_there(person: Person) -> None:
    assert person.types() == 0
    person.environ |= person.settings()
    late = {name: url for name, url in LATE[person.name].items() if "LS_" in name}
    good = person.account()
    person.environ |= late
    assert missing_things(good.description, person.api) == ()
    found = missing_things(person.description_as_deployed(), person.api)
    lines = [one for one in found if one.what.startswith("logs: ")]
    assert len(lines) == 1 and lines[0].remedy.startswith(f"make bootstrap CLOUD={person.name}")


def test_remove_names_what_stays(person: Person, capsys: pytest.CaptureFixture[str]) -> None:
    assert person.types() == 0
    assert person.types("--remove") == 0
    said = capsys.readouterr().out
    assert ("stays: EventBridge's own roles" in said) is (person.name == "alibaba")
    assert "stays: secrets" not in said


@pytest.mark.parametrize("person", ["tencent"], indirect=True)
def test_the_topic_of_a_trigger_is_missed_whatever_the_settings_name(person: Person) -> None:
    assert person.types() == 0
    person.environ |= person.settings()
    person.api.call("ckafka", "DeleteTopic", {"InstanceId": "ckafka-demo01", "TopicName": "keyturn-commands"})
    assert "topic keyturn-commands" in [one.what for one in missing_things(person.account().description, person.api)]


BROKER = "amqps://keyturn:Broker-Passw0rd1@broker.example:5671/v?queue=results"


def test_the_password_of_a_broker_that_serverless_yml_takes_from_elsewhere_is_shown_nowhere(
    person: Person, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "serverless.yml").read_text()
    assert "${env:KEYTURN_RESULTS, " in text
    (tmp_path / "serverless.yml").write_text(text.replace("${env:KEYTURN_RESULTS, ", "${env:OUR_BROKER, "))
    person.environ["OUR_BROKER"] = BROKER
    assert person.types("--file", str(tmp_path / "serverless.yml")) == 0
    no_password_is_shown(person, capsys)


@pytest.mark.parametrize("person", ["tencent"], indirect=True)
def test_the_password_of_a_broker_in_capitals_is_kept_in_no_file(
    person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    person.environ["KEYTURN_RESULTS"] = BROKER.replace("amqps", "AMQPS")
    del person.environ["CKAFKA_INSTANCE"]  # so that no queue of the cloud's own takes its place
    assert person.types() == 1
    no_password_is_shown(person, capsys)


def no_password_is_shown(person: Person, capsys: pytest.CaptureFixture[str]) -> None:
    said = capsys.readouterr()
    kept = [one.read_text() for one in person.dist.rglob("*") if one.is_file() and one.name != "serverless.yml"]
    assert all("Broker-Passw0rd1" not in text for text in (said.out, said.err, *kept))


CONTRADICTIONS = {
    "tencent": {
        "KEYTURN_RESULTS": "ckafka://ap-guangzhou/datahub-one",
        "KEYTURN_COMMANDS": "ckafka://ap-guangzhou/datahub-one",
    },
    "alibaba": {"KEYTURN_RESULTS": "smq://1234567890123456.mns.cn-hangzhou.aliyuncs.com/keyturn-results"},
}


def test_settings_that_plan_would_refuse_stop_bootstrap_too(person: Person, capsys: pytest.CaptureFixture[str]) -> None:
    person.environ |= CONTRADICTIONS[person.name]
    before = len(person.cloud.calls())
    if person.name == "tencent":  # where what names nothing counts as unset
        person.types()
        person.environ |= dict.fromkeys(("KEYTURN_RESULTS", "KEYTURN_COMMANDS"), person.settings()["KEYTURN_RESULTS"])
        before = len(person.cloud.calls())
    capsys.readouterr()
    assert person.types() == 2
    assert "serverless.yml:" in unwrapped(capsys.readouterr().err)
    assert not [one for one in person.cloud.calls()[before:] if one["Action"].startswith("Create")]


def test_another_ckafka_instance_is_told_and_both_are_taken_away(
    person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    api = person.api
    if not isinstance(api, TencentApi):
        return
    second = {"ckafka_instance": {"ckafka-demo02": {"region": "ap-guangzhou"}}}
    person.cloud.reset(activated=ALL, not_so=["Q9"], **second)
    assert person.types() == 0
    person.environ |= person.settings() | {"CKAFKA_INSTANCE": "ckafka-demo02"}
    capsys.readouterr()
    assert person.types() == 1
    said = capsys.readouterr()
    assert "in the way: queue: KEYTURN_COMMANDS names datahub-" in said.err
    assert said.out.endswith("make bootstrap CLOUD=tencent\n")
    assert person.types("--remove") == 0
    for instance in ("ckafka-demo01", "ckafka-demo02"):
        asked = {"InstanceId": instance, "Limit": 50, "Offset": 0}
        assert api.call("ckafka", "DescribeTopic", asked)["Result"]["TopicList"] == []
    http = {"TaskType": "SOURCE", "SourceType": "HTTP", "Limit": 50, "Offset": 0}
    tasks = api.call("ckafka", "DescribeDatahubTasks", http)["Result"]["TaskList"]
    assert [one for one in tasks if one["Status"] not in TASK_GONE] == []


def test_the_settings_of_another_region_stay(person: Person, capsys: pytest.CaptureFixture[str]) -> None:
    assert person.types() == 0
    held = person.settings()
    person.environ.pop("CKAFKA_INSTANCE", None)
    person.environ["KEYTURN_REGION"] = SECOND[person.name]
    capsys.readouterr()
    assert person.types("--remove") == 0
    assert "unset" not in capsys.readouterr().out
    assert person.settings() == held
