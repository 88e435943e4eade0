"""The deployer's policy is enough and no more; a right that is missing is named where its call fails."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.handlers.adapters import open_queue
from shared.queues.port import QueueMessage
from shared.workbench.bootstrap.account import read_account
from shared.workbench.bootstrap.deployer import DEPLOYS, deployer_policy, names
from shared.workbench.bootstrap.missing import missing_things
from shared.workbench.bootstrap.needs import needs
from shared.workbench.bundle.checkout import ROOT
from shared.workbench.bundle.description import Cloud, Destinations, TimerTrigger
from shared.workbench.bundle.loading import load
from shared.workbench.deploy import access, call
from shared.workbench.deploy.code_digests import check_code
from shared.workbench.deploy.control_plane import CallFailed
from shared.workbench.results.deployed import open_results
from shared.workbench.results.errors import SourceError
from tests.cloud.client.deployed_bundle import QUEUES, prepare_bundle
from tests.cloud.client.inboxes import queue_access
from tests.cloud.client.standin import Standin
from tests.cloud.state.accounts import ALIBABA_ACCOUNT, TENCENT_UIN
from tests.conftest import Packages
from tests.support.hello_function import write_zip
from tests.support.wrapped_lines import unwrapped
from tests.workbench.bootstrap.rights import all_but, rights_asked_for
from tests.workbench.bootstrap.test_settings import LATE
from tests.workbench.deploy_site import OWN, PLATFORMS, Site

WHO = "whoever administers the account must grant it"
ACCOUNT = {"tencent": TENCENT_UIN, "alibaba": ALIBABA_ACCOUNT}


@pytest.fixture(params=PLATFORMS)
def site(request: pytest.FixtureRequest, cloud: Standin, tmp_path: Path) -> Iterator[Site]:
    cloud.reset(active_s=0.02, planes_lag_s=0, rate=1000)
    yield Site(cloud, request.param, tmp_path)
    cloud.reset()


def everything(site: Site) -> None:
    """What a deployer does, from the first plan to the last removal."""
    name = site.description.cloud
    environ = site.environ | OWN[name]
    api = access.api(site.description, environ)
    access.account_of_caller(site.description, api)
    missing_things(read_account(ROOT / "serverless.yml", name, environ).description, api)
    missing_things(load(ROOT / "serverless.yml", name, environ | LATE[name]), api)
    to_queue = {"KEYTURN_RESULTS": QUEUES[name][0]}
    site.change("hello", environment=to_queue)
    site.change("goodbye", environment=to_queue)
    assert site.plan() == 0 and site.deploy() == 0
    check_code(site.plane, site.plane.read({"hello"}), site.packages)
    site.change("hello", memory_mb=256, async_retries=1, timers=(TimerTrigger("nightly", _CRON[name], True, "x"),))
    if name == "alibaba":
        site.change(
            "hello", destinations=Destinations(None, f"acs:mns:cn-hangzhou:{ALIBABA_ACCOUNT}:/queues/q/messages")
        )
    write_zip(site.folder / "hello.zip", {"hello.py": "def main_handler(event, context):\n    return {}\n"})
    assert site.deploy() == 0
    site.change("hello", timers=(), destinations=None)
    assert site.deploy() == 0
    calls_and_results(site, environ)
    assert site.remove() == 0


_CRON = {"tencent": "0 0 3 * * * *", "alibaba": "0 0 3 * * *"}


def calls_and_results(site: Site, environ: dict[str, str]) -> None:
    """A signed call, and a result that is read in each way."""
    name = site.description.cloud
    url = call.address_of(site.description, "hello", environ)
    status, _ = call.signed_call(site.description, url, b"{}", environ)
    assert status == 200
    queue = open_queue(QUEUES[name][0], function="hello", access=queue_access(environ))
    queue.send(QueueMessage("one", "t", "k", "{}"), timeout_s=5.0)
    queue.close()
    for borrow in (False, True) if name == "alibaba" else (False,):
        source = open_results(site.description, environ, since=time.time() - 60, borrow=borrow)
        assert list(source.read()) == ["{}"]
        source.close()


SENDS = {"ckafka:SendMessage", "mns:SendMessage"}
"""What functions do; here the test does it in their place."""


def test_the_policy_grants_what_the_deployer_asks_for_and_nothing_else(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.workbench.results.ckafka._AT_ONCE", 1)  # a page is full with one message
    name = site.description.cloud
    account = read_account(ROOT / "serverless.yml", name, site.environ | OWN[name])
    account.resources()[0].make()  # a role whose policy can be looked at
    before = len(site.cloud.calls())
    policy = deployer_policy(needs(site.description, ACCOUNT[name]), ACCOUNT[name])
    statement = policy.get("statement") or policy["Statement"]
    action = statement[0].get("action") or statement[0]["Action"]
    action += [one for one in SENDS if one.startswith("ckafka" if name == "tencent" else "mns")]
    site.cloud.grant(name, policy)
    everything(site)
    assert rights_asked_for(site.cloud, since=before) - SENDS == names(DEPLOYS, name)
    assert [one for one in site.cloud.calls() if one["Code"] in ("AccessDenied", "UnauthorizedOperation")] == []


LOOKS: dict[Cloud, str] = {
    "tencent": "scf:ListFunctions scf:GetFunction scf:ListTriggers scf:GetFunctionEventInvokeConfig"
    " scf:GetReservedConcurrencyConfig",
    "alibaba": "fc:ListFunctions fc:GetFunction fc:ListTriggers fc:GetAsyncInvokeConfig fc:GetConcurrencyConfig",
}
MAKES: dict[Cloud, str] = {
    "tencent": "scf:CreateFunction cam:PassRole scf:UpdateFunctionEventInvokeConfig scf:PutReservedConcurrencyConfig"
    " scf:CreateTrigger",
    "alibaba": "fc:CreateFunction ram:PassRole fc:PutAsyncInvokeConfig fc:PutConcurrencyConfig fc:CreateTrigger",
}
CHANGES: dict[Cloud, str] = {
    "tencent": "scf:UpdateFunctionCode scf:UpdateFunctionConfiguration scf:UpdateTrigger",
    "alibaba": "fc:UpdateFunction fc:UpdateTrigger",
}
REMOVES: dict[Cloud, str] = {
    "tencent": "scf:DeleteTrigger scf:DeleteReservedConcurrencyConfig scf:DeleteFunction",
    "alibaba": "fc:DeleteTrigger fc:DeleteConcurrencyConfig fc:DeleteFunction",
}
READS: dict[Cloud, str] = {
    "tencent": "ckafka:DescribeDatahubTasks ckafka:DescribeTopicAttributes ckafka:FetchMessageListByTimestamp"
    " ckafka:FetchMessageByOffset",
    "alibaba": "mns:PeekMessage",
}


def names_the_right(said: str, right: str) -> None:
    """One line names the right and who grants it."""
    line = next((one for one in unwrapped(said).splitlines() if right in one), "")
    assert WHO in line and "deployer.json" in line, said
    assert "Traceback" not in said


def failing(site: Site, right: str, act: Callable[[], int], capsys: pytest.CaptureFixture[str]) -> None:
    """The act fails for want of a right, and says so."""
    site.cloud.grant(site.description.cloud, all_but(site.description.cloud, right))
    capsys.readouterr()
    try:
        assert act() == 1, right
        said = unwrapped(capsys.readouterr().err)
    except CallFailed as error:  # which `main` prints, with its advice
        said = f"{error}: {error.advice}"
    names_the_right(said, right)


def test_each_right_of_deploy_and_remove_is_named_where_its_call_fails(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    name = site.description.cloud
    site.change("hello", async_retries=1)  # SCF's own default is 2: what is so already needs no right
    for right in MAKES[name].split():
        failing(site, right, site.deploy, capsys)
    site.cloud.grant(name, all_but(name, "nothing:Else"))
    assert site.deploy() == 0
    for right in LOOKS[name].split():
        failing(site, right, site.plan, capsys)
    site.change("hello", memory_mb=256, timers=(TimerTrigger("nightly", _CRON[name], True, "x"),))
    write_zip(site.folder / "hello.zip", {"hello.py": "def main_handler(event, context):\n    return {}\n"})
    for right in CHANGES[name].split():
        failing(site, right, site.deploy, capsys)
    for right in REMOVES[name].split():
        failing(site, right, site.remove, capsys)
    site.cloud.grant(name, all_but(name, "nothing:Else"))
    assert site.remove() == 0


def test_each_right_of_results_is_named_where_its_call_fails(site: Site) -> None:
    name = site.description.cloud
    environ = site.environ | OWN[name]
    site.change("hello", environment={"KEYTURN_RESULTS": QUEUES[name][0]})
    queue = open_queue(QUEUES[name][0], function="hello", access=queue_access(environ))
    queue.send(QueueMessage("one", "t", "k", "{}"), timeout_s=5.0)
    queue.close()
    for right in READS[name].split():
        site.cloud.grant(name, all_but(name, right))
        with pytest.raises(SourceError) as caught, contextlib.ExitStack() as closing:
            source = open_results(site.description, environ, since=time.time() - 60)
            closing.callback(source.close)
            list(source.read())
        names_the_right(str(caught.value), right)


def test_the_right_to_call_is_named_and_a_result_of_the_function_is_none_of_its_refusals(site: Site) -> None:
    name, right = site.description.cloud, _CALLS[site.description.cloud]
    environ = site.environ | OWN[name]
    assert site.deploy() == 0
    url = call.address_of(site.description, "hello", environ)
    site.cloud.grant(name, all_but(name, right))
    status, text = call.signed_call(site.description, url, b"{}", environ)
    names_the_right(call.refused_at_the_door(site.description, status, text), right)
    assert call.refused_at_the_door(site.description, 403, '{"Delivered": true, "Result": {}}') == ""


def test_a_call_that_found_all_instances_at_work_is_told_from_one_that_was_throttled(site: Site) -> None:
    busy = {"tencent": 432, "alibaba": 429}[site.description.cloud]
    assert "all its instances are at work (`instances`" in call.refused_at_the_door(site.description, busy, "{}")
    assert call.refused_at_the_door(site.description, 429, '{"Delivered": true, "Result": {}}') == ""


_CALLS = {"tencent": "scf:InvokeFunctionUrl", "alibaba": "fc:InvokeFunction"}


@pytest.mark.zips("zips are for Python 3.10")
@pytest.mark.parametrize(
    ("name", "verb", "right"),
    [
        ("tencent", "deploy", "scf:CreateTrigger"),
        ("alibaba", "deploy", "fc:CreateFunction"),
        ("tencent", "remove", "scf:DeleteFunction"),
    ],
)
def test_a_whole_deployment_ends_with_the_right_that_is_missing_and_goes_on_once_it_is_granted(
    cloud: Standin, packages: Packages, tmp_path: Path, name: Cloud, verb: str, right: str
) -> None:
    one = prepare_bundle(cloud, name, packages.dist, tmp_path)
    if verb == "remove":
        assert one.workbench("deploy").returncode == 0
    cloud.grant(name, all_but(name, right))
    done = one.workbench(verb)
    assert done.returncode == 1, done.stdout
    names_the_right(done.stderr, right)
    assert f"{verb}: put that right and run it again" in done.stderr
    cloud.grant(name, all_but(name, "nothing:Else"))
    again = one.workbench(verb)
    assert again.returncode == 0, again.stderr
    assert bool(cloud.functions()) is (verb == "deploy")
    cloud.reset()
