"""The HTTP reply: its status, headers and body."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from shared.handlers.request import Handled
from shared.results.result_event import http_status
from shared.triggers import Delivery

if TYPE_CHECKING:
    from shared.results.event_types import Replies, Reply

RETRY_AFTER_S = "5"


def http_reply(delivery: Delivery, reports: list[Handled]) -> dict[str, Any]:
    statuses = [http_status(report.event) if report.event else 202 for report in reports]
    passwords = [report.password.reveal() if report.password else None for report in reports]
    delivered = all(report.delivered for report in reports)
    if not delivery.many:
        one: Reply = {"Result": reports[0].event, "Delivered": delivered}
        if passwords[0] is not None:
            one["Password"] = passwords[0]
        if reports[0].rotation is not None:
            one["Rotation"] = reports[0].rotation
            one["Continues"] = reports[0].continues
        return http(statuses[0], one)
    many: Replies = {"Results": [report.event for report in reports], "Delivered": delivered}
    if any(passwords):
        many["Passwords"] = passwords  # one for each result, in order
    if any(report.rotation for report in reports):
        many["Rotations"] = [report.rotation for report in reports]
        many["Continues"] = any(report.continues for report in reports)
    return http(200 if all(status == 200 for status in statuses) else 207, many)


def http(status: int, body: Mapping[str, Any]) -> dict[str, Any]:
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    if status in (202, 429, 503) or (status == 409 and _is_busy(body)):
        headers["Retry-After"] = RETRY_AFTER_S
    if status == 405:
        headers["Allow"] = "POST"
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return {"isBase64Encoded": False, "statusCode": status, "headers": headers, "body": text}


def _is_busy(body: Mapping[str, Any]) -> bool:
    error = ((body.get("Result") or {}).get("data") or {}).get("Error") or {}
    return bool(error.get("Class") == "busy")
