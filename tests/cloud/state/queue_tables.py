"""The tables of a world file about the clouds' queues."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tests.cloud.state.world_table import Seconds, WorldTable


class CkafkaTopic(WorldTable):
    """A topic that exists from the start."""

    partitions: Annotated[int, Field(ge=1)] = 1
    retention_s: Seconds = 7200.0
    note: str = ""


class CkafkaInstance(WorldTable):
    """A CKafka instance. Tests never create one, because it is billed by the month. `status`: 1 is running."""

    region: str
    site: Literal["domestic", "intl"] = "domestic"
    name: str = ""
    status: int = 1
    topics: dict[str, CkafkaTopic] = {}


class DataHub(WorldTable):
    """An HTTP access task of CKafka's DataHub. SendMessage names it by its DataHub id.

    Messages go to the topic of that name on `instance`. Without an instance, the topic is on an instance that no API
    shows. Without a topic, the topic's name is the DataHub id.
    """

    region: str
    site: Literal["domestic", "intl"] = "domestic"
    instance: str = ""
    topic: str = ""


class SmqAccount(WorldTable):
    """An account's SMQ queues in one region. `queues` are patterns for the names that exist from the start."""

    region: str
    queues: tuple[str, ...]
    visibility_s: Seconds = 30.0
