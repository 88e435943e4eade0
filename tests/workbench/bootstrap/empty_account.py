"""An account in which nothing is there that deploying needs, and the person who runs bootstrap in it."""

from __future__ import annotations

import sys
from pathlib import Path
from traceback import walk_stack
from types import FrameType
from typing import Literal

from shared.workbench.apis.alibaba import AlibabaApi
from shared.workbench.apis.tencent import TencentApi
from shared.workbench.bootstrap.account import Account, read_account
from shared.workbench.bootstrap.commands import main
from shared.workbench.bootstrap.resources import title
from shared.workbench.bundle.checkout import ROOT
from shared.workbench.bundle.description import Description
from shared.workbench.bundle.loading import load
from shared.workbench.deploy import access
from tests.cloud.client.standin import Standin
from tests.support.forked import run_until_killed

CLOUDS: tuple[Literal["tencent", "alibaba"], ...] = ("tencent", "alibaba")
SERVICES = ("scf", "cls", "ssm", "fc", "sls", "kms", "smq", "eventbridge")
WORLD = Path(__file__).with_name("account.toml")


class Person:
    """Who types the commands, with everything agreed to beforehand."""

    def __init__(self, cloud: Standin, name: Literal["tencent", "alibaba"], dist: Path) -> None:
        self.cloud, self.name, self.dist = cloud, name, dist
        self.file = ROOT / "serverless.yml"
        keys = cloud.credentials[name]
        self.environ = {variable: keys[part] for part, variable in access.KEYS[name].items()}
        self.environ |= {f"KEYTURN_{name.upper()}_ENDPOINT": cloud.endpoint, "YES": "1"}
        self.environ |= {"CKAFKA_INSTANCE": "ckafka-demo01"}

    def types(self, *more: str) -> int:
        """One run."""
        return main([self.name, "--file", str(self.file), "--dist", str(self.dist), *more], self.environ)

    def account(self) -> Account:
        return read_account(self.file, self.name, self.environ)

    def description_as_deployed(self) -> Description:
        """As `plan` reads it: with the settings of this shell, whatever they name."""
        return load(self.file, self.name, self.environ)

    @property
    def api(self) -> TencentApi | AlibabaApi:
        api = self.account().api
        assert api is not None
        return api

    def standing(self) -> dict[str, tuple[str, bool]]:
        """Each thing's condition, and whether it carries the mark."""
        looked = [(one, one.look()) for one in self.account().resources()]
        return {title(one): (found.condition, found.ours) for one, found in looked}

    def settings(self) -> dict[str, str]:
        """What settings.sh exports."""
        lines = (self.dist / "bootstrap" / self.name / "settings.sh").read_text().splitlines()
        pairs = (line.removeprefix("export ").split("=", 1) for line in lines if line.startswith("export "))
        return {name: value.strip("'") for name, value in pairs}

    def types_until_killed(self, point: str, *more: str) -> bool:
        """One run in a child that ends by SIGKILL at a point; whether it did."""
        return run_until_killed(lambda: self.types(*more), point)

    def calls_while(self, method: str, *more: str) -> int:
        """How many calls a cloud takes while a method of this name is at work, in one whole run."""
        taken = 0

        def watch(frame: FrameType, happening: str, _: object) -> None:
            nonlocal taken
            if happening == "return" and frame.f_code.co_name == "lost_or_taken":
                taken += any(one.f_code.co_name == method for one, _ in walk_stack(frame))

        sys.setprofile(watch)
        try:
            assert self.types(*more) == 0
        finally:
            sys.setprofile(None)
        return taken
