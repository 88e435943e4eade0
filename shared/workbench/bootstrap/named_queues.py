"""The DataHub tasks that the settings name by id: whether each is there, and writes where it has to."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from shared.runtime import queue_urls
from shared.workbench.apis.calls import waited_out
from shared.workbench.apis.datahub import Topic
from shared.workbench.apis.tencent import TencentApi
from shared.workbench.bootstrap.settings import QUEUES, task_topic
from shared.workbench.bundle.description import CkafkaTrigger, Description
from shared.workbench.deploy.access import Missing, looked

_REMEDY = "unset {}: `make bootstrap CLOUD=tencent` makes the queue or finds it, and writes the setting"


def wrong_queues(api: TencentApi, description: Description) -> list[Missing]:
    """What is not there, or would lead results and commands astray; nothing of what these keys may not look at."""
    read = {Topic(one.instance, one.topic) for spec in description.functions for one in _triggers(spec.queues)}
    found: list[Missing] = []
    for variable in QUEUES:
        for place in _places(description, variable):
            if place.datahub_id in description.examples:
                continue
            ask = partial(_why_wrong, api, place, read, holds_commands=variable == "KEYTURN_COMMANDS")
            if why := looked(f"queue: {variable}", partial(waited_out, ask), found):
                found.append(Missing(f"queue: {variable} names {place.datahub_id}, {why}", _REMEDY.format(variable)))
    return found


def _why_wrong(api: TencentApi, place: queue_urls.CkafkaPlace, read: set[Topic], *, holds_commands: bool) -> str:
    target = task_topic(api, place.region, place.datahub_id)
    if target is None:
        return f"and no DataHub task in {place.region} has that id"
    if not target.name or not read:
        return ""
    if holds_commands and target not in read:
        return f"which writes to the topic {target.name} of {target.instance}, and no trigger reads that"
    if not holds_commands and target in read:
        return f"which writes to the topic {target.name}, where functions look for commands"
    return ""


def _places(description: Description, variable: str) -> list[queue_urls.CkafkaPlace]:
    urls = dict.fromkeys(spec.environment.get(variable, "") for spec in description.functions)
    places = [queue_urls.place_of(url, function="function") for url in urls if url.startswith("ckafka://")]
    return [one for one in places if isinstance(one, queue_urls.CkafkaPlace)]


def _triggers(queues: tuple[object, ...]) -> Iterator[CkafkaTrigger]:
    return (one for one in queues if isinstance(one, CkafkaTrigger))
