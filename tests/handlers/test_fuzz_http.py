"""The functions behind their HTTP addresses, called by schemathesis as `events/schemas/openapi.json` says, and as not.

Each platform's functions are deployed to the stand-in by the deployer, and called through its gate, signed.
`KEYTURN_FUZZ` multiplies the number of generated calls.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Iterator
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import schemathesis
from schemathesis import engine
from schemathesis.engine import events

from tests.campaign import leaks
from tests.cloud.client.deployed_bundle import DeployedBundle, deploy_bundle
from tests.cloud.client.standin import Standin
from tests.cloud.state.accounts import TENCENT_UIN
from tests.cloud.state.checkout import ROOT
from tests.cloud.wire import signatures
from tests.conftest import ACCOUNT, PASSWORD, REGISTRY, TAIR, Packages

pytestmark = pytest.mark.zips("zips are for Python 3.10")

PLAN = "plan_rotation"
OPENAPI = ROOT / "events" / "schemas" / "openapi.json"
ADDRESSES = [("tencent", ACCOUNT), ("tencent", PASSWORD), ("tencent", REGISTRY), ("tencent", PLAN)]
ADDRESSES += [("alibaba", TAIR), ("alibaba", PLAN)]
_FEWEST_CALLS = 3
_TIMES = int(os.environ.get("KEYTURN_FUZZ", "1"))
_SECRETS = ("OldPassword", "Password", "AccountPassword", "OldAccountPassword", "NewAccountPassword")


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standin]:
    """A stand-in of our own, whose tasks end at once and which nobody is too fast for."""
    world = tmp_path_factory.mktemp("world") / "world.toml"
    text = (ROOT / "tests" / "cloud" / "world.toml").read_text()
    for name, value in (("task_s", "0.0"), ("settle_s", "0.0"), ("rate", "5000")):
        old = next(line for line in text.splitlines() if line.startswith(f"{name} = "))
        text = text.replace(old, f"{name} = {value}")
    world.write_text(text)
    with Standin(world) as standin:
        yield standin


@pytest.fixture(scope="module", params=["tencent", "alibaba"])
def platform(
    request: pytest.FixtureRequest, quick: Standin, packages: Packages, tmp_path_factory: pytest.TempPathFactory
) -> DeployedBundle:
    """One platform's functions, deployed."""
    return deploy_bundle(quick, str(request.param), packages.dist, tmp_path_factory.mktemp("dist"))


class Signed(requests.auth.AuthBase):
    """Signs whatever is sent, as its address wants it: any method, path, query and body."""

    def __init__(self, standin: Standin) -> None:
        self.keys = standin.credentials

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        place = urlsplit(str(request.url))
        body = request.body.encode() if isinstance(request.body, str) else bytes(cast(bytes, request.body or b""))
        sign = self._tc3 if place.netloc.endswith(".tencentscf.com") else self._acs3
        headers = {name.lower(): _text(value) for name, value in request.headers.items()} | {"host": place.netloc}
        for name, value in sign(str(request.method), place.path, place.query, headers, body).items():
            request.headers[name] = value
        return request

    def _tc3(self, method: str, path: str, query: str, headers: dict[str, str], body: bytes) -> dict[str, str]:
        keys, now = self.keys["tencent"], int(time.time())
        date = time.strftime("%Y-%m-%d", time.gmtime(now))
        added = {"X-Scf-Cam-Uin": TENCENT_UIN, "X-Scf-Cam-Timestamp": str(now), "X-Scf-Cam-Token": keys["token"]}
        if "content-type" not in headers:
            added["Content-Type"] = headers["content-type"] = "application/json"
        signed = ("content-type", "host", "x-scf-cam-uin")
        hashed = signatures.tc3_request(method, query, {**headers, "x-scf-cam-uin": TENCENT_UIN}, signed, body)
        signature = signatures.tc3_signature(keys["key"], str(now), date, "scf", hashed)
        scope = f"{keys['id']}/{date}/scf/tc3_request"
        names = ";".join(signed)
        given = f"TC3-HMAC-SHA256 Credential={scope}, SignedHeaders={names}, Signature={signature}"
        return {**added, "Authorization": given}

    def _acs3(self, method: str, path: str, query: str, headers: dict[str, str], body: bytes) -> dict[str, str]:
        keys = self.keys["alibaba"]
        added = {
            "x-acs-date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "x-acs-security-token": keys["token"],
            "x-acs-content-sha256": hashlib.sha256(body).hexdigest(),
        }
        signed = sorted(["host", *added])
        pairs = parse_qsl(query, keep_blank_values=True)
        hashed = signatures.acs3_request(method, pairs, {**headers, **added}, signed, path or "/")
        signature = signatures.acs3_signature(keys["key"], hashed)
        names = ";".join(signed)
        given = f"ACS3-HMAC-SHA256 Credential={keys['id']},SignedHeaders={names},Signature={signature}"
        return {**added, "Authorization": given}


_signers: dict[str, Signed] = {}


