"""The places of functions' logs: CLS' logsets and topics, SLS' projects and Logstores, the world's and new ones."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from tests.cloud.state.world import World


@dataclass
class Logset:
    """A logset of CLS. Times are in Unix seconds."""

    id: str
    name: str
    region: str
    created_at: float
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class LogTopic:
    """A topic of CLS; `index` is the rule from CreateIndex, in the API's form."""

    id: str
    name: str
    logset: Logset
    created_at: float
    described: str
    days: int
    tags: dict[str, str] = field(default_factory=dict)
    index: dict[str, Any] | None = None


@dataclass
class LogProject:
    """A project of SLS, with its Logstores and their indexes in the API's form."""

    name: str
    region: str
    description: str
    created_at: float
    logstores: dict[str, dict[str, Any]] = field(default_factory=dict)
    indexes: dict[str, dict[str, Any]] = field(default_factory=dict)


class LogPlaces:
    """The log places of both clouds."""

    def __init__(self, world: World) -> None:
        self.reset(world)

    def reset(self, world: World) -> None:
        """Delete every place that calls created."""
        self.world = world
        self.logsets: dict[str, Logset] = {}
        self.topics: dict[str, LogTopic] = {}
        self.projects: dict[str, LogProject] = {}

    def has_topic(self, region: str, logset_id: str, topic_id: str) -> bool:
        """Whether a function of this region may log to this topic of CLS."""
        made = self.topics.get(topic_id)
        if made is not None:
            return (made.logset.id, made.logset.region) == (logset_id, region)
        return any(fnmatchcase(topic_id, pattern) for pattern in self.world.cls_topics)

    def has_logstore(self, region: str, project: str, logstore: str) -> bool:
        """Whether a function of this region may log to this Logstore of SLS."""
        made = self.projects.get(project)
        if made is not None:
            return made.region == region and logstore in made.logstores
        return any(fnmatchcase(f"{project}/{logstore}", pattern) for pattern in self.world.sls_logstores)


def new_log_id() -> str:
    """A new id of CLS. It is never used twice."""
    return str(uuid.uuid4())


def pairs_of(tags: object) -> Mapping[str, str]:
    """CLS' list of tags as a table."""
    found = tags if isinstance(tags, list) else []
    return {str(one.get("Key")): str(one.get("Value")) for one in found}
