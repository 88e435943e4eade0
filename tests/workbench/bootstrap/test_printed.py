"""`make bootstrap PRINT=1`: tccli's commands make the account ready; aliyun's name what the vendor's SDKs know."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from importlib import import_module
from pathlib import Path

import pytest

from shared.workbench.bootstrap.deployer import DEPLOYS
from tests.cloud.client.standin import Standin
from tests.cloud.state.accounts import ALIBABA_ACCOUNT
from tests.support.programs import SLS_SDK, TCCLI, require_program
from tests.workbench.bootstrap.empty_account import CLOUDS, SERVICES, Person

SDKS = {
    "ram": "alibabacloud_ram20150501",
    "mns-open": "alibabacloud_mns_open20220119",
    "eventbridge": "alibabacloud_eventbridge20200401",
    "sls": "alibabacloud_sls20201230",
}


def test_tccli_makes_what_bootstrap_makes(empty_cloud: Standin, tmp_path: Path) -> None:
    empty_cloud.activate(**dict.fromkeys(SERVICES, True))
    person = Person(empty_cloud, "tencent", tmp_path)
    assert person.types("--print") == 0
    assert {how for how, _ in person.standing().values()} == {"missing"}
    script = person.dist / "bootstrap" / "tencent" / "commands.sh"
    program, keys = require_program(TCCLI), empty_cloud.credentials["tencent"]
    options = f"--timeout 10 --endpoint {empty_cloud.endpoint} --secretId {keys['id']} --secretKey {keys['key']}"
    wrapper = tmp_path / "bin" / "tccli"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\nexec {shlex.quote(str(program))} "$@" {options} --token {keys["token"]}\n')
    wrapper.chmod(0o755)
    environ = {"PATH": f"{wrapper.parent}:/usr/bin:/bin", "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    done = subprocess.run(["sh", str(script)], env=environ, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(person.standing().values()) == {("there", True)}
    assert "export KEYTURN_CLS_LOGSET=" in done.stdout
    policies = [line for line in script.read_text().splitlines() if " AttachRolePolicy " in line]
    roles = [line for line in script.read_text().splitlines() if " CreateRole " in line]
    script.write_text("\n".join(["#!/bin/sh", "set -eu", roles[0], policies[0]]) + "\n")  # as in a second region
    again = subprocess.run(["sh", str(script)], env=environ, capture_output=True, text=True, timeout=300)
    assert again.returncode == 0 and "it may be there already" in again.stdout, again.stdout + again.stderr


@pytest.mark.parametrize("product", SDKS)
def test_each_parameter_of_aliyun_is_one_of_the_vendors_sdk(
    empty_cloud: Standin, tmp_path: Path, product: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if product == "sls":
        monkeypatch.syspath_prepend(require_program(SLS_SDK))
    person = Person(empty_cloud, "alibaba", tmp_path)
    person.environ["ALIBABA_ACCOUNT"] = ALIBABA_ACCOUNT
    assert person.types("--print") == 0
    text = (person.dist / "bootstrap" / "alibaba" / "commands.sh").read_text()
    assert "# Nobody ran these" in text
    lines = [line.partition(" || ")[0] for line in text.splitlines() if line.startswith("aliyun ")]
    commands = [shlex.split(line) for line in lines]
    assert {words[1] for words in commands} == set(SDKS)
    for _, _, action, *given in (words for words in commands if words[1] == product):
        names = set(given[::2]) - {"--region"}
        known = parameters(product, action)
        top = {name.removeprefix("--").partition(".")[0] for name in names}
        if product == "sls":  # its command line takes names of paths as options, and the body as one text
            body = json.loads(given[given.index("--body") + 1])
            top = {"body", *body} if action == "CreateIndex" else set(body)
            known |= {"body", "line"}
        assert top <= known, (product, action, top - known)


def parameters(product: str, action: str) -> set[str]:
    """The names that the SDK's request model maps."""
    module = import_module(f"{SDKS[product]}.models")
    request = getattr(module, f"{action}Request")
    source = Path(import_module(request.__module__).__file__ or "").read_text(encoding="utf-8")
    return set(re.findall(r"result\['(\w+)'\]", source))


@pytest.mark.parametrize("name", CLOUDS)
def test_each_role_is_a_file_and_the_deployer_gets_the_rights_of_its_calls_alone(
    empty_cloud: Standin, tmp_path: Path, name: str
) -> None:
    person = Person(empty_cloud, "tencent" if name == "tencent" else "alibaba", tmp_path)
    person.environ["ALIBABA_ACCOUNT"] = ALIBABA_ACCOUNT
    before = len(empty_cloud.calls())
    assert person.types("--print") == 0
    assert len(empty_cloud.calls()) == before
    folder = person.dist / "bootstrap" / name
    for role in person.account().needs.roles:
        assert json.loads((folder / f"{role.name}.policy.json").read_text()) == role.policy
        assert json.loads((folder / f"{role.name}.trust.json").read_text()) == role.trust
    deployer = (folder / "deployer.json").read_text()
    assert "PassRole" in deployer and f"{next(iter(DEPLOYS[person.name]))}:" in deployer
    assert ':*"' not in deployer
