"""The code of the checks' function on FC. By its order it reports its event, prints, raises, or calls an API.

Its zip holds no other file, so it imports only the standard library.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import uuid
from http.client import HTTPConnection, HTTPSConnection
from typing import Any
from urllib.parse import quote


def handler(event: Any, context: Any) -> Any:
    """The order: the event itself, or the body of a request to the function's address."""
    told = json.loads(event)
    over_http = "do" not in told
    order = json.loads(told.get("body") or "{}") if over_http else told
    if order.get("do") == "raise":
        raise ValueError("as asked")
    if order.get("do") == "say":
        print("printed", order["printed"])
        return order["returned"]
    if not over_http:
        code = code_of_a_read(context.credentials, order["host"], order["endpoint"], order["region"])
        return json.dumps({"event": type(event).__name__, "code": code})
    asked = told.get("requestContext") or {}
    seen = {"fields": sorted(told), "context": sorted(asked), "version": told.get("version")}
    headers = {"Content-Type": "application/json", "X-Keyturn": "verify"}
    return {"statusCode": 201, "headers": headers, "isBase64Encoded": False, "body": json.dumps(seen)}


def code_of_a_read(keys: Any, host: str, endpoint: str, region: str) -> str:
    """An API's answer to these keys: a code, or an empty text if the API accepts the call. Never raises."""
    query = f"RegionId={quote(region, safe='')}"
    try:
        local = endpoint.startswith("http://")
        connection = HTTPConnection(endpoint[7:], timeout=5) if local else HTTPSConnection(host, timeout=5)
        connection.request("POST", f"/?{query}", headers=signed(keys, host, query))
        answer = json.loads(connection.getresponse().read())
        return str(answer.get("Code") or "")
    except Exception as error:
        return f"no answer ({type(error).__name__})"


def signed(keys: Any, host: str, query: str) -> dict[str, str]:
    """The headers of an ACS3 request without a body."""
    empty = hashlib.sha256(b"").hexdigest()
    headers = {
        "host": host,
        "x-acs-action": "DescribeInstances",
        "x-acs-content-sha256": empty,
        "x-acs-date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "x-acs-security-token": keys.security_token,
        "x-acs-signature-nonce": uuid.uuid4().hex,
        "x-acs-version": "2015-01-01",
    }
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    request = "\n".join(("POST", "/", query, lines, names, empty))
    text = "ACS3-HMAC-SHA256\n" + hashlib.sha256(request.encode()).hexdigest()
    signature = hmac.new(keys.access_key_secret.encode(), text.encode(), "sha256").hexdigest()
    credential = f"Credential={keys.access_key_id},SignedHeaders={names},Signature={signature}"
    return {**headers, "authorization": f"ACS3-HMAC-SHA256 {credential}"}
