"""The state of the stand-in's clouds at their start: options, keys, instances, accounts, from a TOML file."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli
from pydantic import Field, TypeAdapter, model_validator

from tests.cloud.state.api_error import ApiError
from tests.cloud.state.identity_tables import Activated, CallersRights, Credentials, OtherAccounts, StartingRoles
from tests.cloud.state.queue_tables import CkafkaInstance, DataHub, SmqAccount
from tests.cloud.state.world_table import Seconds, WorldTable

DEFAULT_WORLD = Path(__file__).parents[1] / "world.toml"

Days = Annotated[float, Field(ge=0)]
DAY_S = 24 * 3600
MONTH_DAYS = 30.0


class RedisAccount(WorldTable):
    """A Tencent Redis account as DescribeInstanceAccount shows it, and its password.

    `modified_time`: the PasswordLastModifiedTime until the next change. `nopass`: the server accepts any password.
    """

    password: str
    remark: str = ""
    privilege: Literal["r", "w", "rw"] = "rw"
    readonly_policy: tuple[Literal["master", "replication"], ...] = ("master",)
    password_age_days: Days = MONTH_DAYS
    modified_time: str = ""
    nopass: bool = False


class RedisInstance(WorldTable):
    """A Tencent Redis instance. `status`: 0 new, 1 task running, 2 running, -2 isolated, -3 to be deleted.

    `lazy`: its server starts at the first connection or change, and may end when it is idle.
    `engine_version`: below 6.0 the server does not know AUTH with two words.
    """

    region: str
    site: Literal["domestic", "intl"] = "domestic"
    status: Literal[0, 1, 2, -2, -3] = 2
    no_auth: bool = False
    lazy: bool = False
    engine_version: str = "7.0"
    name: str = ""
    tags: dict[str, str] = {}
    accounts: dict[str, RedisAccount]


class RegistryAccount(WorldTable):
    """A TCR service account, without the `tcr$` that the service adds to its name."""

    password: str
    description: str = ""
    disabled: bool = False
    expires_at: int = -1
    password_age_days: Days = MONTH_DAYS


class RegistryInstance(WorldTable):
    """A TCR Enterprise instance; each has a registry of its own."""

    region: str
    site: Literal["domestic", "intl"] = "domestic"
    status: str = "Running"
    tags: dict[str, str] = {}
    accounts: dict[str, RegistryAccount]


class TairAccount(WorldTable):
    """An R-kvstore account.

    If its name is `default` or the instance's, it is the default account, see RedisAccount.nopass.
    """

    password: str
    nopass: bool = False
    privilege: Literal["RoleReadOnly", "RoleReadWrite"] = "RoleReadWrite"
    type: Literal["Normal", "Super"] = "Normal"


class TairInstance(WorldTable):
    """An R-kvstore instance; `status` is InstanceStatus, `engine_version` is as in RedisInstance."""

    region: str
    status: str = "Normal"
    lazy: bool = False
    engine_version: str = "7.0"
    name: str = ""
    tags: dict[str, str] = {}
    accounts: dict[str, TairAccount]


class StoredVersion(WorldTable):
    """A version of a stored secret, and its age."""

    value: str
    age_days: Days | None = None


@dataclass(frozen=True)
class SeededVersion:
    """A version that a store has at the start: its value, and its time of creation in epoch seconds."""

    value: str
    created: float


class _Stored(WorldTable):
    region: str
    description: str = ""
    tags: dict[str, str] = {}
    versions: dict[str, str | StoredVersion]

    def seeded_versions(self, now: float) -> dict[str, SeededVersion]:
        """Versions by id, the oldest first. Versions without an age are a month old, and one second apart."""
        made = {}
        for place, (id_, one) in enumerate(self.versions.items()):
            version = StoredVersion(value=one) if isinstance(one, str) else one
            days = MONTH_DAYS if version.age_days is None else version.age_days
            made[id_] = SeededVersion(version.value, now - days * DAY_S - len(self.versions) + place)
        return made


class SsmSecret(_Stored):
    """A user-defined secret of Tencent's Secrets Manager."""

    site: Literal["domestic", "intl"] = "domestic"
    status: Literal["Enabled", "Disabled", "PendingDelete"] = "Enabled"


class KmsSecret(_Stored):
    """A secret of Alibaba's KMS. `current` has ACSCurrent (by default the last version); label -> version.

    `type`: any type but Generic is a managed secret, which only its product writes.
    """

    type: Literal["Generic", "Rds", "PolarDB", "Redis", "RAMCredentials", "ECS"] = "Generic"

    current: str = ""
    labels: dict[str, str] = {}


