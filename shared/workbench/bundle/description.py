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
    """A signed HTTP entry: a function URL with CAM (SCF), an HTTP trigger with `function` (FC). It takes POST only."""

    name: str
    auth_type: str  # "CAM" on scf, "function" on fc
    methods: tuple[str, ...] = ("POST",)


@dataclass(frozen=True)
class TimerTrigger:
    """A timer. `cron` is in the platform's spelling: seven fields on SCF, six on FC. `message` may be empty."""

    name: str
    cron: str
    enabled: bool
    message: str


@dataclass(frozen=True)
class CkafkaTrigger:
    """SCF's consumer of one CKafka topic; `name` is `<instance>-<topic>`, as SCF requires."""

    name: str
    instance: str
    topic: str
    batch: int  # at most so many messages in one event
    wait_s: int  # SCF waits at most so many seconds for a batch to fill
    retries: int
    offset: str  # "latest" or "earliest": where a group starts that has never read
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
    """The CMQ queue or topic to which SCF sends events after their last failed repeat."""

    type: str  # "cmq-queue" or "cmq-topic"
    name: str


@dataclass(frozen=True)
class Destinations:
    """The ARNs to which FC sends the result of an asynchronous event."""

    on_success: str | None
    on_failure: str | None


@dataclass(frozen=True)
class Logs:
    """Where the platform writes a function's log lines."""

    group: str  # the id of a CLS log set on scf, the name of an SLS project on fc
    topic: str  # the id of a CLS topic on scf, the name of a Logstore on fc

    def __str__(self) -> str:
        return f"{self.group}/{self.topic}"


@dataclass(frozen=True)
class Network:
    """The private network that a function can reach, with the public network or without it."""

    vpc: str
    subnets: tuple[str, ...]  # one on scf
    security_group: str = ""  # empty on scf

    def __str__(self) -> str:
        return "/".join(filter(None, (self.vpc, ",".join(self.subnets), self.security_group)))


@dataclass(frozen=True)
class FunctionSpec:
    """One function as it is deployed. `repr` does not show `environment`, which may hold secrets."""

    name: str  # its name on the platform
    module: str  # functions/<module>.py; its zip is dist/<cloud>/<module>.zip
    handler: str  # <module>.main_handler
    clouds: tuple[Cloud, ...]  # the clouds that its code calls; for other functions than operations: every operation's
    runtime: str  # "Python3.10" on scf, "python3.10" or "python3.12" on fc
    memory_mb: int
    timeout_s: int
    role: str  # a CAM role's name on scf, a RAM role's ARN on fc
    environment: Mapping[str, str]
    concurrency: int  # events that one instance handles at once: 1 on scf, 1 to 200 on fc (threads)
    async_retries: int
    dead_letter: DeadLetter | None
    destinations: Destinations | None
    http: HttpTrigger | None
    timers: tuple[TimerTrigger, ...]
    queues: tuple[CkafkaTrigger | SmqTrigger, ...]
    budget_mb: float  # the largest size of its zip; for a function that seals, with the packages for sealing
    line: int  # its line in serverless.yml
    seals: bool = False  # its zip holds the packages that seal a secret: joserfc and cryptography
    instances: int | None = None  # most instances at once; None: `deploy` does not change the function's limit
    network: Network | None = None
    logs: Logs | None = None  # None: `deploy` does not change the function's log settings

    @property
    def rotations(self) -> list[dict[str, Any]]:
        """The policies in the messages of plan_rotation's timers: those of custom.policies, and those written as a
        message.
        """
        timers = self.timers if self.module == "plan_rotation" else ()
        return [one for timer in timers for one in policies_in(timer.message)]

    def __repr__(self) -> str:
        return f"FunctionSpec({self.name!r})"


def policies_in(message: str) -> list[dict[str, Any]]:
    """The policies in a timer's text. The text is JSON, or empty."""
    value = json.loads(message or "[]")
    while isinstance(value, str):  # keyturn also reads a command that is JSON within a JSON text
        value = json.loads(value or "[]")
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict) and "Policy" in one]


@dataclass(frozen=True)
class Description:
    """Everything that one platform runs. `cloud` names the platform's owner, as CLOUD does."""

    cloud: Cloud
    platform: Platform
    service: str
    region: str
    functions: tuple[FunctionSpec, ...]
    policies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The policies of custom.policies whose operation is deployed on this platform: name -> fields of plan_rotation's
    command.
    """
    policies_elsewhere: Mapping[str, str] = field(default_factory=dict)
    """The policies whose operation is not deployed on this platform: name -> function."""
    examples: tuple[str, ...] = ()
    """The example names in the file, which you replace with your own."""
