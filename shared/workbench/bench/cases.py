"""The commands that are measured, as HTTP events of both platforms."""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.workbench.bench.build import PLAIN
from shared.workbench.bench.processes import ProcessUsage, run
from shared.workbench.bench.standin import Standin

ACCOUNT = "tencent_redis_modify_instance_account"
PASSWORD = "tencent_redis_modify_instance_password"
REGISTRY = "tencent_tcr_modify_service_account_password"
TAIR = "alibaba_tair_modify_account_password"


@dataclass(frozen=True)
class Case:
    """One operation in the stand-in's default world.

    `refused` names a resource that does not exist; `first` and `old` are the parameters of the new and the old secret.
    """

    function: str
    cloud: str
    refused: Mapping[str, Any]
    accepted: Mapping[str, Any]
    new: str
    old: str = ""
    first: str = ""

    @property
    def platform(self) -> str:
        return "scf" if self.cloud == "tencent" else "fc"

    def commands(self, count: int) -> list[dict[str, Any]]:
        """Changes that the default world accepts one after the other."""
        values = [self.first, *(f"Bench-Passw0rd{number}" for number in range(1, count + 1))]
        pairs = itertools.pairwise(values)
        return [{**self.accepted, self.new: new, **({self.old: old} if self.old else {})} for old, new in pairs]


_GUANGZHOU = {"Region": "ap-guangzhou"}
CASES = (
    Case(
        ACCOUNT,
        "tencent",
        {**_GUANGZHOU, "InstanceId": "crs-none0001", "AccountName": "app", "AccountPassword": "Bench-Passw0rd1"},
        {**_GUANGZHOU, "InstanceId": "crs-demo0001", "AccountName": "app"},
        new="AccountPassword",
    ),
    Case(
        PASSWORD,
        "tencent",
        {
            **_GUANGZHOU,
            "InstanceId": "crs-none0001",
            "OldPassword": "Old-Passw0rd",
            "Password": "Bench-Passw0rd1",
        },
        {**_GUANGZHOU, "InstanceId": "crs-demo0001"},
        new="Password",
        old="OldPassword",
        first="Old-Passw0rd",
    ),
    Case(
        REGISTRY,
        "tencent",
        {**_GUANGZHOU, "RegistryId": "tcr-none0001", "Name": "robot", "Random": False, "Password": "Bench-Passw0rd1"},
        {**_GUANGZHOU, "RegistryId": "tcr-demo0001", "Name": "robot", "Random": False},
        new="Password",
    ),
    Case(
        TAIR,
        "alibaba",
        {
            "InstanceId": "r-none0001",
            "AccountName": "app",
            "OldAccountPassword": "Tair-Passw0rd",
            "NewAccountPassword": "Bench-Passw0rd1",
        },
        {"InstanceId": "r-demo0001", "AccountName": "app"},
        new="NewAccountPassword",
        old="OldAccountPassword",
        first="Tair-Passw0rd",
    ),
)


def case_of(function: str) -> Case:
    """The case for a function. Raises: KeyError."""
    return {case.function: case for case in CASES}[function]


def environment(standin: Standin, platform: str, folder: Path, *, through: str = "") -> dict[str, str]:
    """A platform's documented variables and keyturn's.

    Results go to a file in `folder`. `through`: a relay's address.
    """
    address = through or standin.address
    env = {
        "PATH": "/nowhere",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "PLAIN_ENDPOINT": address,
        "PLAIN_PROTOCOL": standin.scheme,
        "KEYTURN_RESULTS": f"sqlite://{folder}/results.db",
        "KEYTURN_TENCENT_ENDPOINT": f"{standin.scheme}://{address}",
        "KEYTURN_ALIBABA_ENDPOINT": f"{standin.scheme}://{address}",
    }
    if platform == "scf":
        names = {"TENCENTCLOUD_RUNENV": "SCF", "SCF_RUNTIME": "Python3.10", "TENCENTCLOUD_REGION": "ap-guangzhou"}
        return {**env, **names, "TENCENTCLOUD_UIN": "100000000001", **standin.tencent_keys}
    names = {"FC_FUNCTION_NAME": "bench", "FC_REGION": "cn-hangzhou", "FC_ACCOUNT_ID": "1000000000000001"}
    return {**env, **names, **standin.alibaba_keys}


def http_event(
    command: Mapping[str, Any] | Sequence[Mapping[str, Any]], platform: str, number: int = 0
) -> dict[str, Any]:
    """A signed HTTP call of one command or a list of commands, as the platform passes it to a handler."""
    body = json.dumps(command)
    headers = {"content-type": "application/json", "idempotency-key": f"bench-{number}"}
    if platform == "scf":
        return {"httpMethod": "POST", "path": "/", "headers": headers, "queryString": {}, "body": body}
    http = {"method": "POST", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "203.0.113.9", "userAgent": "bench"}
    return {
        "version": "v1",
        "rawPath": "/",
        "headers": headers,
        "queryParameters": {},
        "body": body,
        "isBase64Encoded": False,
        "requestContext": {"accountId": "1", "domainName": "bench", "requestId": "1-2-3", "http": http},
    }


def run_case(
    python: str,
    standin: Standin,
    code: Path,
    module: str,
    platform: str,
    commands: Sequence[Mapping[str, Any] | Sequence[Mapping[str, Any]]],
    *,
    options: Sequence[str] = ("-B",),
    through: str = "",
) -> ProcessUsage:
    """Run a handler with these commands in a fresh process, which sees only its own folder and the standard library.

    Raises: BenchError: the handler raised.
    """
    with scratch() as folder:
        events = folder / "events.json"
        events.write_text(json.dumps([http_event(one, platform, number) for number, one in enumerate(commands)]))
        command = [python, "-I", "-S", *options, str(PLAIN / "start.py"), str(code), module, platform, str(events)]
        return run(python, command, environment(standin, platform, folder, through=through), folder)


@contextmanager
def scratch() -> Iterator[Path]:
    """An empty folder for one process."""
    with tempfile.TemporaryDirectory(prefix="keyturn-bench-") as folder:
        yield Path(folder)
