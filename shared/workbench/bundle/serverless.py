"""The form of serverless.yml, and the platforms' rules about what stands in it.

Limits: SCF https://www.tencentcloud.com/document/product/583/11637 and CreateFunction (2018-04-16); FC
https://www.alibabacloud.com/help/en/functioncompute/fc/product-overview/limits and CreateFunction (2023-03-30).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel

from shared.runtime.errors import SettingsError
from shared.runtime.queue_urls import check_url
from shared.runtime.settings import read_settings
from shared.workbench.bundle import cron
from shared.workbench.bundle import description as d
from shared.workbench.bundle.located import DescriptionError, Located, line_of
from shared.workbench.bundle.timer_text import policy_text, problem_of

_NAMES = {
    "tencent": re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,58}[A-Za-z0-9]"),
    "alibaba": re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}"),
}
# SCF: 2 to 60 characters, a letter first and last, for both parts of a handler.
_HANDLER = re.compile(r"([A-Za-z][A-Za-z0-9_-]{0,58}[A-Za-z])\.([A-Za-z][A-Za-z0-9_-]{0,58}[A-Za-z])")
_ROLES = {
    "tencent": (re.compile(r"[A-Za-z0-9+=,.@_-]{1,128}"), "the name of a CAM role"),
    "alibaba": (re.compile(r"acs:ram::[0-9]{1,32}:role/[A-Za-z0-9.-]{1,64}"), "an ARN, acs:ram::<account>:role/<name>"),
}
_RUNTIMES = {"tencent": ("Python3.10",), "alibaba": ("python3.10", "python3.12")}
_SIGNED = {"tencent": "CAM", "alibaba": "function"}
_MOST_S = {"tencent": 900, "alibaba": 86_400}
_MOST_RETRIES = {"tencent": 2, "alibaba": 8}
_RESERVED = ("FC_", "_FC_", "SCF_", "_SCF_", "TENCENTCLOUD_", "QCLOUD_", "ALIBABA_CLOUD_")
_ENVIRONMENT_BYTES = 4096
_MOST_KEYS_BYTES = len("KEYTURN_HANDOFF_KEY") + 2 * 43 + 1
# A dead letter holds the event, a destination the event and the reply: both may hold a secret, except in these.
_WITHOUT_SECRETS = ("follow_change", "plan_rotation")
# The two parts of where lines go, and the form of each. Ids of CLS are UUIDs, as in its API's examples (614/101967); a
# project's name has 3 to 63 characters, and so has a Logstore's (help document 29056).
_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_LOGS = {
    "tencent": {
        "logset": (_UUID, "the id of a CLS log set, not its name"),
        "topic": (_UUID, "the id of a CLS log topic, not its name"),
    },
    "alibaba": {
        "project": (re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]"), "the name of an SLS project"),
        "logstore": (re.compile(r"[a-z0-9][a-z0-9_-]{1,61}[a-z0-9]"), "the name of a Logstore"),
    },
}
_ZIP_MB = {"tencent": 50.0, "alibaba": 100.0}
_SEAL_MB = 5.0  # what sealing may add to a zip: joserfc, and cryptography's binary

Name = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,59}$")]


class _Form(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", strict=True, frozen=True, hide_input_in_errors=True
    )


class _Http(_Form):
    method: str
    auth_type: str


class _Timer(_Form):
    name: Word
    cron: str
    enabled: bool = True
    message: str = ""
    policy: str | None = None


class _Ckafka(_Form):
    instance: Name
    topic: Name
    batch: int = Field(default=10, ge=1, le=10_000)
    wait: int = Field(default=1, ge=1, le=60)
    retries: int = Field(ge=0, le=10_000)
    offset: Literal["latest", "earliest"] = "latest"
    enabled: bool = True


class _Smq(_Form):
    queue: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,119}$")]
    retries: Literal[3, 176]
    batch: int = Field(default=1, ge=1, le=100)
    enabled: bool = True


class _Event(_Form):
    http: _Http | None = None
    timer: _Timer | None = None
    ckafka: _Ckafka | None = None
    smq: _Smq | None = None


class _DeadLetter(_Form):
    type: Literal["cmq-queue", "cmq-topic"]
    name: Name


class _Destinations(_Form):
    on_success: Annotated[str, StringConstraints(pattern="^acs:")] | None = None
    on_failure: Annotated[str, StringConstraints(pattern="^acs:")] | None = None


class _Logs(_Form):
    """Empty is unset."""

    logset: str = ""
    topic: str = ""
    project: str = ""
    logstore: str = ""


class _Function(_Form):
    name: str | None = None
    handler: str
    runtime: str
    memory_size: int
    timeout: int
    role: str
    environment: dict[str, str] = Field(default_factory=dict)
    concurrency: int = 1
    async_retries: int = 2
    dead_letter: _DeadLetter | None = None
    destinations: _Destinations | None = None
    logs: _Logs | None = None
    budget_mb: float | int = Field(alias="budgetMb", gt=0)
    seals: bool = False
    events: list[_Event]


class _Provider(_Form):
    name: Literal["tencent", "alibaba"]
    runtime: str
    region: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,12}(-[a-z0-9]{1,16}){1,4}$", max_length=40)]


class _CloudDefaults(_Form):
    name: Literal["tencent", "alibaba"]
    runtime: str
    region: str
    results: str
    commands: str
    logs: _Logs | None = None
    budget_mb: float | int = Field(alias="budgetMb", gt=0)


class _Custom(_Form):
    """What the rest of the file draws from; keys of the user's own may stand beside."""

    model_config = ConfigDict(extra="allow")
    clouds: dict[Literal["tencent", "alibaba"], _CloudDefaults]
    policies: dict[str, dict[str, Any]] = Field(default_factory=dict)  # spelled as plan_rotation's command


