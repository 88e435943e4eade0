"""The queues of the AsyncAPI document as rows: who sends which messages to whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Queue:
    """One use of a queue. Texts are Markdown."""

    anchor: str
    title: str
    description: str
    addresses: list[tuple[str, str]]  # function, and the name of its queue
    messages: list[tuple[str, str]]  # name and description
    senders: list[str]


def queues(document: Mapping[str, Any]) -> list[Queue]:
    """The document's queues. Channels that differ only in their reader are one row."""
    together: dict[str, list[str]] = {}
    for name in document["channels"]:
        together.setdefault(name.partition(".")[0], []).append(name)
    return [_queue(document, use, names) for use, names in sorted(together.items(), reverse=True)]


def _queue(document: Mapping[str, Any], use: str, names: list[str]) -> Queue:
    channels = document["channels"]
    messages: dict[str, str] = {}
    for name in names:
        for reference in channels[name]["messages"].values():
            message = document["components"]["messages"][reference["$ref"].rpartition("/")[2]]
            messages[message["name"]] = message.get("summary", message.get("title", ""))
    told = {name: f"#/channels/{name}" for name in names}
    titles = [
        one["title"]
        for _, one in sorted(document["operations"].items())
        if one["channel"]["$ref"] in told.values() and one["action"] == "send"
    ]
    return Queue(
        anchor=f"queue-of-{use}",
        title=use.capitalize(),
        description=channels[names[0]]["description"],
        addresses=[(name.partition(".")[2], channels[name]["address"]) for name in names if "." in name],
        messages=list(messages.items()),
        senders=list(dict.fromkeys(titles)),
    )
