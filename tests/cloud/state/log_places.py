"""Where functions' lines go: CLS' logsets and topics, SLS' projects and Logstores, of the world and made since."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from tests.cloud.state.world import World


@dataclass
class Logset:
    """A logset of CLS. Times in Unix seconds."""

    id: str
    name: str
    region: str
    created_at: float
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class LogTopic:
    """A topic of CLS; `index` is the rule that CreateIndex was given, as the API has it."""

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
    """A project of SLS, with what its Logstores and their indexes were made of."""

    name: str
    region: str
    description: str
    created_at: float
    logstores: dict[str, dict[str, Any]] = field(default_factory=dict)
    indexes: dict[str, dict[str, Any]] = field(default_factory=dict)


class LogPlaces:
    """What both log services hold."""

    def __init__(self, world: World) -> None:
        self.reset(world)

    def reset(self, world: World) -> None:
        """Nothing but what the world's patterns name."""
        self.world = world
        self.logsets: dict[str, Logset] = {}
        self.topics: dict[str, LogTopic] = {}
        self.projects: dict[str, LogProject] = {}

    def has_topic(self, region: str, logset_id: str, topic_id: str) -> bool:
        """Whether a function there may log into this topic of CLS."""
        made = self.topics.get(topic_id)
        if made is not None:
            return (made.logset.id, made.logset.region) == (logset_id, region)
        return any(fnmatchcase(topic_id, pattern) for pattern in self.world.cls_topics)

    def has_logstore(self, region: str, project: str, logstore: str) -> bool:
        """Whether a function there may log into this Logstore of SLS."""
        made = self.projects.get(project)
        if made is not None:
            return made.region == region and logstore in made.logstores
        return any(fnmatchcase(f"{project}/{logstore}", pattern) for pattern in self.world.sls_logstores)


def new_log_id() -> str:
    """An id of CLS, never made twice."""
    return str(uuid.uuid4())


def pairs_of(tags: object) -> Mapping[str, str]:
    """CLS' list of tags as a table."""
    found = tags if isinstance(tags, list) else []
    return {str(one.get("Key")): str(one.get("Value")) for one in found}
