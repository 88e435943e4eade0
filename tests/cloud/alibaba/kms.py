"""Alibaba Cloud KMS (2016-01-20): generic secrets, their versions and stages, by the API's published pages.

Sources: the pages PutSecretValue, GetSecretValue, UpdateSecretVersionStage, ListSecretVersionIds (2025-07 to 2026-03),
the error table of CreateSecret, the QPS page of the shared gateway (10 calls a second to create secrets, 450 to read
values, 40 for the rest). Not published, so chosen by the stand-in: listed versions are in the order of their names, and
a stage can only be removed from the version that has it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import copy, deepcopy
from datetime import datetime, timezone
from typing import Any

from tests.cloud.alibaba.kms_secret import CURRENT, PREVIOUS, Secret, Version
from tests.cloud.state.history import By, History
from tests.cloud.state.world import World
from tests.cloud.state.world_clock import Clock
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
LOST = "StandIn.LabelledVersionLost"
"""Not a code of the cloud. The real KMS would delete a version that still has one of the caller's labels."""
_MOST_BYTES = 30720
_MOST_NAME = 64
_THROTTLED = "Rejected.Throttling"

_SECRET = "acs:kms:{region}:{account}:secret/{SecretName}"


class AlibabaKms:
    """The service: secrets by region and name."""

    cloud: Cloud = "alibaba"
    name = "kms"
    version = "2016-01-20"
    task_faults: frozenset[str] = frozenset()

    def __init__(self, world: World, clock: Clock, history: History) -> None:
        self._clock, self._history = clock, history
        self._begin(world)
        value = "SecretName! VersionId! SecretData! SecretDataType"
        slow, fast = 40, 450
        actions = {
            "CreateSecret": Action(
                parameter_table(
                    f"{value} Description Tags SecretType EncryptionKeyId DKMSInstanceId",
                    "ExtendedConfig EnableAutomaticRotation:bool RotationInterval Policy",
                ),
                self._create,
                changes=True,
                rate_per_s=10,
                throttle_code=_THROTTLED,
            ),
            "PutSecretValue": Action(
                parameter_table(f"{value} VersionStages"),
                self._put,
                changes=True,
                rate_per_s=slow,
                throttle_code=_THROTTLED,
            ),
            "GetSecretValue": Action(
                parameter_table("SecretName! VersionStage VersionId", "FetchExtendedConfig:bool DryRun"),
                self._value,
                rate_per_s=fast,
                throttle_code=_THROTTLED,
            ),
            "UpdateSecretVersionStage": Action(
                parameter_table("SecretName! VersionStage! RemoveFromVersion MoveToVersion"),
                self._move_stage,
                changes=True,
                rate_per_s=slow,
                throttle_code=_THROTTLED,
            ),
            "ListSecretVersionIds": Action(
                parameter_table("SecretName! IncludeDeprecated PageNumber:int PageSize:int"),
                self._version_ids,
                rate_per_s=slow,
                throttle_code=_THROTTLED,
            ),
            "DescribeSecret": Action(
                parameter_table("SecretName! FetchTags"), self._describe, rate_per_s=fast, throttle_code=_THROTTLED
            ),
            "ListSecrets": Action(
                parameter_table("FetchTags PageNumber:int PageSize:int", "Filters"),
                self._list,
                rate_per_s=slow,
                throttle_code=_THROTTLED,
            ),
        }
        self.actions: Mapping[str, Action] = judged_by(_SECRET, "SecretName", actions)

    def error_for(self, kind: RefusalKind, call: Call) -> ApiError:
        """The error that this service publishes; it publishes none for a lock."""
        # claims: R14, W2
        if kind == "denied":
            return ApiError("Forbidden.NoPermission", "You are not authorized to perform the operation.", 403)
        if kind == "lock":
            return ApiError(_THROTTLED, "QPS Limit Exceeded", 429)
        if kind == "failed":
            return ApiError("UnsupportedOperation", "The operation is not supported now.")
        return ApiError("InternalFailure", "An internal error occurred.", 500)

    def state(self) -> dict[str, Any]:
        """Names, versions, stages, times, and what callers did wrong; never a value."""
        shown: dict[str, Any] = {}
        for secret in self._secrets.values():
            # Two regions may have a secret of this name. The first one is shown.
            shown[secret.name if secret.name not in shown else f"{secret.region}/{secret.name}"] = {
                "Region": secret.region,
                "Versions": {
                    id_: {"CreateTime": one.created, "Stages": sorted(secret.stages_of(id_)), "Read": one.read}
                    for id_, one in secret.versions.items()
                },
            }
        return {"secrets": shown, "violations": list(self._violations)}

    async def start(self) -> None:
        """Does nothing: this service starts no server."""

    async def reset(self, world: World) -> None:
        """The first secrets."""
        self._begin(world)

    async def close(self) -> None:
        """Does nothing: this service starts no server."""

    def _begin(self, world: World) -> None:
        self._world, now = world, self._clock.now()
        self._secrets = {(spec.region, name): Secret.of(name, spec, now) for name, spec in world.kms.items()}
        self._violations: list[str] = []
        for secret in self._secrets.values():
            for id_ in secret.versions:
                self._note(secret, id_, by="world")

    def frozen(self) -> AlibabaKms:
        """A copy that always shows the present state."""
        twin = copy(self)
        twin._clock, twin._secrets = self._clock.stopped(), deepcopy(self._secrets)
        return twin

    async def outside(self, resource: str, account: str, password: str, *, task: bool) -> None:
        """Write a version as if by hand, and make it current. Raises: ValueError: there is no such secret."""
        secret = next((one for one in self._secrets.values() if one.name == resource), None)
        if secret is None:
            raise ValueError("kms has no such secret")
        secret.versions[account] = Version(account, password, "text", self._clock.now())
        secret.stages = secret.stages_after([CURRENT], account)
        self._note(secret, account, by="outside")

    def _note(self, secret: Secret, id_: str, *, by: By = "call") -> None:
        version, current = secret.versions.get(id_), secret.stages.get(CURRENT, "")
        self._history.add(self.name, secret.name, id_, version.data if version else None, by=by, current=current)

    async def _create(self, given: Mapping[str, Any], call: Call) -> Answer:
        # claims: S9, S10
        self._watch(call)
        name = given["SecretName"]
        if self._world.kms_needs_instance and not (given.get("DKMSInstanceId") and given.get("EncryptionKeyId")):
            raise ApiError("UnsupportedOperation", "A secret is made in a KMS instance, with a key of it.")
        version = self._given_version(given)
        if given.get("SecretType", "Generic") != "Generic":
            raise ApiError("UnsupportedOperation", "The stand-in makes generic secrets only.")
        if len(name) > _MOST_NAME:
            raise ApiError("InvalidParameter", "The specified parameter is invalid.")
        region = call.region or "cn-hangzhou"
        if (region, name) in self._secrets:
            raise ApiError("Rejected.ResourceExist", "The resource already exists.", 409)
        tags = {str(one.get("TagKey")): str(one.get("TagValue")) for one in _objects(given.get("Tags", "[]"))}
        secret = Secret(name, region, given.get("Description", ""), version.created, version.created, tags)
        secret.versions[version.id], secret.stages = version, {CURRENT: version.id}
        self._secrets[region, name] = secret
        self._note(secret, version.id)
        return {"Arn": secret.arn, "SecretName": name, "VersionId": version.id, "SecretType": "Generic"}

    async def _put(self, given: Mapping[str, Any], call: Call) -> Answer:
        self._watch(call)
        secret, version = self._generic(call), self._given_version(given)
        stages = _stages(given.get("VersionStages"))
        self._check_labels(stages)
        known = secret.versions.get(version.id)
        if known is None:
            self._add(secret, version, stages)
        elif (known.data, known.kind) != (version.data, version.kind):
            if self._world.holds("S1"):
                raise ApiError("Rejected.ResourceExist", "The resource already exists.", 409)
            known.data, known.kind = version.data, version.kind
            self._note(secret, version.id)
        # A known id with the same value is a success. Its stages are ignored, too.
        marks = {"VersionStage": sorted(secret.stages_of(version.id))}
        return {"SecretName": secret.name, "VersionId": version.id, "VersionStages": marks}

    def _add(self, secret: Secret, version: Version, stages: list[str]) -> None:
        """Add a new version. If there are too many, the earliest one is deleted."""
        after = secret.stages_after(stages, version.id)
        if len(secret.versions) >= (MOST_VERSIONS if self._world.holds("S7") else FEWER_VERSIONS):
            if not self._world.holds("S5"):
                raise ApiError("Rejected.LimitExceeded", "A secret has at most 10 versions.")
            earliest = next(iter(secret.versions))
            if earliest in after.values():
                self._violations.append(f"PutSecretValue {secret.name}: would delete {earliest}, which has a label")
                raise ApiError(LOST, "The put would delete the earliest version, which still has a label.", 409)
            del secret.versions[earliest]
            self._note(secret, earliest)
        secret.versions[version.id], secret.stages, secret.updated = version, after, version.created
        self._note(secret, version.id)

    async def _value(self, given: Mapping[str, Any], call: Call) -> Answer:
        # claims: S9
        secret = self._secret(call)
        stage, id_ = given.get("VersionStage"), given.get("VersionId")
        marked = secret.stages.get(stage or CURRENT)
        found = secret.versions.get(id_ or marked or "")
        if id_ and stage and found and marked != id_:
            raise ApiError("InvalidParameter", "The specified parameter is invalid.")
        if found is None:
            raise ApiError("Forbidden.ResourceNotFound", "Resource not found.", 404)
        found.read += 1
        return {
            "SecretName": secret.name,
            "VersionId": found.id,
            "SecretData": found.data,
            "SecretDataType": found.kind,
            "VersionStages": {"VersionStage": sorted(secret.stages_of(found.id))},
            "CreateTime": _iso(found.created),
            "SecretType": secret.type,
        }

    async def _move_stage(self, given: Mapping[str, Any], call: Call) -> Answer:
        secret, stage = self._generic(call), given["VersionStage"]
        to, away = given.get("MoveToVersion"), given.get("RemoveFromVersion")
        self._check_labels([stage])
        if not to and (not away or stage in (CURRENT, PREVIOUS)):
            raise ApiError("InvalidParameter", "The specified parameter is invalid.")
        if {one for one in (to, away) if one} - secret.versions.keys():
            raise ApiError("Forbidden.ResourceNotFound", "Resource not found.", 404)
        elsewhere = away and secret.stages.get(stage) != away and self._world.holds("S6")
        if elsewhere or len(stage) > _MOST_NAME:
            raise ApiError("InvalidParameter", "The specified parameter is invalid.")
        if to:
            secret.stages = secret.stages_after([stage], to)
            self._note(secret, to)
        else:
            secret.stages.pop(stage, None)
        secret.updated = self._clock.now()
        return {"SecretName": secret.name}

    async def _version_ids(self, given: Mapping[str, Any], call: Call) -> Answer:
        # claims: S4, S9
        secret = self._secret(call)
        every = _said_true(given.get("IncludeDeprecated", "false"))
        found = [
            {
                "VersionId": id_,
                "CreateTime": _iso(one.created),
                "VersionStages": {"VersionStage": sorted(secret.stages_of(id_))},
            }
            for id_, one in sorted(secret.versions.items())
            if every or secret.stages_of(id_)
        ]
        return {"SecretName": secret.name, "VersionIds": {"VersionId": _page(found, given)}, **_paged(found, given)}

    async def _describe(self, given: Mapping[str, Any], call: Call) -> Answer:
        # claims: S9
        secret = self._secret(call)
        return self._shown(secret, given) | {
            "Arn": secret.arn,
            "Description": secret.description,
            "EncryptionKeyId": "00000000-0000-0000-0000-000000000001",
            "AutomaticRotation": "Disabled",
        }

    async def _list(self, given: Mapping[str, Any], call: Call) -> Answer:
        # claims: S9
        found = [secret for _, secret in sorted(self._secrets.items()) if self._reaches(secret, call)]
        secrets = [self._shown(secret, given) for secret in _page(found, given)]
        return {"SecretList": {"Secret": secrets}, **_paged(found, given)}

    def _shown(self, secret: Secret, given: Mapping[str, Any]) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "SecretName": secret.name,
            "SecretType": secret.type,
            "CreateTime": _iso(secret.created),
            "UpdateTime": _iso(secret.updated),
        }
        if _said_true(given.get("FetchTags", "false")):
            shown["Tags"] = {"Tag": [{"TagKey": key, "TagValue": value} for key, value in secret.tags.items()]}
        return shown

    def _reaches(self, secret: Secret, call: Call) -> bool:
        return call.region in (None, secret.region) and call.sees(self._world, secret.name)

    def _secret(self, call: Call) -> Secret:
        # claims: S9
        name = call.parameters["SecretName"]
        for secret in self._secrets.values():
            if self._reaches(secret, call) and name in (secret.name, secret.arn):
                return secret
        raise ApiError("Forbidden.ResourceNotFound", "Resource not found.", 404)

    def _generic(self, call: Call) -> Secret:
        # claims: S11
        secret = self._secret(call)
        if secret.type != "Generic":
            raise ApiError("UnsupportedOperation", "This action is not supported for the secret.")
        return secret

    def _given_version(self, given: Mapping[str, Any]) -> Version:
        # claims: S7
        id_, data, kind = given["VersionId"], given["SecretData"], given.get("SecretDataType", "text")
        if kind not in ("text", "binary") or len(id_) > _MOST_NAME or len(data.encode()) > _MOST_BYTES:
            raise ApiError("InvalidParameter", "The specified parameter is invalid.")
        return Version(id_, data, kind, self._clock.now())

    def _check_labels(self, stages: list[str]) -> None:
        """Check a caller's own labels. Raises: ApiError: a world without S4 refuses them."""
        if not self._world.holds("S4") and set(stages) - {CURRENT, PREVIOUS}:
            raise ApiError("InvalidParameter", "The specified parameter is invalid.")

    def _watch(self, call: Call) -> None:
        """Note if a value is in the query. The cloud accepts it there, but logs and gateways would show it."""
        if "SecretData" in call.in_query:
            self._violations.append(f"{call.action}: SecretData was in the query")


