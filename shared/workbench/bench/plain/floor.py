"""The smallest cost of a signed call in Python: HTTP and HMAC of the standard library, no SDK, no model."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import time
from typing import Any


def main_handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Make the same call as plain_tencent.py."""
    command = json.loads(event["body"])
    region, body = command.pop("Region"), json.dumps(command).encode()
    host, now = os.environ["PLAIN_ENDPOINT"], int(time.time())
    date = time.strftime("%Y-%m-%d", time.gmtime(now))
    canonical = f"POST\n/\n\ncontent-type:application/json\nhost:{host}\n\ncontent-type;host\n{_digest(body)}"
    scope = f"{date}/redis/tc3_request"
    key = b"TC3" + os.environ["TENCENTCLOUD_SECRETKEY"].encode()
    for part in (date, "redis", "tc3_request", f"TC3-HMAC-SHA256\n{now}\n{scope}\n{_digest(canonical.encode())}"):
        key = hmac.digest(key, part.encode(), "sha256")
    credential = f"Credential={os.environ['TENCENTCLOUD_SECRETID']}/{scope}"
    headers = {
        "Content-Type": "application/json",
        "Host": host,
        "X-TC-Action": "ModifyInstanceAccount",
        "X-TC-Version": "2018-04-12",
        "X-TC-Region": region,
        "X-TC-Timestamp": str(now),
        "X-TC-Token": os.environ["TENCENTCLOUD_SESSIONTOKEN"],
        "Authorization": f"TC3-HMAC-SHA256 {credential}, SignedHeaders=content-type;host, Signature={key.hex()}",
    }
    connection = http.client.HTTPConnection(host, timeout=10)
    connection.request("POST", "/", body, headers)
    answer = json.load(connection.getresponse())["Response"]
    if "Error" in answer:
        return {"statusCode": 500, "body": answer["Error"]["Code"]}
    return {"statusCode": 200, "body": str(answer["TaskId"])}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
