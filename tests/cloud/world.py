"""What the stand-in's clouds hold when they start: options, keys, instances, accounts, from a TOML file."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli
from pydantic import BaseModel, ConfigDict, Field

DEFAULT_WORLD = Path(__file__).with_name("world.toml")

Seconds = Annotated[float, Field(ge=0)]


class Strict(BaseModel):
    """A table of the world file; a key that nobody reads is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Keys(Strict):
    """The one caller that a cloud knows: temporary role keys."""

    id: str
    key: str
    token: str


class Credentials(Strict):
    """Keys by cloud."""

    tencent: Keys
    alibaba: Keys


class RedisAccount(Strict):
    """A Tencent Redis account as DescribeInstanceAccount shows it, and its password."""

    password: str
    remark: str = ""
    privilege: Literal["r", "w", "rw"] = "rw"
    readonly_policy: tuple[Literal["master", "replication"], ...] = ("master",)


class RedisInstance(Strict):
    """A Tencent Redis instance. `status`: 0 new, 1 in a flow, 2 running, -2 isolated, -3 to be deleted."""

    region: str
    site: Literal["domestic", "intl"] = "domestic"
    status: Literal[0, 1, 2, -2, -3] = 2
    no_auth: bool = False
    lazy: bool = False
    accounts: dict[str, RedisAccount]


class RegistryAccount(Strict):
    """A TCR service account, named without the `tcr$` that the service adds."""

    password: str
    description: str = ""
    disabled: bool = False
    expires_at: int = -1


class RegistryInstance(Strict):
    """A TCR Enterprise instance; each has a registry of its own."""

    region: str
    site: Literal["domestic", "intl"] = "domestic"
    status: str = "Running"
    accounts: dict[str, RegistryAccount]


class TairAccount(Strict):
    """An R-kvstore account."""

    password: str
    privilege: Literal["RoleReadOnly", "RoleReadWrite"] = "RoleReadWrite"
    type: Literal["Normal", "Super"] = "Normal"


class TairInstance(Strict):
    """An R-kvstore instance; `status` is InstanceStatus."""

    region: str
    status: str = "Normal"
    lazy: bool = False
    accounts: dict[str, TairAccount]


class DataHub(Strict):
    """An HTTP access task of CKafka's DataHub: a topic that SendMessage writes to, and triggers read by its name."""

    region: str
    topic: str = ""


class SmqAccount(Strict):
    """An account's SMQ queues in one region. `queues` are patterns of the names that exist."""

    region: str
    queues: tuple[str, ...]
    visibility_s: Seconds = 30.0


class World(Strict):
    """Everything that a world file may say. Times in seconds; `rate` is requests a second, API and region."""

    task_s: Seconds = 0.3
    settle_s: Seconds = 0.2
    active_s: Seconds = 0.2
    retry_s: Seconds = 0.2
    instances: Annotated[int, Field(ge=1)] = 3
    latency_s: Seconds = 0.0
    stall_s: Seconds = 30.0
    rate: Annotated[int, Field(ge=1)] = 20
    old_equals_new: Literal["accept", "refuse"] = "accept"
    form_body: bool = True
    unknown_actions: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    credentials: Credentials
    redis: dict[str, RedisInstance] = {}
    tcr: dict[str, RegistryInstance] = {}
    tair: dict[str, TairInstance] = {}
    ckafka: dict[str, DataHub] = {}
    smq: dict[str, SmqAccount] = {}

    def changed(self, overrides: dict[str, Any]) -> World:
        """This world with tables merged and other values replaced.

        Raises: ValueError: not a world, or an instance came (the addresses are already published).
        """
        other = World.model_validate(merge(self.model_dump(), overrides))
        for kind in ("redis", "tcr", "tair"):
            if getattr(other, kind).keys() != getattr(self, kind).keys():
                raise ValueError(f"{kind}: instances cannot be added while the stand-in runs")
        return other


def merge(base: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    """`base` with `overrides` laid over it, table by table."""
    merged = deepcopy(base)
    for name, value in overrides.items():
        both_tables = isinstance(value, dict) and isinstance(merged.get(name), dict)
        merged[name] = merge(merged[name], value) if both_tables else value
    return merged


def load_world(path: Path = DEFAULT_WORLD) -> World:
    """Read a world file.

    Raises: OSError; ValueError (also for TOML and for a key that does not exist).
    """
    return World.model_validate(tomli.loads(path.read_text(encoding="utf-8")))
