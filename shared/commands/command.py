"""The model of a command: the parameters of the cloud's API, plus a few fields of keyturn's own."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_pascal
from pydantic_core import PydanticCustomError

from shared.commands.password_rules import PasswordRule
from shared.commands.secrets import Generate, read_ref
from shared.commands.store_reference import StoreRef
from shared.runtime.errors import ErrorClass, Refused
from shared.runtime.regions import region_rule, regions_of
from shared.runtime.role_names import ALIBABA_ROLE, TENCENT_ROLE
from shared.runtime.secret import Secret
from shared.runtime.settings import Settings


def _enum(cloud: str | None) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "enum": list(regions_of(cloud))})


def _region(value: str, cloud: str | None) -> str:
    if value not in regions_of(cloud):
        raise PydanticCustomError("region", "{rule}", {"rule": region_rule(cloud, value)})
    return value


CommandId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
# A time in the messages that keyturn sends to itself.
Moment = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}(\.[0-9]{1,6})?Z$")]
Region = Annotated[str, AfterValidator(lambda value: _region(value, None)), _enum(None)]
TencentRegion = Annotated[str, AfterValidator(lambda value: _region(value, "tencent")), _enum("tencent")]
AlibabaRegion = Annotated[str, AfterValidator(lambda value: _region(value, "alibaba")), _enum("alibaba")]
Site = Literal["domestic", "intl"]
TencentRole = Annotated[str, StringConstraints(pattern=f"^{TENCENT_ROLE}$")]
AlibabaRole = Annotated[str, StringConstraints(pattern=f"^{ALIBABA_ROLE}$")]
Role = Annotated[str, StringConstraints(pattern=f"^({TENCENT_ROLE}|{ALIBABA_ROLE})$")]
Note = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$")]

C = TypeVar("C", bound="Command")
A = TypeVar("A", bound=str)
Alternate = Annotated[list[A], Field(min_length=2, max_length=2)]
"""Two accounts that share one store. keyturn changes the one that is not in use; the store then names that one."""


# `defer_build`: an Operation builds the validator of its command. The base classes need none.
_FORM = ConfigDict(
    alias_generator=to_pascal, extra="forbid", strict=True, frozen=True, hide_input_in_errors=True, defer_build=True
)


def _flag(value: object) -> object:
    """Accept only JSON's `true`. To Python the number 1 equals it, and would pass."""
    if value is not True:
        raise PydanticCustomError("flag", "must be true, or be left out")
    return value


class Deliver(BaseModel):
    """Where keyturn puts a new secret that the sender does not know: in a store, sealed to a key, or in the reply."""

    model_config = _FORM

    store: Annotated[StoreRef, PlainValidator(lambda value: _store(value))] | None = None
    seal: Annotated[dict[str, Any], PlainValidator(lambda value: _seal_key(value))] | None = None
    reply: Annotated[Literal[True], BeforeValidator(_flag)] | None = None
    # Use the store even if it holds secrets of another credential, as long as none of these is pending.
    adopt: Annotated[Literal[True], BeforeValidator(_flag)] | None = None

    @model_validator(mode="after")
    def _somewhere(self) -> Deliver:
        if self.store is None and self.seal is None and self.reply is None:
            raise PydanticCustomError("nowhere", "must name Store, Seal or Reply")
        if self.adopt and self.store is None:
            raise PydanticCustomError("adopt", "Adopt: requires Store")
        return self


def _store(value: object) -> StoreRef:
    ref = value if isinstance(value, StoreRef) else read_ref(value)
    if ref.version is not None:
        raise PydanticCustomError("store_version", "must have no version: keyturn names the new version")
    return ref


def _seal_key(value: object) -> dict[str, Any]:
    from shared.commands.public_keys import check_key

    try:
        check_key(value if isinstance(value, dict) else {})
    except ValueError as error:
        rule = str(error)
    else:
        return dict(value)  # type: ignore[call-overload, no-any-return]
    raise PydanticCustomError("seal_key", "{rule}", {"rule": rule})