class _File(_Form):
    service: Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,59}$")]
    framework_version: str | None = None
    config_validation_mode: Literal["off", "warn", "error"] | None = None
    provider: _Provider
    functions: dict[str, _Function] = Field(min_length=1)
    custom: _Custom | None = None


_TEXTS = {"missing": "is missing", "extra_forbidden": "is no key that is known here"}
_Mistake = tuple[tuple[int | str, ...], str]


def describe(document: Located, name: str, cloud: d.Cloud, folder: Path) -> d.Description:
    """The description in a resolved document. `folder` holds the handlers. Raises: DescriptionError."""
    try:
        file = _File.model_validate(document)
    except ValidationError as error:
        raise DescriptionError(_told(_mistakes(error), document, name)) from None
    checking = _Checking(document, cloud, folder)
    checking.file(file)
    specs = tuple(checking.function(key, function) for key, function in file.functions.items())
    checking.together(file)
    if checking.wrong:
        raise DescriptionError(_told(checking.wrong, document, name))
    return d.Description(cloud, "scf" if cloud == "tencent" else "fc", file.service, file.provider.region, specs)


def _mistakes(error: ValidationError) -> Iterator[_Mistake]:
    for one in error.errors(include_input=False, include_context=False, include_url=False):
        text = _TEXTS.get(one["type"], one["msg"].removeprefix("Value error, "))
        yield tuple(step for step in one["loc"] if step != "[key]"), text


def _told(mistakes: Iterable[_Mistake], document: Located, name: str) -> list[str]:
    """In the file's order. What several functions take from one line is told once, of the first of them."""
    lines: dict[tuple[int, int | str, str], str] = {}
    for path, text in mistakes:
        line = line_of(document, path)
        lines.setdefault((line, path[-1], text), f"{name}:{line}: {'.'.join(map(str, path))}: {text}")
    return [lines[key] for key in sorted(lines, key=lambda key: (key[0], str(key[1]), key[2]))]


