"""What an account has to hold before keyturn is deployed to it, as plain data: no call is made here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shared.runtime import queue_urls
from shared.workbench.bundle.description import CkafkaTrigger, Cloud, Description, FunctionSpec, SmqTrigger
from shared.workbench.deploy.policies import policies

EVENTBRIDGE_ROLES = (
    "AliyunServiceRoleForEventBridgeSendToFC",
    "AliyunServiceRoleForEventBridgeSourceMNS",
    "AliyunServiceRoleForEventBridgeSendToMNS",
)
"""Product names of CreateServiceLinkedRoleForProduct. EventBridge's pages and the vendor's tools disagree on the last
two, so both are made (functioncompute/fc/mns-queue-triggers; help 181425, 2026-01-27; devsapp/fc#827)."""


@dataclass(frozen=True)
class Role:
    """A function's role, and the policy that says what it may do in one region; None: nothing."""

    name: str
    function: str
    trust: Mapping[str, Any]
    policy: Mapping[str, Any] | None
    policy_name: str


@dataclass(frozen=True)
class SmqQueue:
    """A queue of SMQ, in the account that is asked."""

    name: str
    region: str


@dataclass(frozen=True)
class CkafkaTopic:
    """A topic of a CKafka instance, which is billed and has to be there."""

    name: str
    instance: str

    @property
    def title(self) -> str:
        """As it is called in what is said."""
        return f"topic {self.name}"


@dataclass(frozen=True)
class DatahubTask:
    """An HTTP entry to a topic; the id that the cloud gives it goes into `variable`."""

    name: str
    topic: CkafkaTopic
    variable: str  # KEYTURN_RESULTS or KEYTURN_COMMANDS

    @property
    def title(self) -> str:
        """As it is called in what is said."""
        return f"DataHub task {self.name}"


LOG_KINDS: Mapping[Cloud, str] = {"tencent": "log topic", "alibaba": "Logstore"}


@dataclass(frozen=True)
class LogPlace:
    """A CLS log set and topic, or an SLS project and Logstore, by the names that they are made with."""

    group: str
    topic: str

    def __str__(self) -> str:
        return f"{self.group}/{self.topic}"


@dataclass(frozen=True)
class Consent:
    """What only a person can give, once an account: by which page of the console."""

    service: str
    page: str


@dataclass(frozen=True)
class Billed:
    """What costs money, and when; the vendor's price page, and the date of that page."""

    what: str
    when: str
    page: str
    dated: str


@dataclass(frozen=True)
class FirstSecret:
    """Where a rotation's policy looks for the secret that is in force; `{resource}` and `{account}` as it has them."""

    policy: str
    store: str
    region: str
    rule: Mapping[str, Any]  # the whole policy


@dataclass(frozen=True)
class Needs:
    """All of one description."""

    cloud: Cloud
    service: str
    region: str
    roles: tuple[Role, ...]
    queues: tuple[SmqQueue, ...]
    topics: tuple[CkafkaTopic, ...]
    tasks: tuple[DatahubTask, ...]
    logs: LogPlace
    linked_roles: tuple[str, ...]
    consents: tuple[Consent, ...]
    billed: tuple[Billed, ...]
    secrets: tuple[FirstSecret, ...]
    unnamed: tuple[str, ...]  # variables that a person has to set first, with the reason
    optional: frozenset[str]  # titles of what is not missed, since a setting names another in its place

    @property
    def logs_title(self) -> str:
        """As the place of lines is called in what is said."""
        return f"{LOG_KINDS[self.cloud]} {self.logs}"

    @property
    def mark(self) -> str:
        """What the description of everything that bootstrap makes begins with."""
        return f"keyturn:{self.service}"


def needs(description: Description, account: str) -> Needs:
    """What a description takes in an account, which may be empty where nobody knows it."""
    on_scf = description.cloud == "tencent"
    logs = log_place(description, account)
    topics, tasks, unnamed = _ckafka(description) if on_scf else ((), (), ())
    queues = () if on_scf else tuple(_smq(description))
    eventbridge = any(isinstance(one, SmqTrigger) for spec in description.functions for one in spec.queues)
    secrets = tuple(_secrets(description))
    return Needs(
        description.cloud,
        description.service,
        description.region,
        tuple(role_of(description, spec) for spec in description.functions),
        queues,
        topics,
        tasks,
        logs,
        EVENTBRIDGE_ROLES if eventbridge else (),
        tuple(_consents(description.cloud, has_queues=bool(queues), eventbridge=eventbridge, stores=bool(secrets))),
        tuple(_billed(description.cloud, stores=bool(secrets))),
        secrets,
        unnamed,
        frozenset(_optional(description, tasks, logs)),
    )


def log_place(description: Description, account: str) -> LogPlace:
    """Where bootstrap puts the functions' lines; a project of SLS has 63 characters, and no other account its name."""
    group = f"keyturn-{description.service}".lower()
    if description.cloud == "alibaba":
        end = f"-{account}-{description.region}"
        group = group[: 63 - len(end)].rstrip("-") + end
    return LogPlace(group, "functions")


def role_of(description: Description, spec: FunctionSpec) -> Role:
    """A function's role: on Alibaba Cloud the last part of its ARN."""
    own, name = policies(description, spec)[0], spec.role.rpartition("/")[2]
    document = own.document if own.grants else None
    return Role(name, spec.name, own.trust or {}, document, policy_name(name, description.region))


def policy_name(role: str, region: str) -> str:
    """A role is the account's, and each region's functions have a policy of their own on it."""
    return f"{role}-{region}"


def _ckafka(description: Description) -> tuple[tuple[CkafkaTopic, ...], tuple[DatahubTask, ...], tuple[str, ...]]:
    """The topics and entries that the settings do not name yet, and what stands in their way."""
    triggers = [one for spec in description.functions for one in spec.queues if isinstance(one, CkafkaTrigger)]
    if not triggers:
        return (), (), ()
    instance = triggers[0].instance
    if instance in description.examples:
        text = "CKAFKA_INSTANCE=...  # the id of your CKafka instance; its topics and DataHub tasks are made then"
        return (), (), (text,)
    commands = [CkafkaTopic(one.topic, one.instance) for one in triggers]
    tasks = [
        DatahubTask(f"{description.service}-{use}", topic, f"KEYTURN_{use.upper()}")
        for use, topic in (
            ("results", CkafkaTopic(f"{description.service}-results", instance)),
            ("commands", commands[0]),
        )
    ]
    return tuple(dict.fromkeys([*commands, *(one.topic for one in tasks)])), tuple(tasks), ()


def _optional(description: Description, tasks: tuple[DatahubTask, ...], logs: LogPlace) -> Iterator[str]:
    """The titles of what a setting names another place for; never a topic that a trigger reads."""
    for task in tasks:
        urls = {spec.environment.get(task.variable, "") for spec in description.functions}
        if not any(is_unset(description, url) for url in urls):
            yield task.title
            if task.variable == "KEYTURN_RESULTS":
                yield task.topic.title
    named = {spec.logs for spec in description.functions}
    if None not in named and {(one.group, one.topic) for one in named if one} != {(logs.group, logs.topic)}:
        yield f"{LOG_KINDS[description.cloud]} {logs}"


def is_unset(description: Description, url: str) -> bool:
    """Whether a URL names no queue of one's own that a platform's functions may use."""
    kinds = ("ckafka://", "amqps://") if description.cloud == "tencent" else ("smq://", "amqps://")
    return not url.startswith(kinds) or any(example in url for example in description.examples)


def _smq(description: Description) -> list[SmqQueue]:
    found: dict[SmqQueue, None] = {}
    for spec in description.functions:
        for use in ("KEYTURN_RESULTS", "KEYTURN_COMMANDS"):
            url = spec.environment.get(use, "")
            if url.startswith("smq://"):
                place = queue_urls.place_of(url, function=spec.module)
                assert isinstance(place, queue_urls.SmqPlace)
                region = place.region.removesuffix("-internal").removesuffix("-vpc")
                found[SmqQueue(place.queue, region)] = None
        for trigger in spec.queues:
            if isinstance(trigger, SmqTrigger):
                found[SmqQueue(trigger.queue, description.region)] = None
    return list(found)


def _secrets(description: Description) -> list[FirstSecret]:
    rules = [rule for spec in description.functions for rule in spec.rotations if rule.get("Store")]
    return [
        FirstSecret(one["Policy"], one["Store"], region, one)
        for one in rules
        if not (one.get("Role") or one.get("Roles"))  # another account's are put there by its own people
        for region in one.get("Regions") or [one.get("Region") or description.region]
    ]


def _consents(cloud: Cloud, *, has_queues: bool, eventbridge: bool, stores: bool) -> list[Consent]:
    if cloud == "tencent":
        found = [
            Consent("scf", "Serverless Cloud Function: open it once, and agree to the role SCF_QcsRole"),
            Consent("cls", "Cloud Log Service: open it once, and agree"),
        ]
        return [*found, *([Consent("ssm", "Secrets Manager: open it once, and agree")] if stores else [])]
    found = [
        Consent("fc", "Function Compute: open it once, and agree"),
        Consent("sls", "Simple Log Service: activate it"),
    ]
    found += [Consent("smq", "Simple Message Queue (formerly MNS): activate it")] if has_queues else []
    found += [Consent("eventbridge", "EventBridge: activate it")] if eventbridge else []
    return [*found, *([Consent("kms", "Key Management Service: activate it")] if stores else [])]


def _billed(cloud: Cloud, *, stores: bool) -> list[Billed]:
    if cloud == "tencent":
        pages = "https://www.tencentcloud.com/document/product"
        found = [
            Billed("CKafka instance", "by the hour or the month; you buy it", f"{pages}/597/52530", "2025-03-26"),
            Billed("Serverless Cloud Function", "each month with a call", f"{pages}/583/17299", "2023-02-01"),
        ]
        secret = Billed("Secrets Manager", "each secret, by the month", f"{pages}/1078/38595", "2024-01-02")
        return [*found, *([secret] if stores else [])]
    pages = "https://www.alibabacloud.com/help/en"
    fc = f"{pages}/functioncompute/fc-3-0/product-overview/billing-overview-1"
    found = [
        Billed("Function Compute", "calls and seconds", fc, "2025-12"),
        Billed(
            "Simple Message Queue", "each queue, by the day", f"{pages}/mns/product-overview/billing-overview", "2026"
        ),
    ]
    kms = f"{pages}/kms/key-management-service/product-overview/kms-billing"
    secret = Billed("KMS instance, which secrets need", "by the month or the day; you buy it", kms, "2025-01-10")
    return [*([secret] if stores else []), *found]
