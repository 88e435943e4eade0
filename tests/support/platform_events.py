"""Events in the form of the platforms, with any command in them. Tests pass them to handlers."""

from __future__ import annotations

import json
from typing import Any

from shared.runtime.message_signing import sign
from shared.runtime.settings import handoff_keys

SCF, FC = "scf", "fc"
HTTP, TIMER, QUEUE = "http", "timer", "queue"


def event(
    command: Any, platform: str, trigger: str, *, name: str = "m-1", headers: dict[str, str] | None = None
) -> Any:
    """One event: a dict for SCF, bytes for FC. Another `name` gives the delivery another default CommandId."""
    body = command if isinstance(command, str) else json.dumps(command, ensure_ascii=False)
    shape = {(HTTP, SCF): _url, (HTTP, FC): _fc_http}.get((trigger, platform))
    if shape is not None:
        made: Any = shape(body, {"content-type": "application/json", **(headers or {})})
    elif trigger == TIMER:
        made = _timer(body, platform, name)
    else:
        made = _queue(body, platform, name)
    return made if platform == SCF else json.dumps(made).encode()


def _url(body: str, headers: dict[str, str]) -> dict[str, Any]:
    return {"httpMethod": "POST", "path": "/", "headers": headers, "queryString": {}, "body": body}


def _fc_http(body: str, headers: dict[str, str]) -> dict[str, Any]:
    http = {"method": "POST", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "203.0.113.9", "userAgent": "curl/8"}
    return {
        "version": "v1",
        "rawPath": "/",
        "headers": {key.title(): value for key, value in headers.items()},
        "queryParameters": {},
        "body": body,
        "isBase64Encoded": False,
        "requestContext": {"accountId": "1", "domainName": "x.fcapp.run", "requestId": "1-2-3", "http": http},
    }


def _timer(body: str, platform: str, name: str) -> dict[str, Any]:
    if platform == SCF:
        return {"Type": "Timer", "TriggerName": name, "Time": "2026-11-21T10:00:00Z", "Message": body}
    return {"triggerTime": "2026-11-21T10:00:00Z", "triggerName": name, "payload": body}


def _queue(body: str, platform: str, name: str) -> Any:
    if platform == SCF:
        record = {"topic": name, "Partition": 3, "offset": 7, "msgKey": "None", "msgBody": body}
        return {"Records": [{"Ckafka": record}]}
    return [
        {
            "specversion": "1.0",
            "id": f"envelope-{name}",
            "source": "commands",
            "type": "mns:Queue:SendMessage",
            "data": {"requestId": "r-1", "messageId": name, "messageBody": body},
        }
    ]


def batch(bodies: list[str]) -> dict[str, Any]:
    """A CKafka batch of these message bodies."""
    records = [
        {"Ckafka": {"topic": "t", "partition": 0, "offset": offset, "msgKey": "None", "msgBody": body}}
        for offset, body in enumerate(bodies)
    ]
    return {"Records": records}


def signed(event: dict[str, Any], key: str) -> dict[str, Any]:
    """A command event with the `mac` that keyturn would give it, for a value of KEYTURN_HANDOFF_KEY."""
    parts = {name: event[name] for name in ("type", "id", "subject", "data")}
    counts = {"attempt": event.get("attempt", 1), "hop": event.get("hop", 0)}
    return event | {"mac": sign(handoff_keys(key), **parts, **counts)}
