"""What a world file says of the clouds' queues."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tests.cloud.state.world_table import Seconds, WorldTable


class CkafkaTopic(WorldTable):
    """A topic that is there from the start."""

    partitions: Annotated[int, Field(ge=1)] = 1
    retention_s: Seconds = 7200.0
    note: str = ""


class CkafkaInstance(WorldTable):
    """A CKafka instance. It is billed by the month, so no test creates one. `status`: 1 is running."""

    region: str
    site: Literal["domestic", "intl"] = "domestic"
    name: str = ""
    status: int = 1
    topics: dict[str, CkafkaTopic] = {}


class DataHub(WorldTable):
    """An HTTP access task of CKafka's DataHub, which SendMessage names by its DataHub id.

    Messages go to the topic of that name on `instance`. Without an instance, the topic is on one that no API shows;
    without a topic, it is called as the DataHub id.
    """

    region: str
    site: Literal["domestic", "intl"] = "domestic"
    instance: str = ""
    topic: str = ""


class SmqAccount(WorldTable):
    """An account's SMQ queues in one region. `queues` are patterns of the names that exist from the start."""

    region: str
    queues: tuple[str, ...]
    visibility_s: Seconds = 30.0
