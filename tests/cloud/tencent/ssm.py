"""Tencent Secrets Manager (2019-09-23): user-defined secrets and their versions, by the API's published pages.

Sources: pages 1078/38633 (rates), 38645 (PutSecretValue) and 38642 (UpdateSecret); codes by action from the vendor's Go
SDK. The order of listed versions is not published, nor whether UpdateSecret moves a version's CreateTime. The world
decides (`version_order`, `update_moves_create_time`).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from copy import copy, deepcopy
from functools import partial
from typing import Any

from tests.cloud.state.history import By, History
from tests.cloud.state.world import World
from tests.cloud.state.world_clock import Clock
from tests.cloud.tencent.ssm_secret import CURRENT, Secret, Version
from tests.cloud.wire.service import (
    Action,
    Answer,
    ApiError,
    Call,
    Cloud,
    RefusalKind,
    judged_by,
    page,
    parameter_table,
)

MOST_VERSIONS = 10
FEWER_VERSIONS = 5
"""The limit in a world without S7."""
UPDATE_LATE_S = 5.0
"""The seconds for which readers get the former value after UpdateSecret, in a world without S2."""
_MOST_SECRETS = 1000
_MOST_BYTES = 32 * 1024
_MOST_DESCRIPTION = 2048
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_STATES = {1: "Enabled", 2: "Disabled", 3: "PendingDelete"}
_DAY_S = 24 * 3600

_SECRET = "qcs::ssm:{region}:uin/{account}:secret/creatorUin/{account}/{SecretName}"


class TencentSsm:
    """The service: secrets by region and name."""

    cloud: Cloud = "tencent"
    name = "ssm"
    version = "2019-09-23"
    task_faults: frozenset[str] = frozenset()

    def __init__(self, world: World, clock: Clock, history: History) -> None:
        self._clock, self._history = clock, history
        self._begin(world)
        one, version, value = "SecretName!", "SecretName! VersionId!", "SecretBinary SecretString"
        actions = {
            "CreateSecret": Action(
                parameter_table(
                    f"{one} VersionId Description {value} Tags:objects SecretType:int",
                    "KmsKeyId AdditionalConfig KmsHsmClusterId EncryptType:int",
                ),
                self._create,
                changes=True,
                rate_per_s=100,
            ),
            "PutSecretValue": Action(parameter_table(f"{version} {value}"), self._put, changes=True, rate_per_s=100),
            "GetSecretValue": Action(
                parameter_table(version, "EncryptionPublicKey EncryptionAlgorithm"), self._value, rate_per_s=300
            ),
            "UpdateSecret": Action(parameter_table(f"{version} {value}"), self._update, changes=True, rate_per_s=50),
            "DeleteSecretVersion": Action(parameter_table(version), self._delete_version, changes=True, rate_per_s=50),
            "ListSecretVersionIds": Action(parameter_table(one), self._version_ids, rate_per_s=40),
            "DescribeSecret": Action(parameter_table(one), self._describe, rate_per_s=40),
            "UpdateDescription": Action(
                parameter_table(f"{one} Description!"), self._describe_as, changes=True, rate_per_s=50
            ),
            "ListSecrets": Action(
                parameter_table(
                    "Offset:int Limit:int OrderType:int State:int SearchSecretName TagFilters:objects SecretType:int",
                    "ProductName EncryptType:int InstanceID",
                ),
                self._list,
                rate_per_s=30,
            ),
            "DisableSecret": Action(parameter_table(one), self._disable, changes=True, rate_per_s=50),
            "EnableSecret": Action(parameter_table(one), self._enable, changes=True, rate_per_s=50),
            "DeleteSecret": Action(
                parameter_table(f"{one} RecoveryWindowInDays:int", "CleanSSHKey:bool DeleteMode:int"),
                self._delete,
                changes=True,
                rate_per_s=50,
            ),
        }
        self.actions: Mapping[str, Action] = judged_by(_SECRET, "SecretName", actions)

    def error_for(self, kind: RefusalKind, call: Call) -> ApiError:
        """The error that this service publishes; it publishes none for a lock."""
        # claims: R14, R15, W2
        if kind == "denied":
            return ApiError("UnauthorizedOperation", "No CAM permission.")
        if kind == "lock":
            return ApiError("RequestLimitExceeded", "More requests than the API takes in a second.")
        if kind == "failed":
            return ApiError("FailedOperation.AccessKmsError", "The KMS operation failed.")
        return ApiError("InternalError", "Internal error.")

    def state(self) -> dict[str, Any]:
        """Names, versions, times; never a value."""
        shown: dict[str, Any] = {}
        for secret in self._secrets.values():
            # Two regions may have a secret of this name. The first one is shown.
            shown[secret.name if secret.name not in shown else f"{secret.region}/{secret.name}"] = {
                "Region": secret.region,
                "Status": secret.status,
                "Description": secret.description,
                "Versions": {
                    id_: {"CreateTime": one.created, "Updated": one.updated, "Read": one.read}
                    for id_, one in secret.versions.items()
                },
            }
        return {"secrets": shown}

    async def start(self) -> None:
        """Does nothing: this service starts no server."""

    async def reset(self, world: World) -> None:
        """The first secrets."""
        self._begin(world)

    async def close(self) -> None:
        """Does nothing: this service starts no server."""

    def frozen(self) -> TencentSsm:
        """A copy that always shows the present state."""
        twin = copy(self)
        twin._clock, twin._secrets = self._clock.stopped(), deepcopy(self._secrets)
        return twin

    async def outside(self, resource: str, account: str, password: str, *, task: bool) -> None:
        """Write a version as if by hand: a new one, or another value. Raises: ValueError: there is no such secret."""
        secret = next((one for one in self._secrets.values() if one.name == resource), None)
        if secret is None:
            raise ValueError("ssm has no such secret")
        known = secret.versions.get(account)
        secret.versions[account] = Version(password, known.created if known else self._clock.now())
        self._note(secret, account, by="outside")

    def _begin(self, world: World) -> None:
        self._world = world
        self._secrets = _first(world, self._clock.now())
        for secret in self._secrets.values():
            for id_ in secret.versions:
                self._note(secret, id_, by="world")

    def _note(self, secret: Secret, id_: str, *, by: By = "call") -> None:
        version = secret.versions.get(id_)
        self._history.add(
            self.name, secret.name, id_, version.value if version else None, by=by, current=secret.current
        )

    async def _create(self, given: Mapping[str, Any], call: Call) -> Answer:
        # claims: S3, S8
        name, id_ = given["SecretName"], given.get("VersionId") or CURRENT
        if not _NAME.fullmatch(name):
            raise ApiError("InvalidParameterValue", "The name of the secret breaks the rules.")
        _check_version(id_)
        if given.get("SecretType", 0):
            raise ApiError("UnsupportedOperation", "The stand-in makes user-defined secrets only.")
        version = _given_value(given, self._clock.now())
        if self._here(call, name):
            raise ApiError("ResourceInUse.SecretExists", "The secret exists.")
        if sum(secret.region == call.region for secret in self._secrets.values()) >= _MOST_SECRETS:
            raise ApiError("LimitExceeded", "The quota of secrets is exceeded.")
        tags = {str(one.get("TagKey")): str(one.get("TagValue")) for one in given.get("Tags", ())}
        description = _checked_description(given.get("Description", ""))
        secret = Secret(name, call.region or "", call.site or "domestic", description, version.created, tags=tags)
        secret.versions[id_] = version
        self._secrets[secret.region, name] = secret
        self._note(secret, id_)
        return {"SecretName": name, "VersionId": id_, "TagCode": 0, "TagMsg": ""}

    async def _put(self, given: Mapping[str, Any], call: Call) -> Answer:
        id_ = given["VersionId"]
        _check_version(id_)
        version = _given_value(given, self._clock.now())
        secret = self._usable(call)
        # Unlike in KMS, this call is not idempotent: the same value is refused, too.
        if id_ in secret.versions and self._world.holds("S1"):
            raise ApiError("ResourceInUse.VersionIdExists", "The version exists.")
        if len(secret.versions) >= (MOST_VERSIONS if self._world.holds("S7") else FEWER_VERSIONS):
            raise ApiError("LimitExceeded", "A secret has at most 10 versions.")
        secret.versions[id_] = version
        self._note(secret, id_)
        return _named(secret, id_)

    async def _value(self, given: Mapping[str, Any], call: Call) -> Answer:
        # claims: S3, S8
        secret = self._here(call, given["SecretName"])
        if secret is None:
            raise ApiError("ResourceNotFound.SecretNotExist", "The secret does not exist.")
        if secret.status == "PendingDelete":
            raise ApiError("ResourceUnavailable.ResourcePendingDeleted", "The secret waits for its deletion.")
        if secret.status != "Enabled":
            raise ApiError("ResourceUnavailable.ResourceDisabled", "The secret is disabled.")
        version = self._version(secret, given)
        version.read += 1
        empty = {"SecretBinary": "", "SecretString": ""}
        return _named(secret, given["VersionId"]) | empty | {version.key: version.value}

    async def _update(self, given: Mapping[str, Any], call: Call) -> Answer:
        value = _given_value(given, self._clock.now())
        secret = self._usable(call)
        version = self._version(secret, given)
        version.updated += 1
        if self._world.update_moves_create_time:
            version.created = value.created
        if self._world.holds("S2"):
            await self._replace(secret, given["VersionId"], value)
        else:
            self._clock.call_after(UPDATE_LATE_S, partial(self._replace, secret, given["VersionId"], value))
        return _named(secret, given["VersionId"])

    async def _replace(self, secret: Secret, id_: str, value: Version) -> None:
        """Replace a version's value, if the version still exists."""
        if (version := secret.versions.get(id_)) is not None:
            version.value, version.binary = value.value, value.binary
            self._note(secret, id_)

    async def _delete_version(self, given: Mapping[str, Any], call: Call) -> Answer:
        # claims: S8
        secret = self._secret(call)
        self._version(secret, given)
        del secret.versions[given["VersionId"]]
        self._note(secret, given["VersionId"])
        return _named(secret, given["VersionId"])

    async def _version_ids(self, given: Mapping[str, Any], call: Call) -> Answer:
        # claims: S3
        secret = self._secret(call)
        versions = [{"VersionId": id_, "CreateTime": int(one.created)} for id_, one in self._listed(secret)]
        return {"SecretName": secret.name, "Versions": versions}

    def _listed(self, secret: Secret) -> list[tuple[str, Version]]:
        found = sorted(secret.versions.items())
        if self._world.version_order != "name":
            found.sort(key=lambda item: item[1].created, reverse=self._world.version_order == "newest")
        return found

    async def _describe(self, given: Mapping[str, Any], call: Call) -> Answer:
        # claims: S8
        more = {"RotationStatus": False, "RotationFrequency": 0, "ResourceName": "", "ProjectID": 0}
        return {**self._secret(call).described(), **more, "AssociatedInstanceIDs": [], "TargetUin": 0}

    async def _describe_as(self, given: Mapping[str, Any], call: Call) -> Answer:
        # claims: S8
        description = _checked_description(given["Description"])
        secret = self._usable(call)
        secret.description = description
        return {"SecretName": secret.name}

    async def _list(self, given: Mapping[str, Any], call: Call) -> Answer:
        # claims: S8
        offset, limit = given.get("Offset", 0), given.get("Limit", 0) or 20
        state, kind = given.get("State", 0), given.get("SecretType", 0)
        if offset < 0 or not 1 <= limit <= 100 or state not in range(6) or given.get("OrderType", 0) not in (0, 1):
            raise ApiError("InvalidParameterValue", "Offset, Limit, State or OrderType is out of range.")
        found = [
            secret
            for secret in self._secrets.values()
            if self._reaches(secret, call)
            and given.get("SearchSecretName", "") in secret.name
            and (state == 0 or secret.status == _STATES.get(state))
            and kind == 0
            and all(_has_tag(secret, one) for one in given.get("TagFilters", ()))
        ]
        found.sort(key=lambda secret: secret.created, reverse=given.get("OrderType", 0) == 0)
        more = {"KmsKeyType": "DEFAULT", "RotationStatus": 0, "NextRotationTime": 0, "RotationFrequency": 0}
        metadata = [{**secret.described(), **more} for secret in page(found, offset, limit)]
        return {"TotalCount": len(found), "SecretMetadatas": metadata}

    async def _disable(self, given: Mapping[str, Any], call: Call) -> Answer:
        # claims: S8
        secret = self._usable(call)
        secret.status = "Disabled"
        return {"SecretName": secret.name}

    async def _enable(self, given: Mapping[str, Any], call: Call) -> Answer:
        # claims: S8
        secret = self._usable(call)
        secret.status = "Enabled"
        return {"SecretName": secret.name}

    async def _delete(self, given: Mapping[str, Any], call: Call) -> Answer:
        # claims: S8
        days = given.get("RecoveryWindowInDays", 0)
        if not 0 <= days <= 30:
            raise ApiError("InvalidParameterValue", "RecoveryWindowInDays is 0 to 30.")
        secret = self._secret(call)
        if secret.status != "Disabled":
            raise ApiError("FailedOperation", "Only a disabled secret can be deleted.")
        secret.delete_time = int(self._clock.now() + days * _DAY_S)
        secret.status = "PendingDelete"
        if days == 0:
            del self._secrets[secret.region, secret.name]
        return {"SecretName": secret.name, "DeleteTime": secret.delete_time}

    def _reaches(self, secret: Secret, call: Call) -> bool:
        here = secret.region == call.region and call.site in (None, secret.site)
        return here and call.sees(self._world, secret.name)

    def _here(self, call: Call, name: str) -> Secret | None:
        secret = self._secrets.get((call.region or "", name))
        return secret if secret and self._reaches(secret, call) else None

    def _secret(self, call: Call) -> Secret:
        # claims: S8
        secret = self._here(call, call.parameters["SecretName"])
        if secret is None:
            raise ApiError("ResourceNotFound", "The secret does not exist.")
        return secret

    def _usable(self, call: Call) -> Secret:
        """The secret, if its state allows a change. Enabled and Disabled do."""
        # claims: S8
        secret = self._secret(call)
        if secret.status not in ("Enabled", "Disabled"):
            raise ApiError("FailedOperation", "The state of the secret does not allow this.")
        return secret

    def _version(self, secret: Secret, given: Mapping[str, Any]) -> Version:
        # claims: S8
        if given["VersionId"] not in secret.versions:
            raise ApiError("ResourceNotFound", "The version does not exist.")
        return secret.versions[given["VersionId"]]


