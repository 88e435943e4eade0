"""What is deployed on one platform: serverless.yml as plain, checked values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Cloud = Literal["tencent", "alibaba"]
Platform = Literal["scf", "fc"]
PLATFORM_OF: Mapping[Cloud, Platform] = {"tencent": "scf", "alibaba": "fc"}


@dataclass(frozen=True)
class HttpTrigger:
    """A signed HTTP entry: a function URL with CAM (SCF), an HTTP trigger with `function` (FC). POST alone."""

    name: str
    auth_type: str  # "CAM" on scf, "function" on fc
    methods: tuple[str, ...] = ("POST",)


@dataclass(frozen=True)
class TimerTrigger:
    """A timer. `cron` is spelled for the platform: seven fields on SCF, six on FC. `message` may be empty."""

    name: str
    cron: str
    enabled: bool
    message: str


@dataclass(frozen=True)
class CkafkaTrigger:
    """SCF's consumer of one CKafka topic; `name` is `<instance>-<topic>`, as SCF wants it."""

    name: str
    instance: str
    topic: str
    batch: int  # messages at most in one event
    wait_s: int  # seconds at most until a batch is given over
    retries: int
    offset: str  # "latest" or "earliest", for a group that never read
    enabled: bool


@dataclass(frozen=True)
class SmqTrigger:
    """FC's EventBridge consumer of one SMQ queue. `retries` 3 is BACKOFF_RETRY, 176 is EXPONENTIAL_DECAY_RETRY."""

    name: str
    queue: str
    retries: int
    batch: int
    enabled: bool


@dataclass(frozen=True)
class StartedBy:
    """The triggers of one function."""

    http: HttpTrigger | None
    timers: tuple[TimerTrigger, ...]
    queues: tuple[CkafkaTrigger | SmqTrigger, ...]


@dataclass(frozen=True)
class DeadLetter:
    """Where SCF puts events whose repeats are used up: a CMQ queue or topic."""

    type: str  # "cmq-queue" or "cmq-topic"
    name: str


@dataclass(frozen=True)
class Destinations:
    """Where FC sends what became of an asynchronous event: ARNs."""

    on_success: str | None
    on_failure: str | None


@dataclass(frozen=True)
class Logs:
    """Where the platform writes a function's lines."""

    group: str  # the id of a CLS log set on scf, the name of an SLS project on fc
    topic: str  # the id of a CLS topic on scf, the name of a Logstore on fc

    def __str__(self) -> str:
        return f"{self.group}/{self.topic}"


@dataclass(frozen=True)
class Network:
    """The private network that a function reaches, beside the public one or instead of it."""

    vpc: str
    subnets: tuple[str, ...]  # one on scf
    security_group: str = ""  # none on scf

    def __str__(self) -> str:
        return "/".join(filter(None, (self.vpc, ",".join(self.subnets), self.security_group)))


@dataclass(frozen=True)
class FunctionSpec:
    """One function as it is deployed. `environment` may hold secrets, so it is not shown."""

    name: str  # on the platform
    module: str  # functions/<module>.py; its zip is dist/<cloud>/<module>.zip
    handler: str  # <module>.main_handler
    clouds: tuple[Cloud, ...]  # the clouds that its code calls; follow_change: those of all operations beside it
    runtime: str  # "Python3.10" on scf, "python3.10" or "python3.12" on fc
    memory_mb: int
    timeout_s: int
    role: str  # a CAM role's name on scf, a RAM role's ARN on fc
    environment: Mapping[str, str]
    concurrency: int  # events at once in one instance: 1 on scf, 1 to 200 on fc (threads)
    async_retries: int
    dead_letter: DeadLetter | None
    destinations: Destinations | None
    http: HttpTrigger | None
    timers: tuple[TimerTrigger, ...]
    queues: tuple[CkafkaTrigger | SmqTrigger, ...]
    budget_mb: float  # of its zip; what sealing adds is in it
    line: int  # in serverless.yml
    seals: bool = False  # its zip carries what sealing a secret needs: joserfc and cryptography
    instances: int | None = None  # at once, at most; None: what the function has is left alone
    network: Network | None = None
    logs: Logs | None = None  # None: what the function has is left alone

    @property
    def rotations(self) -> list[dict[str, Any]]:
        """The policies that plan_rotation's timers bring, whether custom.policies has them or a message holds them."""
        timers = self.timers if self.module == "plan_rotation" else ()
        return [one for timer in timers for one in policies_in(timer.message)]

    def __repr__(self) -> str:
        return f"FunctionSpec({self.name!r})"


def policies_in(message: str) -> list[dict[str, Any]]:
    """The policies that a timer's text, which is JSON or empty, holds as commands."""
    value = json.loads(message or "[]")
    while isinstance(value, str):  # JSON in JSON is read as a command too
        value = json.loads(value or "[]")
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict) and "Policy" in one]


@dataclass(frozen=True)
class Description:
    """All that one platform runs. `cloud` names the platform's owner, as CLOUD does."""

    cloud: Cloud
    platform: Platform
    service: str
    region: str
    functions: tuple[FunctionSpec, ...]
    policies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What plan_rotation keeps young, by name, spelled as its command: those of operations that are deployed here."""
    policies_elsewhere: Mapping[str, str] = field(default_factory=dict)
    """The function of each policy whose operation is not deployed here, by the policy's name."""
    examples: tuple[str, ...] = ()
    """Texts of the file that stand for something of one's own, and name nothing that is there."""