def _stages(text: str | None) -> list[str]:
    """The names in VersionStages, which is a JSON list as text; the current stage if it is missing."""
    # claims: S4
    if not text:
        return [CURRENT]
    try:
        stages = json.loads(text)
    except ValueError:
        stages = None
    known = isinstance(stages, list) and all(isinstance(one, str) and 0 < len(one) <= _MOST_NAME for one in stages)
    if not known or not stages:
        raise ApiError("InvalidParameter", "The specified parameter is invalid.")
    return list(dict.fromkeys(stages))


def _objects(text: str) -> list[dict[str, Any]]:
    # claims: S9
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise ApiError("InvalidParameter", "The specified parameter is invalid.")
    return value


def _said_true(text: str) -> bool:
    # claims: S9
    if text.lower() not in ("true", "false"):
        raise ApiError("InvalidParameter", "The specified parameter is invalid.")
    return text.lower() == "true"


def _window(given: Mapping[str, Any]) -> tuple[int, int]:
    # claims: S9
    number, size = given.get("PageNumber", 1), given.get("PageSize", 20)
    if number < 1 or not 1 <= size <= 100:
        raise ApiError("InvalidParameter", "The specified parameter is invalid.")
    return number, size


def _paged(found: list[Any], given: Mapping[str, Any]) -> dict[str, int]:
    number, size = _window(given)
    return {"PageNumber": number, "PageSize": size, "TotalCount": len(found)}


def _page(found: list[Any], given: Mapping[str, Any]) -> list[Any]:
    number, size = _window(given)
    return page(found, (number - 1) * size, size)


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