@schemathesis.hook("before_call")
def sign(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """The engine takes no signer of its own, and a hook only for all that it runs."""
    kwargs["auth"] = _signers[""]


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _secrets(value: Any) -> Iterator[str]:
    """What a generated body holds where secrets go, long enough to be told from other words."""
    if isinstance(value, list):
        for part in value:
            yield from _secrets(part)
    if isinstance(value, dict):
        for name, part in value.items():
            if name in _SECRETS and isinstance(part, str) and len(part) >= 8 and len(set(part)) > 4:
                yield part
            yield from _secrets(part)


@schemathesis.check
def no_secret_shows(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> None:
    shown = leaks.hits({"reply": response.content, "headers": repr(response.headers).encode()}, _secrets(case.body))
    assert shown == [], f"the reply shows {shown}"


@schemathesis.check
def no_insides_show(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> None:
    for word in (b"Traceback", b'File \\"', b".py", b"Exception", b"ValidationError", b"pydantic"):
        assert word not in response.content, f"the reply shows {word.decode()}"


def _driven(platform: DeployedBundle, function: str, examples: int) -> list[str]:
    """One line for each kind of thing that an answer had wrong; by the examples, and by chance."""
    wrong, calls = _driven_for(platform, function, examples, 6 * _TIMES)
    if calls < _FEWEST_CALLS:  # a busy machine needs longer
        wrong, calls = _driven_for(platform, function, examples, 40 * _TIMES)
    assert calls >= _FEWEST_CALLS, f"{calls} calls: the search did not get going"
    return wrong


def _driven_for(platform: DeployedBundle, function: str, examples: int, seconds: int) -> tuple[list[str], int]:
    """What was wrong, and how many calls were made in the time."""
    config = schemathesis.Config.from_dict(
        {
            "seed": 8,
            "base-url": f"http://{urlsplit(platform.url(function)).netloc}",
            "proxy": platform.cloud.endpoint,
            "request-timeout": 60,
            "max-time": seconds,
            "continue-on-failure": True,
            "generation": {
                "max-examples": examples,
                "deterministic": True,
                "no-shrink": True,
                "with-security-parameters": False,
                "mode": "all",
            },
            # Edge cases of every field take minutes to make of these forms, and methods are tried below.
            "phases": {"stateful": {"enabled": False}, "coverage": {"enabled": False}},
            # A list's refusals stand in its results: 207.
            "checks": {name: {"enabled": False} for name in _NOT_ASKED}
            | {"negative_data_rejection": {"expected-statuses": ["207", "400", "403", "404", "405", "409", "415"]}},
        }
    )
    schema = schemathesis.openapi.from_dict(_alone(function), config=config)
    _signers[""] = Signed(platform.cloud)
    found: dict[str, str] = {}
    calls = 0
    for event in engine.from_schema(schema).execute():
        if isinstance(event, (events.NonFatalError, events.FatalError)):
            found.setdefault(
                repr(event)[:300], str(getattr(event, "value", None) or getattr(event, "exception", event))
            )
        if not isinstance(event, events.ScenarioFinished):
            continue
        calls += len(event.recorder.interactions)
        for case_id, checks in event.recorder.checks.items():
            for check in checks:
                if check.failure_info is not None:
                    failure = check.failure_info.failure
                    answer = event.recorder.interactions[case_id].response
                    sent = event.recorder.cases[case_id].value
                    told = f"{check.name}: {failure.title}: {failure.message}"
                    shown = f"HTTP {answer.status_code} {answer.text[:1500]}" if answer is not None else "no answer"
                    body = repr(sent.body)[:800]
                    found.setdefault(
                        told[:200], f"{told[:2500]}\n  {sent.method} {dict(sent.headers or {})} {body}\n  {shown}"
                    )
    print(f"{function}: {calls} calls")
    return list(found.values()), calls


# Ours are stricter, or there is nothing to ask: a valid command may rightly be refused for the state of the world,
# calls are signed by a hook, and no two operations share a resource.
_NOT_ASKED = ("positive_data_acceptance", "ignored_auth", "use_after_free", "ensure_resource_availability")


# The engine multiplies a policy's rules out, and gives up; a body that breaks one of these is refused by the function.
_TOO_MANY = re.compile(r"^(Regions|Roles) must not repeat")


def _alone(function: str) -> dict[str, Any]:
    """The description with one path, and no servers: where the function is, is told beside it."""
    whole: dict[str, Any] = json.loads(OPENAPI.read_text())
    path = {name: part for name, part in whole["paths"][f"/{function}"].items() if name != "servers"}
    for answer in path["post"]["responses"].values():
        for content in answer.get("content", {}).values():
            content.pop("examples", None)  # of no use here, and read again for each call
    for form in whole["components"]["schemas"].values():
        form["allOf"] = [rule for rule in form.get("allOf", ()) if not _TOO_MANY.search(rule.get("description", ""))]
    return {**whole, "paths": {f"/{function}": path}}


@pytest.mark.parametrize(("platform", "function"), ADDRESSES, indirect=["platform"])
def test_every_answer_is_one_that_the_description_names(platform: DeployedBundle, function: str) -> None:
    wrong = _driven(platform, function, examples=10 * _TIMES)
    assert wrong == [], "\n\n".join(wrong[:12])


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_no_other_method_is_answered(platform: DeployedBundle, method: str) -> None:
    function = ACCOUNT if platform.name == "tencent" else TAIR
    schema = schemathesis.openapi.from_dict(_alone(function))
    url = f"http://{urlsplit(platform.url(function)).netloc}/"
    answered = requests.request(
        method, url, data=b"{}", auth=Signed(platform.cloud), proxies={"http": platform.cloud.endpoint}, timeout=60
    )
    assert answered.status_code == 405
    schema[f"/{function}"]["POST"].validate_response(answered)
    if platform.name == "tencent":  # FC's trigger refuses by itself, with what headers is not published
        assert answered.headers["Allow"] == "POST"
