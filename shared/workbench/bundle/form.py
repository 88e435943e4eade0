"""The form of serverless.yml: its keys, and the type of each value. Other modules check the platforms' rules later."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


def _spelt(pattern: str, rule: str) -> AfterValidator:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"must be {rule}")
        return text

    return AfterValidator(check)


_Name = Annotated[str, _spelt(r"[!-~]{1,128}", "1 to 128 printable characters without blanks")]
_Word = Annotated[str, _spelt(r"[A-Za-z][A-Za-z0-9_-]{0,59}", "a letter, then up to 59 letters, digits, - and _")]
_Queue = Annotated[
    str, _spelt(r"[A-Za-z0-9][A-Za-z0-9-]{0,119}", "a letter or digit, then up to 119 letters, digits and -")
]
_Service = Annotated[str, _spelt(r"[A-Za-z][A-Za-z0-9-]{0,59}", "a letter, then up to 59 letters, digits and -")]
_Arn = Annotated[str, _spelt(r"acs:[!-~]+", "an ARN, which begins with acs:")]


class _Form(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", strict=True, frozen=True, hide_input_in_errors=True
    )


class HttpForm(_Form):
    method: str
    auth_type: str


class TimerForm(_Form):
    name: _Word
    cron: str
    enabled: bool = True
    message: str = ""
    policy: str | None = None


class CkafkaForm(_Form):
    instance: _Name
    topic: _Name
    batch: int = Field(default=10, ge=1, le=10_000)
    wait: int = Field(default=1, ge=1, le=60)
    retries: int = Field(ge=0, le=10_000)
    offset: Literal["latest", "earliest"] = "latest"
    enabled: bool = True


class SmqForm(_Form):
    queue: _Queue
    retries: Literal[3, 176]
    batch: int = Field(default=1, ge=1, le=100)
    enabled: bool = True


class TriggerForm(_Form):
    http: HttpForm | None = None
    timer: TimerForm | None = None
    ckafka: CkafkaForm | None = None
    smq: SmqForm | None = None


class DeadLetterForm(_Form):
    type: Literal["cmq-queue", "cmq-topic"]
    name: _Name


class DestinationsForm(_Form):
    on_success: _Arn | None = None
    on_failure: _Arn | None = None


class LogsForm(_Form):
    """An empty text means that the field is not set."""

    logset: str = ""
    topic: str = ""
    project: str = ""
    logstore: str = ""


class NetworkForm(_Form):
    """An empty text means that the field is not set."""

    vpc: str = ""
    subnet: str = ""
    security_group: str = ""


class FunctionForm(_Form):
    name: str | None = None
    handler: str
    runtime: str
    memory_size: int
    timeout: int
    role: str
    environment: dict[str, str] = Field(default_factory=dict)
    instances: int | None = None
    concurrency: int = 1
    async_retries: int = 2
    dead_letter: DeadLetterForm | None = None
    destinations: DestinationsForm | None = None
    logs: LogsForm | None = None
    vpc: NetworkForm | None = None
    budget_mb: float | int = Field(alias="budgetMb", gt=0)
    seals: bool = False
    events: list[TriggerForm]

    @property
    def module(self) -> str:
        """The name of its file in functions/, without `.py`."""
        return self.handler.partition(".")[0]


class ProviderForm(_Form):
    name: Literal["tencent", "alibaba"]
    runtime: str
    region: str


class CloudDefaults(_Form):
    name: Literal["tencent", "alibaba"]
    runtime: str
    region: str
    results: str
    commands: str
    logs: LogsForm | None = None
    budget_mb: float | int = Field(alias="budgetMb", gt=0)


class CustomForm(_Form):
    """Values that the rest of the file refers to. You may add keys of your own."""

    model_config = ConfigDict(extra="allow")
    clouds: dict[Literal["tencent", "alibaba"], CloudDefaults]
    policies: dict[str, dict[str, Any]] = Field(default_factory=dict)  # fields as plan_rotation's command has them
    examples: dict[str, str] = Field(default_factory=dict)  # example name -> the variable that replaces it


class ServerlessFile(_Form):
    """The whole file."""

    service: _Service
    framework_version: str | None = None
    config_validation_mode: Literal["off", "warn", "error"] | None = None
    provider: ProviderForm
    functions: dict[str, FunctionForm] = Field(min_length=1)
    custom: CustomForm | None = None


def known_keys(path: Iterable[int | str]) -> tuple[str, ...]:
    """The keys that the file may have at `path`. Empty: any key is allowed there, or nothing is at `path`."""
    here: Any = ServerlessFile
    for step in path:
        form = _form_in(here)
        fields = {field.alias: field.annotation for field in form.model_fields.values()} if form else {}
        here = fields.get(str(step)) if form else _inner(here)
    form = _form_in(here)
    return tuple(str(field.alias) for field in form.model_fields.values()) if form else ()


def _form_in(annotation: Any) -> type[_Form] | None:
    """The form class in an annotation, which may also allow None. None: there is no form class."""
    every = (annotation, *(() if get_origin(annotation) in (list, dict) else get_args(annotation)))
    return next((one for one in every if isinstance(one, type) and issubclass(one, _Form)), None)


def _inner(annotation: Any) -> Any:
    """The type of the values of a list or a mapping."""
    return get_args(annotation)[-1] if get_args(annotation) else None
