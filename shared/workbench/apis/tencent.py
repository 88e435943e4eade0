"""One call of Tencent Cloud's API with the caller's own keys, by the vendor's official client.

This code does not use keyturn's code for reading answers, because `verify` checks what that code believes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.clouds.one_host import hold
from shared.clouds.tencent.session import host
from shared.workbench.apis.calls import TIMEOUT_S, CallLost, CallRefused, Effects, Pace

TENCENT_VERSIONS = {
    "redis": "2018-04-12",
    "tcr": "2019-09-24",
    "ssm": "2019-09-23",
    "scf": "2018-04-16",
    "ckafka": "2019-08-19",
    "cam": "2019-01-16",
    "sts": "2018-08-13",
    "cls": "2020-10-16",
}
_CALLS_PER_S = 20.0


def client_of(service: str, keys: Mapping[str, str], region: str, place: str, endpoint: str, timeout_s: float) -> Any:
    """The vendor's client, which calls the host `place`, or `endpoint` if that is set. It repeats no call."""
    from tencentcloud.common.common_client import CommonClient
    from tencentcloud.common.credential import Credential
    from tencentcloud.common.profile.client_profile import ClientProfile
    from tencentcloud.common.profile.http_profile import HttpProfile

    if endpoint.startswith("https://"):
        http = HttpProfile(endpoint=endpoint.removeprefix("https://"))
    elif endpoint:  # loopback: the client signs and sends the real host; the connection goes through a "proxy"
        http = HttpProfile(protocol="http", endpoint=place, proxy=endpoint)
    else:
        http = HttpProfile(endpoint=place)
    http.reqTimeout = int(timeout_s)
    credential = Credential(keys["id"], keys["key"], keys.get("token"))
    profile = ClientProfile(httpProfile=http, signMethod="TC3-HMAC-SHA256")
    client = CommonClient(service, TENCENT_VERSIONS[service], credential, region, profile)
    hold(client.request.conn._session)
    return client


class TencentApi:
    """Tencent Cloud's API in one region and site, unless a call names others."""

    cloud = "tencent"

    def __init__(self, keys: Mapping[str, str], region: str, site: str, endpoint: str) -> None:
        """`keys`: id, key and perhaps token. `endpoint`: as KEYTURN_TENCENT_ENDPOINT, or empty."""
        self.region, self.site = region, site
        self.keys, self.endpoint = dict(keys), endpoint
        self.effects = Effects()
        self._pace = Pace(_CALLS_PER_S)

    def in_region(self, region: str) -> TencentApi:
        """The same caller in another region."""
        return self if region == self.region else TencentApi(self.keys, region, self.site, self.endpoint)

    def call(
        self,
        service: str,
        action: str,
        parameters: Mapping[str, Any],
        *,
        region: str = "",
        endpoint_host: str = "",
        keys: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """The content of `Response`. `keys` replace single keys. A refusal may then be about them.

        Raises: CallRefused, CallLost, CallerRefused.
        """
        from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

        self._pace.wait(action)
        where = region or self.region
        place = endpoint_host or host(service, where, self.site)
        client = client_of(service, {**self.keys, **(keys or {})}, where, place, self.endpoint, TIMEOUT_S)
        failure: Exception | None = None
        envelope: Any = None
        try:
            envelope = client.call_json(action, dict(parameters))
        # The client may raise anything. Its text may hold the request.
        except Exception as error:
            failure = error
        if isinstance(failure, TencentCloudSDKException) and failure.requestId:
            raise self.effects.refusal(
                CallRefused(action, str(failure.code), 200, service), altered=keys is not None
            ) from None
        if failure is not None:
            self.effects.lost_or_taken(action)
            raise CallLost(action, failure, cloud=self.cloud, endpoint=self.endpoint) from None
        answer: dict[str, Any] = envelope["Response"]
        if "Error" in answer:  # the client takes an error for a success if the content type has a charset
            refused = CallRefused(action, str(answer["Error"].get("Code")), 200, service)
            raise self.effects.refusal(refused, altered=keys is not None)
        self.effects.lost_or_taken(action)
        return answer

    def refusal(self, service: str, action: str, parameters: Mapping[str, Any], **how: Any) -> str:
        """The code that refuses a call, or empty if the cloud accepted it. `how`: as for `call`.

        Raises: CallLost, CallerRefused.
        """
        try:
            self.call(service, action, parameters, **how)
        except CallRefused as refused:
            return refused.code
        return ""