def _first(world: World, now: float) -> dict[tuple[str, str], Secret]:
    return {(spec.region, name): Secret.of(name, spec, now) for name, spec in world.ssm.items()}


def _check_version(id_: str) -> None:
    # claims: S8
    if not _VERSION.fullmatch(id_):
        raise ApiError("InvalidParameterValue", "The name of the version breaks the rules.")


def _checked_description(text: str) -> str:
    # claims: S8
    if len(text.encode()) > _MOST_DESCRIPTION:
        raise ApiError("InvalidParameterValue", "The description is longer than 2048 bytes.")
    return text


def _given_value(given: Mapping[str, Any], now: float) -> Version:
    """The one value in a call, as a version created now."""
    # claims: S7, S8
    text, binary = given.get("SecretString", ""), given.get("SecretBinary", "")
    if bool(text) == bool(binary):
        raise ApiError("InvalidParameterValue", "Exactly one of SecretString and SecretBinary has to be set.")
    if len((text or binary).encode()) > _MOST_BYTES:
        raise ApiError("InvalidParameterValue", "The value is longer than 32 KB.")
    if binary:
        try:
            base64.b64decode(binary, validate=True)
        except (binascii.Error, ValueError):
            raise ApiError("InvalidParameterValue", "SecretBinary is not base64.") from None
    return Version(text or binary, now, bool(binary))


def _has_tag(secret: Secret, wanted: Mapping[str, Any]) -> bool:
    """Whether a secret matches a TagFilter: the key, and one of the values if there are any."""
    # claims: S8
    if wanted.keys() - {"TagKey", "TagValue"}:
        raise ApiError("InvalidParameterValue", "A tag filter has TagKey and TagValue.")
    value = secret.tags.get(str(wanted.get("TagKey")))
    return value is not None and (not wanted.get("TagValue") or value in wanted["TagValue"])


def _named(secret: Secret, version_id: str) -> Answer:
    return {"SecretName": secret.name, "VersionId": version_id}
