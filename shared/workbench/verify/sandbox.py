"""The file that names what verify may change on an account. It holds no secret.

For each password it names the environment variable that holds the present one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, get_args

import tomli
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from shared.workbench.environment.file_problems import why

Variable = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{2,99}$")]
"""The name of an environment variable. Most passwords do not fit, so none is written here by mistake."""
Name = Annotated[str, StringConstraints(min_length=1, max_length=128)]


class SandboxError(Exception):
    """The file cannot be used. The text names the field and the rule, never a value."""


class Part(BaseModel):
    """One thing that verify may change."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @property
    def passwords(self) -> Mapping[str, str]:
        """Field -> variable, for each password that the part names."""
        return {name: value for name, value in self if name.endswith("password") and isinstance(value, str)}


class RedisPart(Part):
    """A TencentDB for Redis instance: a custom account and, if named, root."""

    instance: Name
    account: Name
    account_password: Variable
    root_password: Variable | None = None


class RegistryPart(Part):
    """A service account of a TCR instance."""

    registry: Name
    account: Name
    account_password: Variable


class SecretPart(Part):
    """A secret of SSM or KMS whose content nobody needs."""

    secret: Name


class FunctionPart(Part):
    """A name for a function that is free, and the function's role. verify creates the function and deletes it."""

    function: Name
    role: Name


class FcPart(FunctionPart):
    """As FunctionPart. With an existing log project and logstore, verify checks whether log settings stay."""

    log_project: Name | None = None
    logstore: Name | None = None


class ScfPart(FunctionPart):
    """A function on SCF, and the log set and topic for its log, if verify may write there."""

    log_set: Name | None = None
    log_topic: Name | None = None


class DataHubPart(Part):
    """A DataHub access task of CKafka whose messages nobody reads."""

    datahub: Name


class TairPart(Part):
    """An account of a Tair or Redis instance."""

    instance: Name
    account: Name
    account_password: Variable


class SmqPart(Part):
    """An SMQ queue whose messages nobody reads."""

    account: Name
    queue: Name


class TencentSandbox(Part):
    """Tencent's part of the file."""

    region: Name = "ap-guangzhou"
    site: Literal["domestic", "intl"] = "domestic"
    redis: RedisPart | None = None
    tcr: RegistryPart | None = None
    ssm: SecretPart | None = None
    scf: ScfPart | None = None
    ckafka: DataHubPart | None = None


class AlibabaSandbox(Part):
    """Alibaba's part of the file."""

    region: Name = "cn-hangzhou"
    tair: TairPart | None = None
    kms: SecretPart | None = None
    fc: FcPart | None = None
    smq: SmqPart | None = None


class Sandbox(Part):
    """The whole file."""

    tencent: TencentSandbox = Field(default_factory=TencentSandbox)
    alibaba: AlibabaSandbox = Field(default_factory=AlibabaSandbox)


def load_sandbox(path: Path | None, cloud: str, environ: Mapping[str, str]) -> Sandbox:
    """The file, or an empty sandbox if there is none.

    Raises: SandboxError, also if a password's variable is not set.
    """
    if path is None:
        return Sandbox()
    try:
        sandbox = Sandbox.model_validate(tomli.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise SandboxError(f"SANDBOX={path} cannot be read: {why(error)}") from None
    except UnicodeDecodeError:
        raise SandboxError(f"{path} is not UTF-8") from None
    except tomli.TOMLDecodeError:
        raise SandboxError(f"{path} is not TOML") from None
    except ValidationError as error:
        raise SandboxError(f"{path}: {_explained(error)}") from None
    for place, part in parts(sandbox, cloud):
        for field, variable in part.passwords.items():
            if not environ.get(variable):
                raise SandboxError(f"{path}: {place}.{field}: {variable} is not set: it must hold the present password")
    return sandbox


def _explained(error: ValidationError) -> str:
    """Field and rule of the first mistake. For an unknown name it lists the known ones."""
    mistakes = error.errors(include_input=False, include_url=False)
    first = next((one for one in mistakes if one["type"] == "extra_forbidden"), mistakes[0])
    names = [str(part) for part in first["loc"]]
    field = ".".join(names)
    if first["type"] != "extra_forbidden":
        return f"{field}: {first['msg']}"
    known = Sandbox.model_fields
    for name in names[:-1]:
        (known,) = [one.model_fields for one in _models(known[name].annotation)]
    return f"{field} is not known; known here: {', '.join(known)}"


def _models(annotation: object) -> list[type[Part]]:
    """The model of a field's value, whether or not the field is optional."""
    found = [annotation, *get_args(annotation)]
    return [one for one in found if isinstance(one, type) and issubclass(one, Part)]


def parts(sandbox: Sandbox, cloud: str) -> Iterator[tuple[str, Part]]:
    """Name and value of each part that the file has for one cloud."""
    for name, value in sandbox.tencent if cloud == "tencent" else sandbox.alibaba:
        if isinstance(value, Part):
            yield f"{cloud}.{name}", value


def ids(sandbox: Sandbox, cloud: str) -> set[str]:
    """Every id in the file. Findings show them shortened. Regions and account names are not ids."""
    open_ = ("region", "site", "account")
    return {
        str(value)
        for _, part in parts(sandbox, cloud)
        for name, value in part
        if isinstance(value, str) and name not in open_ and not name.endswith("password")
    }
