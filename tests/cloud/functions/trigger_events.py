"""Events as the platforms' own triggers deliver them, for a message of a queue and for a timer."""

from __future__ import annotations

import json
import time
from hashlib import sha256
from typing import Any

from tests.cloud.functions.platform_names import SCF
from tests.cloud.state.accounts import ALIBABA_ACCOUNT


def queue_event(body: str, platform: str, name: str | int, *, amqp: bool = False, now: float | None = None) -> bytes:
    """The event for a message of a queue. `name` is the broker's name for the message.

    To SCF: CKafka, or EventBridge's connector for AMQP. To FC: SMQ or RabbitMQ through EventBridge.
    `now`: the time of the delivery in epoch seconds; the default is the real time.
    """
    message_id = str(name)
    if platform == SCF and not amqp:
        # A message keeps its place over redeliveries. Its place identifies a bare command.
        offset = int(sha256(message_id.encode()).hexdigest()[:12], 16)
        record = {"topic": "keyturn-commands", "Partition": 0, "offset": offset, "msgKey": "None", "msgBody": body}
        return json.dumps({"Records": [{"Ckafka": record}]}).encode()
    event: dict[str, Any] = {
        "id": f"envelope-{message_id}",
        "source": "keyturn-commands",
        "specversion": "1.0",
        "type": "mns:Queue:SendMessage",
        "datacontenttype": "application/json; charset=utf-8",
        "subject": f"acs:mns:cn-hangzhou:{ALIBABA_ACCOUNT}:queues/keyturn-commands",
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
        "data": {"requestId": message_id, "messageId": message_id, "messageBody": body},
    }
    if amqp:
        delivery = {"deliveryTag": 1, "redeliver": False, "exchange": "", "routingKey": "keyturn-commands"}
        event |= {
            "type": "connector:amqp" if platform == SCF else "amqp:Queue:SendMessage",
            "subject": "qcs::amqp:keyturn-commands" if platform == SCF else "acs:amqp:cn-hangzhou:keyturn-commands",
            "data": {"envelope": delivery, "props": {"messageId": message_id}, "body": body},
        }
    return json.dumps(event if platform == SCF else [event]).encode()


def timer_event(platform: str, name: str, moment: str, message: str) -> bytes:
    """The event of a timer with that name and message at a moment (RFC 3339)."""
    if platform == SCF:
        event = {"Type": "Timer", "TriggerName": name, "Time": moment, "Message": message}
    else:
        event = {"triggerTime": moment, "triggerName": name, "payload": message}
    return json.dumps(event).encode()