class FleetAccount(WorldTable):
    """An account of every instance of a fleet. `privilege`: r, w or rw."""

    password: str
    privilege: Literal["r", "w", "rw"] = "rw"


class Fleet(WorldTable):
    """`count` instances that differ only in their number and in the ages of their passwords, which lie in `aged_days`.

    Ages are spread evenly. With `due`, exactly so many instances are older than `due_days`, spread over the fleet.
    `store` names a secret for each account, with the words `{instance}` and `{account}`: in SSM for Redis, in KMS for
    Tair. The secret is as old as the password, and its only version is `v1`. The instances are `<prefix>0001` and so
    on.
    """

    kind: Literal["redis", "tair"]
    count: Annotated[int, Field(ge=1, le=9999)]
    prefix: str
    region: str
    site: Literal["domestic", "intl"] = "domestic"
    accounts: dict[str, FleetAccount]
    tags: dict[str, str] = {}
    aged_days: tuple[Days, Days] = (MONTH_DAYS, MONTH_DAYS)
    due: int | None = None
    due_days: Days = 90.0
    store: str = ""

    def ages(self) -> list[float]:
        """The age of each instance's passwords in days. Raises: ValueError: so many cannot be due."""
        youngest, oldest = self.aged_days
        if self.due is None:
            return _spread(youngest, oldest, self.count)
        if not 0 <= self.due <= self.count or not youngest <= self.due_days < oldest:
            raise ValueError("a fleet's due must be at most its count, and its due_days must lie within its aged_days")
        is_due = [place * self.due // self.count != (place + 1) * self.due // self.count for place in range(self.count)]
        # The two kinds are a day apart, so that none becomes due during a run.
        old = iter(_spread(min(self.due_days + 1, oldest), oldest, self.due))
        young = iter(_spread(youngest, max(self.due_days - 1, youngest), self.count - self.due))
        return [next(old if one else young) for one in is_due]

    def tables(self) -> dict[str, dict[str, Any]]:
        """The fleet as tables of a world."""
        instances: dict[str, Any] = {}
        secrets: dict[str, Any] = {}
        for place, age in enumerate(self.ages(), 1):
            id_ = f"{self.prefix}{place:04}"
            shared = {"region": self.region, "lazy": True, "tags": self.tags}
            instances[id_] = shared | {"accounts": self._accounts(age)}
            if self.kind == "redis":
                instances[id_]["site"] = self.site
            for name, account in self.accounts.items() if self.store else ():
                version = {"value": account.password, "age_days": age}
                secret: dict[str, Any] = {"region": self.region, "tags": self.tags, "versions": {"v1": version}}
                secrets[self.store.format(instance=id_, account=name)] = secret
        return {self.kind: instances, "ssm" if self.kind == "redis" else "kms": secrets}

    def _accounts(self, age: float) -> dict[str, Any]:
        if self.kind == "redis":
            return {name: {**one.model_dump(), "password_age_days": age} for name, one in self.accounts.items()}
        rights = {"r": "RoleReadOnly"}
        return {
            name: {"password": one.password, "privilege": rights.get(one.privilege, "RoleReadWrite")}
            for name, one in self.accounts.items()
        }


def _spread(first: float, last: float, count: int) -> list[float]:
    """`count` numbers from `first` to `last`, at equal distances."""
    return [first + (last - first) * place / max(1, count - 1) for place in range(count)]


class RefusedCharacters(WorldTable):
    """A rule that is stricter than the published one: a new password with one of these characters is refused with this
    code.
    """

    characters: str
    code: str
    action: str = "*"


class World(WorldTable):
    """Everything that a world file may contain.

    Times are in seconds; `rate` is requests a second for each API and region.
    """

    task_s: Seconds = 0.3
    settle_s: Seconds = 0.2
    active_s: Seconds = 0.2
    planes_lag_s: Seconds = 0.1
    retry_s: Seconds = 0.2
    instances: Annotated[int, Field(ge=1)] = 3
    scf_memory_mb: Annotated[int, Field(ge=12_800)] = 128_000
    fc_instances: Annotated[int, Field(ge=1)] = 100
    max_servers: Annotated[int, Field(ge=1)] = 64
    wake_on_change: bool = True
    latency_s: Seconds = 0.0
    stall_s: Seconds = 30.0
    rate: Annotated[int, Field(ge=1)] = 20
    old_equals_new: Literal["accept", "refuse", "same_code"] = "accept"
    refuses_values: tuple[RefusedCharacters, ...] = ()
    empty_times: Literal["no", "until_changed", "forever"] = "no"
    times_lag_s: Seconds = 0.0
    shows_changing: bool = True
    changing_shown_after_s: Seconds = 0.0
    unusable_accounts: Literal["accept", "refuse"] = "accept"
    expires_in: Literal["milliseconds", "seconds"] = "milliseconds"
    fc_state: Literal["Active", "Pending", ""] = "Active"
    task_types: dict[str, str] = {}
    task_listed_after_s: Seconds = 0.0
    task_readable_after_s: Seconds = 0.0
    no_auth_task: Literal["id", "zero"] = "id"
    ssl: Literal["off", "no_engine", "no_status"] = "off"
    two_word_auth: Literal["accept", "refuse", "arguments"] = "accept"
    root_login: Literal["both", "password", "id"] = "both"
    password_free: Literal["refuse", "accept"] = "refuse"
    update_moves_create_time: bool = False
    version_order: Literal["name", "oldest", "newest"] = "name"
    form_body: bool = True
    unknown_actions: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    not_so: tuple[str, ...] = ()
    role_keys_s: Annotated[float, Field(gt=0)] = 7200.0
    role_lag_s: Seconds = 0.0
    activated: Activated = Activated()
    caller: CallersRights = CallersRights()
    cam: StartingRoles = StartingRoles()
    ram: StartingRoles = StartingRoles()
    accounts: OtherAccounts = OtherAccounts()
    credentials: Credentials
    redis: dict[str, RedisInstance] = {}
    tcr: dict[str, RegistryInstance] = {}
    tair: dict[str, TairInstance] = {}
    ssm: dict[str, SsmSecret] = {}
    kms: dict[str, KmsSecret] = {}
    ckafka_instance: dict[str, CkafkaInstance] = {}
    ckafka: dict[str, DataHub] = {}
    ckafka_task_s: Seconds = 0.2
    cls_topics: tuple[str, ...] = ()
    sls_logstores: tuple[str, ...] = ()
    kms_needs_instance: bool = False
    ckafka_lists: Literal["places", "messages"] = "places"
    smq: dict[str, SmqAccount] = {}

    @model_validator(mode="before")
    @classmethod
    def _with_fleets(cls, tables: Any) -> Any:
        """Replace fleets by their instances and secrets."""
        if not isinstance(tables, dict) or "fleet" not in tables:
            return tables
        fleets = _FLEETS.validate_python(tables["fleet"])
        whole = {name: table for name, table in tables.items() if name != "fleet"}
        for fleet in fleets:
            for name, table in fleet.tables().items():
                mine = whole.get(name, {})
                if mine.keys() & table.keys():
                    raise ValueError(f"{name}: an instance or secret of a fleet exists already")
                whole[name] = {**mine, **table}
        return whole

    def holds(self, claim: str) -> bool:
        """Whether a row of claims.toml holds in this world. If it does not, the code that asks plays the opposite."""
        return claim not in self.not_so

    def check_password(self, action: str, value: str) -> None:
        """Raises: ApiError: the world's own rule refuses this new password."""
        for rule in self.refuses_values:
            if rule.action in ("*", action) and any(one in value for one in rule.characters):
                raise ApiError(rule.code, "The password breaks the rules.")

    def with_overrides(self, overrides: dict[str, Any]) -> World:
        """This world with tables merged and other values replaced.

        Raises: ValueError: it is no valid world, or it adds an instance (the addresses are published already).
        """
        other = World.model_validate(merge_tables(self.model_dump(), overrides))
        for kind in ("redis", "tcr", "tair"):
            if getattr(other, kind).keys() != getattr(self, kind).keys():
                raise ValueError(f"{kind}: instances cannot be added while the stand-in runs")
        return other


_FLEETS: TypeAdapter[list[Fleet]] = TypeAdapter(list[Fleet])


def merge_tables(base: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    """`base` with the values of `overrides`, merged table by table."""
    merged = deepcopy(base)
    for name, value in overrides.items():
        both_tables = isinstance(value, dict) and isinstance(merged.get(name), dict)
        merged[name] = merge_tables(merged[name], value) if both_tables else value
    return merged


def load_world(path: Path = DEFAULT_WORLD) -> World:
    """Read a world file. With `extends` it overrides another one, whose path is relative to its own folder.

    Raises: OSError; ValueError (also for wrong TOML and for an unknown key).
    """
    return World.model_validate(_tables(path))


def _tables(path: Path) -> dict[str, Any]:
    tables = tomli.loads(path.read_text(encoding="utf-8"))
    base = tables.pop("extends", None)
    return merge_tables(_tables(path.parent / str(base)), tables) if base else tables
