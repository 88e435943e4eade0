"""A generic secret of Alibaba's KMS: its versions, and the version of each stage."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.cloud.state.accounts import ALIBABA_ACCOUNT
from tests.cloud.state.world import KmsSecret
from tests.cloud.wire.service import ApiError

CURRENT, PREVIOUS = "ACSCurrent", "ACSPrevious"
MOST_STAGES = 8


@dataclass
class Version:
    """One value; `read` counts the GetSecretValue calls that were answered with it."""

    id: str
    data: str
    kind: str
    created: float
    read: int = 0


@dataclass
class Secret:
    """A secret: its versions in the order of creation, and the version of each stage."""

    name: str
    region: str
    description: str
    created: float
    updated: float
    tags: dict[str, str] = field(default_factory=dict)
    versions: dict[str, Version] = field(default_factory=dict)
    stages: dict[str, str] = field(default_factory=dict)
    type: str = "Generic"

    @classmethod
    def of(cls, name: str, spec: KmsSecret, now: float) -> Secret:
        """The secret that a world describes."""
        versions = {id_: Version(id_, one.value, "text", one.created) for id_, one in spec.seeded_versions(now).items()}
        times = [one.created for one in versions.values()] or [now]
        stages = {CURRENT: spec.current or list(versions)[-1], **spec.labels} if versions else {}
        if unknown := set(stages.values()) - versions.keys():
            raise ValueError(f"kms: {name} marks versions that it does not have: {sorted(unknown)}")
        return cls(
            name, spec.region, spec.description, min(times), max(times), dict(spec.tags), versions, stages, spec.type
        )

    def stages_of(self, version_id: str) -> list[str]:
        """The stages of a version."""
        return [stage for stage, id_ in self.stages.items() if id_ == version_id]

    def stages_after(self, stages: list[str], version_id: str) -> dict[str, str]:
        """The stages after a version gets these.

        If it becomes current, the former current version becomes the previous one.
        """
        # claims: S4, S7
        after, former = dict(self.stages), self.stages.get(CURRENT)
        if CURRENT in stages and former not in (None, version_id):
            after[PREVIOUS] = str(former)
        after |= dict.fromkeys(stages, version_id)
        if len(after) > MOST_STAGES:
            raise ApiError("Rejected.LimitExceeded", "A secret has at most 8 version stages.")
        return after

    @property
    def arn(self) -> str:
        """Its resource name."""
        return f"acs:kms:{self.region}:{ALIBABA_ACCOUNT}:secret/{self.name}"
