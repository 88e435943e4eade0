"""One description, its packages and who deploys them, on a stand-in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from shared.workbench.bundle.description import (
    CkafkaTrigger,
    Description,
    FunctionSpec,
    HttpTrigger,
    SmqTrigger,
    TimerTrigger,
)
from shared.workbench.deploy import access, commands
from shared.workbench.deploy.control_plane import ControlPlane, Package
from shared.workbench.environment.terminal import Terminal
from tests.cloud.client.deployed_bundle import QUEUES
from tests.cloud.client.standin import Standin
from tests.cloud.state.accounts import ALIBABA_ACCOUNT
from tests.support.hello_function import write_zip

PLATFORMS: tuple[Literal["tencent", "alibaba"], ...] = ("tencent", "alibaba")


OWN = {
    "tencent": {
        "KEYTURN_RESULTS": QUEUES["tencent"][0],
        "KEYTURN_COMMANDS": QUEUES["tencent"][1],
        "CKAFKA_INSTANCE": "ckafka-demo01",
    },
    "alibaba": {"ALIBABA_ACCOUNT": ALIBABA_ACCOUNT},
}
"""What a person sets instead of the examples of serverless.yml."""

PASSWORD = "Hunter-2-Password"


class Site:
    """One description, its packages, and the person who deploys them."""

    def __init__(self, cloud: Standin, name: Literal["tencent", "alibaba"], folder: Path) -> None:
        self.cloud = cloud
        self.folder = folder / name
        keys = cloud.credentials[name]
        names = access.KEYS[name]
        self.environ = {names[part]: keys[part] for part in ("id", "key", "token")}
        self.environ |= {"KEYTURN_TENCENT_ENDPOINT": cloud.endpoint, "KEYTURN_ALIBABA_ENDPOINT": cloud.endpoint}
        region = "ap-guangzhou" if name == "tencent" else "cn-hangzhou"
        specs = (spec_of(name, "hello"), spec_of(name, "goodbye", triggers=False))
        self.description = Description(name, "scf" if name == "tencent" else "fc", "orders", region, specs)
        for spec in specs:
            write_zip(self.folder / f"{spec.module}.zip")

    @property
    def plane(self) -> ControlPlane:
        return access.control_plane(self.description, self.environ)

    @property
    def packages(self) -> dict[str, Package]:
        return commands.find_packages(self.description, self.folder.parent, build=False)

    def work(self, **environ: str) -> commands.Work:
        """What a command is given; whoever asks gets a yes."""
        terminal = Terminal(environ={"YES": "1"} | environ)
        return commands.Work(self.plane, self.description, self.folder, lambda: self.packages, terminal=terminal)

    def deploy(self) -> int:
        return commands.deploy(self.work())

    def plan(self) -> int:
        return commands.plan(self.work())

    def remove(self) -> int:
        return commands.remove(self.work())

    def steps(self) -> list[str]:
        """The titles of what would be done now."""
        drawing = commands._draw(self.work())
        assert drawing is not None
        return [step.title() for step in drawing.plan.steps]

    def change(self, which: str, **values: Any) -> None:
        """Say something else of one function."""
        specs = tuple(replace(one, **values) if one.name == which else one for one in self.description.functions)
        self.description = replace(self.description, functions=specs)

    def calls(self) -> int:
        return len(self.cloud.calls())

    def names(self) -> set[str]:
        return {one["Function"] for one in self.cloud.functions()}


def spec_of(cloud: Literal["tencent", "alibaba"], name: str, *, triggers: bool = True) -> FunctionSpec:
    on_scf = cloud == "tencent"
    queue: CkafkaTrigger | SmqTrigger = SmqTrigger("orders", "orders", 3, 1, True)
    if on_scf:
        queue = CkafkaTrigger("ckafka-1-orders", "ckafka-1", "orders", 10, 1, 3, "latest", True)
    return FunctionSpec(
        name=name,
        module=name,
        handler="hello.main_handler",
        clouds=(cloud,),
        runtime="Python3.10" if on_scf else "python3.10",
        memory_mb=128,
        timeout_s=5,
        role="keyturn-hello" if on_scf else "acs:ram::1000000000000001:role/keyturn-hello",
        environment={"KEYTURN_LOG": "INFO", "KEYTURN_ALLOW": "", "ORDERS_PASSWORD": PASSWORD},
        concurrency=1,
        instances=2 if triggers else None,
        async_retries=2,
        dead_letter=None,
        destinations=None,
        http=HttpTrigger("http", "CAM" if on_scf else "function") if triggers else None,
        timers=(TimerTrigger("nightly", "0 0 2 * * * *" if on_scf else "0 0 2 * * *", False, ""),) if triggers else (),
        queues=(queue,) if triggers else (),
        budget_mb=1.0,
        line=1,
    )


ONE_CALL = {"scf": "shared.workbench.deploy.scf:ScfPlane._once", "fc": "shared.workbench.deploy.fc:_once"}
"""The function that makes one call of a control plane."""
