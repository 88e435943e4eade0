"""One secret of the stand-in's stores. It is opened anew for each delivery, as functions do."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from shared.commands.store_reference import parse_ref
from shared.handlers.adapters import open_store
from shared.runtime.cloud_access import CloudAccess, RoleKeys
from shared.runtime.deadline import Deadline
from shared.runtime.secret import Secret
from shared.stores.store import Store
from shared.stores.versions import change_identity
from tests.cloud.client.standin import Standin

PLACES = {"ssm": ("redis-crs-demo0001-app", "ap-guangzhou"), "kms": ("tair-r-demo0001-app", "cn-hangzhou")}
FIRST = {"ssm": "App-Passw0rd", "kms": "Tair-Passw0rd"}
NEW, OTHER = "Next-Passw0rd", "Other-Passw0rd"


def version_name(command: str, number: int = 1, account: str = "app") -> str:
    """The name of a command's version."""
    return change_identity("source", f"redis/crs-demo0001/{account}", (), "operation", command, {}).name(number)


ONE, TWO, THREE = (version_name(f"c-{number}") for number in (1, 2, 3))


@dataclass
class SecretUnderTest:
    """A secret, named by its store and its name."""

    kind: str
    cloud: Standin
    left_s: float = 12.0
    name: str = ""

    def __post_init__(self) -> None:
        self.name = self.name or PLACES[self.kind][0]

    def open(self, name: str = "", region: str = "", **access: Any) -> Store:
        ref = parse_ref(f"{self.kind}://{name or self.name}")
        return open_store(ref, lambda cloud: replace(self.access(cloud), **access), region or PLACES[self.kind][1])

    def access(self, cloud: str) -> CloudAccess:
        keys = self.cloud.credentials[cloud]
        role = RoleKeys(keys["id"], Secret(keys["key"]), Secret(keys["token"]))
        deadline = Deadline(time.monotonic() + self.left_s)
        return CloudAccess(role, self.cloud.endpoint, 20.0, deadline)

    def fill(self, versions: dict[str, str | tuple[str, float]], **more: Any) -> None:
        """Set a world with another secret of these versions: a value, or a value and its age in days."""
        self.name = "filled"
        told = {
            id_: one if isinstance(one, str) else {"value": one[0], "age_days": one[1]} for id_, one in versions.items()
        }
        region = PLACES[self.kind][1]
        self.cloud.reset(**{self.kind: {self.name: {"region": region, "versions": told, **more}}})

    def ids(self) -> list[str]:
        """The versions, newest first."""
        return [one.id for one in self.open().versions()]

    def current(self) -> str:
        (id_,) = [one.id for one in self.open().versions() if one.current]
        return id_

    def value(self, version: str | None = None) -> str:
        return self.open().read(version).reveal()

    def values(self) -> dict[str, str]:
        store = self.open()
        return {one.id: store.read(one.id).reveal() for one in store.versions()}

    def fail(self, action: str, fault: str = "drop_before", times: int = 1) -> None:
        self.cloud.faults([{"Action": action, "Fault": fault, "Times": times}])

    def rotate(self, version: str, value: str) -> None:
        store = self.open()
        store.write(version, Secret(value))
        store.promote(version)

    def violations(self) -> list[str]:
        found: list[str] = self.cloud.state().get("kms", {}).get("violations", [])
        return found

    @contextmanager
    def counted(self) -> Iterator[Counter[str]]:
        """Count the calls inside this context, by action."""
        before, made = len(self.cloud.calls()), Counter[str]()
        yield made
        made.update(call["Action"] for call in self.cloud.calls()[before:])