class _Checking:
    """Collects what is wrong with one file, each with the path to it."""

    def __init__(self, document: Located, cloud: d.Cloud, folder: Path) -> None:
        self.document, self.cloud, self.folder = document, cloud, folder
        self.platform = "scf" if cloud == "tencent" else "fc"
        self.wrong: list[_Mistake] = []
        self.others: tuple[d.Cloud, ...] = ()
        self.policies: dict[str, dict[str, Any]] = {}
        self.modules: set[str] = set()

    def say(self, text: str, *path: int | str) -> None:
        self.wrong.append((path, text))

    def file(self, file: _File) -> None:
        if file.provider.name != self.cloud:
            self.say(f"must be {self.cloud}, which CLOUD chose", "provider", "name")
        self.policies = file.custom.policies if file.custom else {}
        self.modules = {function.handler.partition(".")[0] for function in file.functions.values()}
        found = {_cloud_of(self.folder / f"{f.handler.partition('.')[0]}.py") for f in file.functions.values()}
        self.others = tuple(cloud for cloud in ("tencent", "alibaba") if cloud in found)

    def together(self, file: _File) -> None:
        for part in ("name", "handler", "role"):
            seen: set[str] = set()
            for key, function in file.functions.items():
                value = getattr(function, part) or key
                if value in seen:
                    self.say("another function has the same", "functions", key, part)
                seen.add(value)
        keys: dict[str, str] = {}
        for key, function in file.functions.items():
            queue, value = (function.environment.get(f"KEYTURN_{name}") for name in ("COMMANDS", "HANDOFF_KEY"))
            if queue and value and keys.setdefault(queue, value) != value:
                text = "functions that share a commands queue share the key, too"
                self.say(text, "functions", key, "environment", "KEYTURN_HANDOFF_KEY")

    def function(self, key: str, given: _Function) -> d.FunctionSpec:
        at = ("functions", key)
        module = self._handler(given, at)
        name = given.name or key
        if not _NAMES[self.cloud].fullmatch(name):
            self.say(f"{self.platform} does not take this as a function's name", *at, *(["name"] if given.name else []))
        self._numbers(given, at)
        pattern, form = _ROLES[self.cloud]
        if not pattern.fullmatch(given.role):
            self.say(f"must be {form}", *at, "role")
        self._environment(given.environment, (*at, "environment"))
        self._copies(module, given, at)
        http, timers, queues = self._triggers(module, given.events, (*at, "events"))
        own = _cloud_of(self.folder / f"{module}.py")
        letter, to = given.dead_letter, given.destinations
        return d.FunctionSpec(
            name=name,
            module=module,
            handler=given.handler,
            clouds=(own,) if own else self.others,
            runtime=given.runtime,
            memory_mb=given.memory_size,
            timeout_s=given.timeout,
            role=given.role,
            environment=dict(given.environment),
            concurrency=given.concurrency,
            async_retries=given.async_retries,
            dead_letter=d.DeadLetter(letter.type, letter.name) if letter else None,
            destinations=d.Destinations(to.on_success, to.on_failure) if to else None,
            http=http,
            timers=timers,
            queues=queues,
            budget_mb=float(given.budget_mb) + (_SEAL_MB if given.seals else 0),
            line=line_of(self.document, at),
            seals=given.seals,
            logs=self._logs(given.logs, (*at, "logs")),
        )

    def _handler(self, given: _Function, at: tuple[str, str]) -> str:
        found = _HANDLER.fullmatch(given.handler)
        if found is None:
            self.say("must be <file>.<function>, letters first and last, 2 to 60 characters each", *at, "handler")
            return given.handler.partition(".")[0]
        file = self.folder / f"{found[1]}.py"
        if not file.is_file():
            self.say(f"there is no functions/{found[1]}.py", *at, "handler")
        elif found[2] not in _globals(file):
            self.say(f"functions/{found[1]}.py has no {found[2]}", *at, "handler")
        return found[1]

    def _numbers(self, given: _Function, at: tuple[str, str]) -> None:
        if given.runtime not in _RUNTIMES[self.cloud]:
            self.say(f"{self.platform} runs keyturn on {' or '.join(_RUNTIMES[self.cloud])}", *at, "runtime")
        memory = given.memory_size
        if self.cloud == "tencent" and memory != 64 and not (128 <= memory <= 3072 and memory % 128 == 0):
            self.say("scf takes 64 MB, or 128 to 3072 MB in steps of 128", *at, "memorySize")
        if self.cloud == "alibaba" and not (128 <= memory <= 32_768 and memory % 64 == 0):
            self.say("fc takes 128 to 32768 MB in steps of 64", *at, "memorySize")
        if not 1 <= given.timeout <= _MOST_S[self.cloud]:
            self.say(f"{self.platform} takes 1 to {_MOST_S[self.cloud]} seconds", *at, "timeout")
        if not 0 <= given.async_retries <= _MOST_RETRIES[self.cloud]:
            self.say(f"{self.platform} takes 0 to {_MOST_RETRIES[self.cloud]}", *at, "asyncRetries")
        if self.cloud == "tencent" and given.concurrency != 1:
            self.say("scf gives an instance one event at a time: must be 1", *at, "concurrency")
        if not 1 <= given.concurrency <= 200:
            self.say("must be 1 to 200 events at once in one instance", *at, "concurrency")
        if given.budget_mb > _ZIP_MB[self.cloud]:
            self.say(f"{self.platform} takes zips of {_ZIP_MB[self.cloud]:g} MB at most", *at, "budgetMb")

    def _environment(self, environment: dict[str, str], at: tuple[str, ...]) -> None:
        for variable in environment:
            if variable.upper().startswith(_RESERVED):
                self.say("the platforms keep this prefix to themselves", *at, variable)
            elif not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", variable):
                self.say("must be a letter, then letters, digits and _", *at, variable)
        size = sum(len(variable.encode()) + len(value.encode()) for variable, value in environment.items())
        if environment.get("KEYTURN_COMMANDS") and not environment.get("KEYTURN_HANDOFF_KEY"):
            size += _MOST_KEYS_BYTES  # what `deploy` puts there
        if size > _ENVIRONMENT_BYTES:
            self.say(f"has {size} bytes; both platforms take {_ENVIRONMENT_BYTES} in all", *at)
        try:
            read_settings(environment)
            for use in ("results", "commands"):
                if url := environment.get(f"KEYTURN_{use.upper()}"):
                    self._queue(url, "results" if use == "results" else "commands")
        except SettingsError as error:
            variable, _, text = str(error).partition(": ")
            self.say(text, *at, variable)

    def _queue(self, url: str, use: Literal["results", "commands"]) -> None:
        try:
            check_url(url, on_platform=True, use=use)
        except ValueError as error:
            raise SettingsError(f"KEYTURN_{use.upper()}: {error}") from None

    def _copies(self, module: str, given: _Function, at: tuple[str, str]) -> None:
        for part, value, cloud in (
            ("deadLetter", given.dead_letter, "tencent"),
            ("destinations", given.destinations, "alibaba"),
        ):
            if value is None:
                continue
            if module not in _WITHOUT_SECRETS:
                only = " and ".join(_WITHOUT_SECRETS)
                self.say(f"copies the event or the reply, which may hold a secret: only {only} may", *at, part)
            if self.cloud != cloud:
                self.say(f"{self.platform} has none", *at, part)

    def _logs(self, given: _Logs | None, at: tuple[str, ...]) -> d.Logs | None:
        """Where the lines go; None if both parts are empty."""
        if given is None:
            return None
        own = _LOGS[self.cloud]
        for part in given.model_fields_set - own.keys():
            if getattr(given, part):
                self.say(f"{self.platform} has none", *at, part)
        values = {part: str(getattr(given, part)) for part in own}
        if not any(values.values()):
            return None
        for part, (pattern, form) in own.items():
            if not values[part]:
                self.say(f"is missing: {' and '.join(own)} are set together, or neither is", *at, part)
            elif not pattern.fullmatch(values[part]):
                self.say(f"must be {form}", *at, part)
        return d.Logs(*values.values())

    def _triggers(
        self, module: str, events: list[_Event], at: tuple[str, ...]
    ) -> tuple[d.HttpTrigger | None, tuple[d.TimerTrigger, ...], tuple[d.CkafkaTrigger | d.SmqTrigger, ...]]:
        http: d.HttpTrigger | None = None
        timers: list[d.TimerTrigger] = []
        queues: list[d.CkafkaTrigger | d.SmqTrigger] = []
        for index, event in enumerate(events):
            kinds = [kind for kind in ("http", "timer", "ckafka", "smq") if getattr(event, kind) is not None]
            if len(kinds) != 1:
                self.say("must be one trigger: http, timer, ckafka or smq", *at, index)
                continue
            here: tuple[int | str, ...] = (*at, index, kinds[0])
            if event.http:
                if http:
                    self.say("a function has one HTTP trigger", *here)
                http = self._http(event.http, here)
            elif event.timer:
                timers.append(self._timer(module, event.timer, here))
            elif event.ckafka:
                if self.cloud != "tencent":
                    self.say("fc has no CKafka trigger", *here)
                k = event.ckafka
                name = f"{k.instance}-{k.topic}"
                queues.append(
                    d.CkafkaTrigger(name, k.instance, k.topic, k.batch, k.wait, k.retries, k.offset, k.enabled)
                )
            elif event.smq:
                if self.cloud != "alibaba":
                    self.say("scf has no SMQ trigger", *here)
                q = event.smq
                queues.append(d.SmqTrigger(f"smq-{q.queue}"[:128], q.queue, q.retries, q.batch, q.enabled))
        names = [trigger.name for trigger in (*timers, *queues)]
        for name in sorted({name for name in names if names.count(name) > 1}):
            self.say(f"two triggers are called {name}", *at)
        return http, tuple(timers), tuple(queues)

    def _http(self, given: _Http, at: tuple[int | str, ...]) -> d.HttpTrigger:
        signed = _SIGNED[self.cloud]
        if given.auth_type.lower() in ("none", "anonymous"):
            self.say(f"would let anybody change passwords: must be {signed}", *at, "authType")
        elif given.auth_type != signed:
            self.say(f"must be {signed}: {self.platform} lets signed callers in by that", *at, "authType")
        if given.method != "POST":
            self.say("must be POST", *at, "method")
        return d.HttpTrigger("http", given.auth_type)

    def _timer(self, module: str, given: _Timer, at: tuple[int | str, ...]) -> d.TimerTrigger:
        spelled = ""
        try:
            spelled = cron.render(given.cron, self.platform)
        except ValueError as error:
            self.say(str(error), *at, "cron")
        if text := problem_of(given.message):
            self.say(text, *at, "message")
        message = given.message if given.policy is None else self._policy(module, given, at)
        return d.TimerTrigger(given.name, spelled, given.enabled, message)

    def _policy(self, module: str, given: _Timer, at: tuple[int | str, ...]) -> str:
        """The text of a timer that names a policy."""
        name = given.policy or ""
        fields = self.policies.get(name)
        if module != "plan_rotation":
            self.say("only plan_rotation takes a policy", *at, "policy")
        elif given.message:
            self.say("a timer has a message or a policy, not both", *at, "policy")
        elif fields is None:
            self.say("there is no such policy under custom.policies", *at, "policy")
        elif "Policy" in fields or "From" in fields:
            self.say("a policy is named by its key, and From is keyturn's own", "custom", "policies", name)
        else:
            try:
                text = policy_text(name, fields)
            except ValueError as error:
                self.say(str(error), "custom", "policies", name)
            else:
                if fields["Function"] not in self.modules:
                    self.say("its Function is not deployed here", "custom", "policies", name)
                return text
        return ""


def _globals(file: Path) -> dict[str, ast.expr]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found: dict[str, ast.expr] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            found |= {target.id: node.value for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.FunctionDef):
            found[node.name] = ast.Constant(None)
    return found


def _cloud_of(file: Path) -> d.Cloud | None:
    """The cloud that an operation calls, as its declaration names it; None: it calls what the others call."""
    made: Any = _globals(file).get("operation") if file.is_file() else None
    if isinstance(made, ast.Call):
        for word in made.keywords:
            if word.arg == "cloud" and isinstance(word.value, ast.Constant):
                return "tencent" if word.value.value == "tencent" else "alibaba"
    return None