class Command(BaseModel):
    """The fields that every operation has, beside those of its API. All are spelled as the API does it: PascalCase."""

    model_config = _FORM
    # The fields that name the resource and the account, and the account's name in results if the command has none.
    resource_field: ClassVar[str] = "InstanceId"
    account_field: ClassVar[str | None] = "AccountName"
    account_default: ClassVar[str] = "-"
    # The attributes that hold the old and the new secret.
    old_field: ClassVar[str | None] = None
    new_field: ClassVar[str]
    # A flag that replaces the new secret: a command must have exactly one of the two.
    instead_field: ClassVar[str | None] = None
    rule: ClassVar[PasswordRule]
    # The API's defaults for parameters that a command leaves out, if its page states them.
    page_defaults: ClassVar[Mapping[str, Any]] = {}

    region: Region | None = None
    role: Role | None = None
    command_id: CommandId | None = None
    dry_run: bool = False
    login: bool = False
    deliver: Deliver | None = None
    actor: Note | None = None
    reason: Note | None = None

    @model_validator(mode="after")
    def _texts_hold_no_secret(self) -> Command:
        """Refuse a secret in texts that go to results or to the cloud's console. A name may hold the old secret."""
        secrets = [(name, value.reveal()) for name, value in self._held()]
        for field, text in self.__dict__.items():
            if not isinstance(text, str):
                continue
            note = field in ("actor", "reason", "command_id", "remark", "role")
            held = [secret for name, secret in secrets if note or not name.startswith("old_")]
            if any(len(secret) >= 4 and secret in text for secret in held):
                raise PydanticCustomError("secret_in_text", f"{to_pascal(field)}: must not hold a secret")
        return self

    @model_validator(mode="after")
    def _new_secret_or_flag(self) -> Command:
        """Ask for exactly one of the two. Without both, the cloud might remove the password."""
        flag, new = self.instead_field, self.new_field
        if flag and bool(getattr(self, flag)) == (getattr(self, new) is not None):
            raise PydanticCustomError("one", f"{to_pascal(new)}: give it, or {to_pascal(flag)}: true, not both")
        return self

    def _held(self) -> list[tuple[str, Secret]]:
        return [(name, value) for name, value in self.__dict__.items() if isinstance(value, Secret)]

    @classmethod
    def raw_secrets(cls, data: object) -> list[str]:
        """The texts in the secret fields of unchecked data. No result may show them, even if the command is invalid."""
        if not isinstance(data, Mapping):
            return []
        names = [field.alias or name for name, field in cls.model_fields.items() if "Secret" in repr(field.annotation)]
        return [value for name in names if isinstance(value := data.get(name), str) and value]

    def secrets(self) -> list[Secret]:
        """Every secret that the command holds in clear."""
        return [value for _, value in self._held()]

    @classmethod
    def bare_account(cls, given: str) -> str:
        """The account's name in results and in KEYTURN_ALLOW."""
        return given

    def permit(self, settings: Settings) -> None:
        """Check what the model alone cannot: the settings, and fields that exclude each other. Raises: Refused."""

    @property
    def returns_secret(self) -> bool:
        """Whether the cloud makes the new secret and returns it once, in its answer."""
        return False

    @property
    def alternates(self) -> tuple[str, ...]:
        """The two accounts to change in turn, or none."""
        return ()

    @property
    def generates(self) -> Generate | None:
        """How keyturn generates the new secret; None: it does not generate one."""
        new = self.given_new
        return new if isinstance(new, Generate) else None

    @property
    def given_old(self) -> Secret | StoreRef | None:
        """The old secret as the command gives it."""
        return getattr(self, self.old_field) if self.old_field else None

    @property
    def given_new(self) -> Secret | StoreRef | Generate | None:
        """The new secret as the command gives it."""
        value: Secret | StoreRef | Generate | None = getattr(self, self.new_field)
        return value

    @property
    def stores(self) -> list[StoreRef]:
        """The stores that the command names."""
        given = (self.given_old, self.given_new, self.deliver.store if self.deliver is not None else None)
        return [one for one in given if isinstance(one, StoreRef)]

    def with_secrets(self: C, old: Secret | None, new: Secret | None, account: str | None = None) -> C:
        """A copy with its secrets in clear and, of two alternating accounts, the one to change now."""
        filled: dict[str, Any] = {self.new_field: new} if new is not None else {}
        if self.old_field and old is not None:
            filled[self.old_field] = old
        if account is not None:
            filled |= {"account_name": account, "alternate": None}
        return self.model_copy(update=filled)

    def parameters(self) -> dict[str, Any]:
        """The API's own parameters in this command, spelled as the API spells them, without secrets."""
        return {
            spelled: value
            for name, spelled in _own_parameters(type(self))
            if (value := getattr(self, name)) is not None and not isinstance(value, Secret | StoreRef | Generate)
        }

    def identity(self) -> dict[str, Any]:
        """The API's parameters that distinguish this change from other changes of the same credential.

        Parameters that are left out have the page's defaults. The credential's names and the way its secret is made
        are not among them.
        """
        names = (self.resource_field, self.account_field, "Alternate", "Random")
        given = {name: value for name, value in self.parameters().items() if name not in names}
        return {
            name: sorted(value) if isinstance(value, list) else value
            for name, value in {**self.page_defaults, **given}.items()
        }

    @classmethod
    def names(cls) -> frozenset[str]:
        """The parameter names of this command, as senders spell them."""
        return frozenset(attributes(cls))


