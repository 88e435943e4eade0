"""A user-defined secret of Tencent's Secrets Manager, and its versions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.cloud.state.accounts import TENCENT_UIN
from tests.cloud.state.world import SsmSecret

CURRENT = "SSM_Current"  # the name that CreateSecret gives if none is chosen


@dataclass
class Version:
    """One value. `updated` counts UpdateSecret calls, `read` the GetSecretValue calls that were answered with it."""

    value: str
    created: float
    binary: bool = False
    updated: int = 0
    read: int = 0

    @property
    def key(self) -> str:
        """The field that holds the value."""
        return "SecretBinary" if self.binary else "SecretString"


@dataclass
class Secret:
    """A secret; its versions are in the order of creation."""

    name: str
    region: str
    site: str
    description: str
    created: float
    status: str = "Enabled"
    delete_time: int = 0
    tags: dict[str, str] = field(default_factory=dict)
    versions: dict[str, Version] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, spec: SsmSecret, now: float) -> Secret:
        """The secret that a world describes."""
        made = {id_: Version(one.value, one.created) for id_, one in spec.seeded_versions(now).items()}
        created = min((one.created for one in made.values()), default=now)
        return cls(
            name, spec.region, spec.site, spec.description, created, spec.status, tags=dict(spec.tags), versions=made
        )

    @property
    def current(self) -> str:
        """The version that keyturn treats as the current one: `current`, else SSM_Current, else the oldest."""
        oldest = min(self.versions, key=lambda id_: self.versions[id_].created, default="")
        return next((name for name in ("current", CURRENT) if name in self.versions), oldest)

    def described(self) -> dict[str, Any]:
        """The fields that both DescribeSecret and ListSecrets show."""
        return {
            "SecretName": self.name,
            "Description": self.description,
            "KmsKeyId": "00000000-0000-0000-0000-000000000001",
            "CreateUin": int(TENCENT_UIN),
            "Status": self.status,
            "DeleteTime": self.delete_time,
            "CreateTime": int(self.created),
            "SecretType": 0,
            "ProductName": "",
            "ResourceID": "",
        }
