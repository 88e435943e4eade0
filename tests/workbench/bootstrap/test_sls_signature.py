"""The workbench's own signer of SLS, against what the vendor published and what the vendor's client made.

The client itself is no referee here: it needs packages that have no wheels, and the lock takes nothing else. One
signature of it was recorded, and the tests' own signer is held to the same one.
"""

from __future__ import annotations

import pytest

from shared.workbench.apis import sls
from tests.cloud.client.sls_client import sls_signature

KEYS = {"id": "id", "key": "key", "token": "token"}


def test_the_published_example_gives_its_published_signature() -> None:
    """Example 1 of "Request signatures" (help 29012)."""
    headers = {
        "date": "Mon, 09 Nov 2015 06:11:16 GMT",
        "x-log-apiversion": "0.6.0",
        "x-log-signaturemethod": "hmac-sha1",
    }
    target = "/logstores?logstoreName=&offset=0&size=1000"
    assert sls.signature("4fdO2fTDDnZPU/L7CHNdemB2Nsk=", "GET", target, headers) == "jEYOTCJs2e88o+y5F4/S5IsnBJQ="


def test_a_request_is_signed_as_the_vendors_client_signed_it() -> None:
    """alibabacloud-gateway-sls 0.4.2; headers of no name that is signed count for nothing."""
    headers = {
        "content-type": "application/json",
        "date": "Sun, 01 Mar 2026 02:00:00 GMT",
        "x-log-apiversion": "0.6.0",
        "x-log-bodyrawsize": "0",
        "x-log-signaturemethod": "hmac-sha256",
        "x-acs-security-token": "token",
        "accept": "application/json",
    }
    recorded = "Tq0J9vptxMQevR7AhcSguXuQRcvs0/k399o4oXbtqSs="
    assert sls.signature("key", "DELETE", "/?forceDelete=false", headers) == recorded


@pytest.mark.parametrize("body", [b"", b'{"projectName": "mine"}'])
@pytest.mark.parametrize("keys", [KEYS, {"id": "id", "key": "key"}])
def test_all_that_is_sent_is_signed_as_the_other_signer_has_it(keys: dict[str, str], body: bytes) -> None:
    headers = sls.signed(keys, "POST", "/?offset=0&size=50", body)
    expected = sls_signature("key", "POST", "/", {"size": "50", "offset": "0"}, headers)
    assert headers["authorization"] == f"LOG id:{expected}"
    assert headers["x-log-bodyrawsize"] == str(len(body)) and ("content-md5" in headers) is bool(body)