@cache
def attributes(model: type[BaseModel]) -> Mapping[str, str]:
    """The attribute of each field, by the name that senders use."""
    return {field.alias or name: name for name, field in model.model_fields.items()}


@cache
def _own_parameters(model: type[Command]) -> tuple[tuple[str, str], ...]:
    """Attribute and spelling of each field that the API itself takes."""
    ours = Command.model_fields.keys() | TencentCommand.model_fields.keys()
    return tuple((name, field.alias or name) for name, field in model.model_fields.items() if name not in ours)


class TencentCommand(Command):
    """A command for Tencent Cloud. Its two sites, domestic and intl, have different hosts."""

    region: TencentRegion | None = None
    role: TencentRole | None = None
    site: Site | None = None


class AlibabaCommand(Command):
    """A command for Alibaba Cloud."""

    region: AlibabaRegion | None = None
    role: AlibabaRole | None = None


def admit_no_auth(settings: Settings, *, login: bool) -> None:
    """Allow `NoAuth: true` only with KEYTURN_ALLOW_NOAUTH=1, and without Login. Raises: Refused."""
    if not settings.allow_noauth:
        text = "NoAuth: true opens the instance to everyone who reaches it; KEYTURN_ALLOW_NOAUTH=1 allows that"
        raise Refused(ErrorClass.FORBIDDEN, text)
    if login:
        text = "Login: leave it out: NoAuth: true leaves no password to log in with"
        raise Refused(ErrorClass.INVALID_COMMAND, text)


def admit_delivery(command: Command, settings: Settings, *, waited_for: bool) -> None:
    """Check that a new secret that the sender does not know cannot be lost. `waited_for`: an HTTP caller waits for it.

    Raises: Refused.
    """
    deliver, made = command.deliver, command.generates is not None
    if not made and not command.returns_secret:
        if deliver is not None:
            text = "Deliver: leave it out: it is only for a secret that keyturn or the cloud generates"
            raise Refused(ErrorClass.INVALID_COMMAND, text)
        return
    what = "Generate" if made else "Random"
    if made and deliver is None:
        text = "Deliver: is required with Generate: name a Store, or Seal or Reply where that is allowed"
        raise Refused(ErrorClass.INVALID_COMMAND, text)
    if deliver is not None and deliver.seal is not None and settings.seal_keys is not None:
        from shared.commands.public_keys import check_key

        if check_key(deliver.seal) not in settings.seal_keys:
            text = "Seal: KEYTURN_SEAL_KEYS does not name this key's thumbprint"
            raise Refused(ErrorClass.FORBIDDEN, text, code="SealKeyForbidden")
    replied = deliver is None or deliver.reply is not None
    if replied and not waited_for:
        text = f"{what}: use Deliver.Store: only an HTTP caller who waits can see the new secret, here it would be lost"
        raise Refused(ErrorClass.INVALID_COMMAND, text)
    if deliver is None or deliver.store is None:
        if made and command.old_field is not None:
            text = "Generate: use Deliver.Store: this change needs the old secret, so a lost new one locks everyone out"
            raise Refused(ErrorClass.INVALID_COMMAND, text)
        if not waited_for:
            text = f"{what}: use Deliver.Store: without it, only an HTTP caller who waits may ask for a new secret"
            raise Refused(ErrorClass.INVALID_COMMAND, text)
    if replied and not settings.reply:
        text = (
            "KEYTURN_REPLY is off (the default on SCF, because SCF logs what a function returns), nothing was called:"
            " use Deliver.Seal or Deliver.Store, or set KEYTURN_REPLY=on"
        )
        raise Refused(ErrorClass.FORBIDDEN, text, code="ReplyOff")


def account_or_alternate(command: Command, account: str | None) -> None:
    """Check AccountName and Alternate of an operation that can change two accounts in turn.

    Raises: PydanticCustomError.
    """
    pair = command.alternates
    if (account is None) != bool(pair):
        raise PydanticCustomError("account", "AccountName: give it, or Alternate with two accounts, not both")
    if pair and pair[0] == pair[1]:
        raise PydanticCustomError("alternate", "Alternate: must name two different accounts")
    if pair and (command.generates is None or command.deliver is None or command.deliver.store is None):
        rule = "Alternate: requires Generate and Deliver.Store: the store keeps the account in use and its password"
        raise PydanticCustomError("alternate", rule)
