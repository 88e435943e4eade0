"""AsyncAPI 3.0 of the queues: the results that keyturn sends, the commands that it receives and sends."""

from __future__ import annotations

from shared.handlers.follow_message import FUNCTION as FOLLOW
from shared.results.outcome import Outcome
from shared.rotation.policy import FUNCTION as PLAN
from shared.rotation.report import TYPE
from shared.workbench.bundle.checkout import version
from shared.workbench.bundle.operations import functions
from shared.workbench.schemas import commands, outputs
from shared.workbench.schemas.documents import move_to_components
from shared.workbench.schemas.generator import Schema

_JSON = "application/cloudevents+json"

_MEANS = {
    Outcome.CHANGED: "What the command asked for is in force; `Evidence` says how keyturn knows.",
    Outcome.ALREADY_CHANGED: "It was in force before this delivery, for example after a redelivery.",
    Outcome.NOT_CHANGED: "This delivery changed nothing.",
    Outcome.UNKNOWN: "keyturn cannot tell whether it is in force; `Evidence` lists what keyturn tried.",
    Outcome.WOULD_CHANGE: "Dry run: keyturn found no obstacle.",
    Outcome.PENDING: "The cloud accepted the change and runs a task; follow_change will publish its end. Only this"
    " outcome is not terminal.",
}

_SERVERS: dict[str, Schema] = {
    "ckafka": {
        "host": "ckafka.tencentcloudapi.com",
        "protocol": "kafka",
        "description": "Tencent CKafka. keyturn writes through a DataHub access task"
        " (`ckafka://<region>/<datahub-id>`); SCF's trigger reads: each function has its own consumer group. A"
        " message's default CommandId is `<topic>-<partition>-<offset>`.",
    },
    "smq": {
        "host": "{account}.mns.{region}.aliyuncs.com",
        "protocol": "https",
        "description": "Alibaba SMQ (MNS), one queue a function (`smq://<account>.mns.<region>.aliyuncs.com/<queue>`)."
        " Bodies are base64 on the wire.",
        "variables": {
            "account": {"default": "1000000000000042", "description": "The account's id."},
            "region": {"default": "cn-hangzhou"},
        },
    },
    "amqp": {
        "host": "broker.example:5671",
        "protocol": "amqps",
        "description": "Any AMQP 0-9-1 broker (`amqps://user:secret@host:port/vhost?queue=name`), one queue a"
        " function. keyturn publishes with the mandatory flag and publisher confirms.",
    },
}
_KEY: Schema = {
    "kafka": {
        "key": {"type": "string", "description": "`<service>/<resource>`: messages about one resource stay in order."}
    },
    "amqp": {"contentEncoding": "utf-8", "messageType": "CloudEvent"},
}


def document() -> Schema:
    """The whole AsyncAPI document."""
    schemas: dict[str, Schema] = {}
    messages = _results(schemas) | _commands(schemas)
    channels: Schema = {"results": _results_channel(messages)}
    operations: Schema = _results_operations(messages)
    for function in functions():
        channel, own = f"commands.{function}", [f"command.{function}", f"bare.{function}"]
        channels[channel] = _commands_channel(function, own)
        operations |= _commands_operations(function, channel, own)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "keyturn's queues",
            "version": version(),
            "license": {"name": "Apache-2.0"},
            "description": "Functions receive commands and publish results, as CloudEvents 1.0 in structured JSON"
            " mode, each under 48 KB. A command that holds a secret in clear is never put on a queue by keyturn.",
        },
        "defaultContentType": _JSON,
        "servers": _SERVERS,
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas},
    }


def _of_results(messages: Schema) -> list[str]:
    return [name for name in messages if not name.startswith(("command.", "bare."))]


def _results_channel(messages: Schema) -> Schema:
    return {
        "address": "keyturn-results",
        "title": "Results",
        "description": "`KEYTURN_RESULTS`. Each delivery ends with exactly one terminal result. The queue may deliver"
        " an event twice: consumers deduplicate by `id`.",
        "servers": _every_server(),
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _of_results(messages)},
    }


