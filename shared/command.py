"""What a command is: the cloud API's own parameters, and keyturn's few fields beside them. Validated once, here.

pydantic prints the input of a failing field and its `errors()` holds it too, so nothing but locations, types and
fixed texts leaves this room.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter, ValidationError, model_validator
from pydantic.alias_generators import to_pascal
from pydantic_core import PydanticCustomError

from shared.errors import ErrorClass, Refused
from shared.secret import Secret
from shared.settings import REGION, Settings

CommandId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
# A region becomes part of a host name: nothing but labels of letters and digits.
Region = Annotated[str, StringConstraints(pattern=REGION, max_length=40)]
Site = Literal["domestic", "intl"]
Note = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$")]

C = TypeVar("C", bound="Command")
M = TypeVar("M", bound=BaseModel)


class Reply(BaseModel):
    """`{"Reply": true}`: the new secret in the HTTP reply, to a caller who waits. Stores and seals are not built."""

    model_config = ConfigDict(
        alias_generator=to_pascal, extra="forbid", strict=True, frozen=True, hide_input_in_errors=True
    )

    reply: Literal[True]

    @model_validator(mode="before")
    @classmethod
    def _not_built(cls, value: Any) -> Any:
        for form in ("Store", "Seal"):
            if isinstance(value, Mapping) and form in value:
                raise PydanticCustomError("not_built", f"{form}: this delivery is not built yet; use Reply over HTTP")
        return value


class Command(BaseModel):
    """The fields that every operation takes, beside its API's own. The spelling is the API's: PascalCase."""

    model_config = ConfigDict(
        alias_generator=to_pascal, extra="forbid", strict=True, frozen=True, hide_input_in_errors=True
    )
    # Which of the model's fields name the resource and the account, and what an unnamed account is called.
    resource_field: ClassVar[str] = "InstanceId"
    account_field: ClassVar[str | None] = "AccountName"
    account_default: ClassVar[str] = "-"

    region: Region | None = None
    command_id: CommandId | None = None
    dry_run: bool = False
    login: bool = False
    deliver: Reply | None = None
    actor: Note | None = None
    reason: Note | None = None

    @model_validator(mode="after")
    def _texts_hold_no_secret(self) -> Command:
        """What is copied to results or shown in the cloud's console must hold none; a name, none that is new."""
        for field in type(self).model_fields:
            text = getattr(self, field)
            if not isinstance(text, str):
                continue
            note = field in ("actor", "reason", "command_id", "remark")
            held = [value.reveal() for name, value in self._held() if note or not name.startswith("old_")]
            if any(len(secret) >= 4 and secret in text for secret in held):
                raise PydanticCustomError("secret_in_text", f"{to_pascal(field)}: must not hold a secret")
        return self

    def _held(self) -> list[tuple[str, Secret]]:
        values = ((name, getattr(self, name)) for name in type(self).model_fields)
        return [(name, value) for name, value in values if isinstance(value, Secret)]

    @classmethod
    def raw_secrets(cls, data: object) -> list[str]:
        """What an unread command holds where secrets go: nothing of it may be named, whatever else is wrong."""
        if not isinstance(data, Mapping):
            return []
        names = [field.alias or name for name, field in cls.model_fields.items() if "Secret" in repr(field.annotation)]
        return [value for name in names if isinstance(value := data.get(name), str) and value]

    def secrets(self) -> list[Secret]:
        """Every secret that the command holds in clear."""
        return [value for _, value in self._held()]

    @classmethod
    def bare_account(cls, given: str) -> str:
        """The account's name as results and allow lists know it."""
        return given

    def permit(self, settings: Settings) -> None:
        """What the form allows and the settings may not. Raises: Refused (forbidden)."""

    @property
    def returns_secret(self) -> bool:
        """Whether the answer holds a secret that the sender does not know yet."""
        return False

    def parameters(self) -> dict[str, Any]:
        """What the API itself takes of this command, in its own spelling, less the secrets."""
        ours = Command.model_fields.keys() | TencentCommand.model_fields.keys()
        return {
            field.alias or name: getattr(self, name)
            for name, field in type(self).model_fields.items()
            if name not in ours and getattr(self, name) is not None and not isinstance(getattr(self, name), Secret)
        }

    @classmethod
    def names(cls) -> frozenset[str]:
        """The parameter names of this command, as senders spell them."""
        return frozenset(field.alias or name for name, field in cls.model_fields.items())


class TencentCommand(Command):
    """A command for Tencent Cloud, whose two sites have hosts of their own."""

    site: Site | None = None


class AlibabaCommand(Command):
    """A command for Alibaba Cloud."""


def parse(model: type[C], data: object) -> C:
    """The command that the data describe.

    Raises: Refused (invalid_command) naming each field and rule, never a value.
    """
    return parse_model(model, data, model.names())


def parse_model(model: type[M], data: object, known: frozenset[str]) -> M:
    """The same for any model of ours. Raises: as `parse`."""
    if not isinstance(data, Mapping):
        raise Refused(ErrorClass.INVALID_COMMAND, "the command must be a JSON object")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = error.errors(include_input=False, include_context=False, include_url=False)
        lines = list(dict.fromkeys(_line(problem, known) for problem in problems))
    raise Refused(ErrorClass.INVALID_COMMAND, "; ".join(lines[:10]))


def _line(problem: Any, known: frozenset[str]) -> str:
    path = [str(step) for step in problem["loc"]]
    kind, rule = problem["type"], str(problem["msg"])
    if kind == "extra_forbidden":
        # The name of an unknown field is the sender's text: shown only where it cannot be a pasted secret.
        name = path[-1] if path[-1].isascii() and path[-1].isalpha() and len(path[-1]) <= 32 else "a field"
        return f"{name}: is not a field of this command; it has {', '.join(sorted(known))}"
    if kind == "missing":
        rule = "is required"
    elif kind == "string_pattern_mismatch":
        rule = "has characters or a form that this field does not take"
    elif kind == "union_tag_invalid" or kind.startswith("model_"):
        rule = "must be a JSON object of this field's form"
    if rule.startswith(("Input ", "String ", "List ")):  # pydantic's own sentences; ours may begin with a field's name
        rule = rule[:1].lower() + rule[1:]
    return f"{'.'.join(path)}: {rule}" if path else rule


def field_or_none(model: type[BaseModel], data: object, name: str) -> str | None:
    """One field's value if it is valid by itself: what may be named of a command that failed as a whole."""
    value = data.get(name) if isinstance(data, Mapping) else None
    field = next((f for key, f in model.model_fields.items() if (f.alias or key) == name), None)
    if field is None or not isinstance(value, str):
        return None
    form: Any = field.annotation
    for rule in field.metadata:  # of a required field; an optional one keeps them inside its annotation
        form = Annotated[form, rule]
    try:
        valid = TypeAdapter(form).validate_python(value, strict=True)
    except ValidationError:
        return None
    return valid if isinstance(valid, str) else None