def _results_operations(messages: Schema) -> Schema:
    return {
        "sendResults": {
            "action": "send",
            "channel": {"$ref": "#/channels/results"},
            "title": "Every function publishes how each delivery ended",
            "messages": [_in("results", name) for name in _of_results(messages) if name != "rotation.report"],
        },
        "sendRotationReports": {
            "action": "send",
            "channel": {"$ref": "#/channels/results"},
            "title": "plan_rotation publishes the pages of a firing's report",
            "messages": [_in("results", "rotation.report")],
        },
    }


def _commands_channel(function: str, messages: list[str]) -> Schema:
    return {
        "address": f"keyturn-{function.replace('_', '-')}",
        "title": f"Commands of {function}",
        "description": "`KEYTURN_COMMANDS`. With `{function}` in its URL: one queue for each function. Without it, as"
        " on CKafka: one topic. Each function reads it in its own consumer group, and skips events for other"
        " functions.",
        "servers": _every_server(),
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
    }


def _commands_operations(function: str, channel: str, messages: list[str]) -> Schema:
    """The operation that receives the `messages` of a channel, and the operation by which keyturn sends the first of
    them.
    """
    found: Schema = {
        f"receive_{function}": {
            "action": "receive",
            "channel": {"$ref": f"#/channels/{channel}"},
            "title": f"{function} runs the events that are addressed to it, and bare commands",
            "messages": [_in(channel, name) for name in messages],
        }
    }
    if (text := _sent_by(function)) is not None:
        found[f"send_{function}"] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{channel}"},
            "title": text,
            "messages": [_in(channel, messages[0])],
        }
    return found


def _every_server() -> list[Schema]:
    return [{"$ref": f"#/servers/{name}"} for name in _SERVERS]


def _sent_by(function: str) -> str | None:
    """Which function of keyturn puts this function's commands on its queue, and when. None: none does."""
    if function == FOLLOW:
        return "An operation hands a pending change to follow_change, which hands it on until it has ended"
    if function == PLAN:
        return "plan_rotation continues by queue if a fleet does not fit into one invocation"
    return (
        "plan_rotation sends a command for each due credential; an operation sends a command again after a temporary"
        " refusal"
    )


def _results(schemas: dict[str, Schema]) -> Schema:
    event = move_to_components(outputs.result(), schemas)
    messages: Schema = {}
    for outcome in Outcome:
        messages[f"credential.{outcome.value}"] = {
            "name": f"keyturn.credential.{outcome.value}",
            "title": outcome.value,
            "summary": _MEANS[outcome],
            "contentType": _JSON,
            "payload": {"allOf": [event, outputs.of_outcome(outcome)]},
            "bindings": _KEY,
        }
    messages["rotation.report"] = {
        "name": TYPE,
        "title": "rotation report",
        "summary": "One page of the report on a rotation: what it listed and sent.",
        "contentType": _JSON,
        "payload": move_to_components(outputs.rotation_report(), schemas),
        "bindings": _KEY,
    }
    return messages


def _commands(schemas: dict[str, Schema]) -> Schema:
    messages: Schema = {}
    for function in functions():
        name = commands.model(function).__name__
        command = move_to_components(commands.command(function), schemas)
        event = commands.command_event(function)
        event.pop("$defs")
        event["properties"]["data"] |= command
        messages[f"command.{function}"] = {
            "name": f"keyturn.command.{function}",
            "title": f"{name} as a CloudEvent",
            "summary": "The command as an event's data, addressed to one function.",
            "contentType": _JSON,
            "payload": move_to_components(event, schemas, f"{name}Event"),
            "bindings": _KEY,
        }
        messages[f"bare.{function}"] = {
            "name": function,
            "title": f"{name}, bare",
            "summary": "The command is the whole message, or one of a list of 1 to 100.",
            "contentType": "application/json",
            "payload": commands.request(command["$ref"]),
            "bindings": _KEY,
        }
    return messages


def _in(channel: str, message: str) -> Schema:
    return {"$ref": f"#/channels/{channel}/messages/{message}"}
