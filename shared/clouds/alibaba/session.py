"""Alibaba Cloud through its official client, with every secret in the form body.

Source: alibabacloud-r-kvstore20150101 7.0.0 over alibabacloud-tea-openapi 0.4.6. The product's own methods put each
parameter into the URL, where exceptions, logs and gateways show it. So this module uses the client's `call_api`, which
takes a body. The client's default credential chain starts a thread and reads the environment once, so this module
passes the keys.
"""

from __future__ import annotations

import sys
from functools import cache
from types import SimpleNamespace
from typing import Any

from shared.clouds.alibaba.error_codes import ALIBABA_CODES
from shared.clouds.error_classification import error_from_code, error_if_never_sent
from shared.clouds.one_host import hold_all
from shared.clouds.session import Session
from shared.runtime import lazy_import, redaction
from shared.runtime.errors import Ambiguous, KeyturnError
from shared.runtime.tls import ca_path

_CONNECT_S = 3.0
_MOST_CONNECTIONS = 40  # idle ones for a host, as many as the client's own adapter keeps
VERSION = "2015-01-01"

# The client imports these, but a call by `call_api` with given keys does not use them: 500 files of models, hooks,
# coroutines, encodings other than UTF-8, files. One of them loads if an answer needs it.
_LATE = {
    "alibabacloud_gateway_spi.models",
    "alibabacloud_r_kvstore20150101.models",
    "asyncio",
    "charset_normalizer",
    "configparser",
    "idna",
    "zipfile",
}
# The client's ways to find keys, which keyturn does not need: they start threads, run programs and ask servers.
_CHAIN = {
    f"alibabacloud_credentials.provider.{module}": classes
    for module, classes in {
        "cli_profile": ["CLIProfileCredentialsProvider"],
        "cloud_sso": ["CloudSSOCredentialsProvider"],
        "default": ["DefaultCredentialsProvider"],
        "ecs_ram_role": ["EcsRamRoleCredentialsProvider"],
        "external": ["ExternalCredentialsProvider"],
        "oauth": ["OAuthCredentialsProvider"],
        "oidc": ["OIDCRoleArnCredentialsProvider"],
        "profile": ["ProfileCredentialsProvider"],
        "ram_role_arn": ["RamRoleArnCredentialsProvider"],
        "rsa_key_pair": ["RsaKeyPairCredentialsProvider"],
        "uri": ["URLCredentialsProvider"],
    }.items()
}


@cache
def _sdk() -> SimpleNamespace:
    """The client's classes, imported at the first call."""
    with lazy_import.deferred(_LATE.__contains__, _CHAIN):
        from alibabacloud_r_kvstore20150101.client import Client
        from alibabacloud_tea_openapi.client import Client as CoreClient
        from alibabacloud_tea_openapi.utils_models import Config, OpenApiRequest, Params
        from darabonba import core
        from darabonba.runtime import RuntimeOptions
    core.DaraCore.get_adapter = staticmethod(_adapter)
    hold_all(core)
    return SimpleNamespace(
        Client=Client,
        CoreClient=CoreClient,
        Config=Config,
        OpenApiRequest=OpenApiRequest,
        Params=Params,
        RuntimeOptions=RuntimeOptions,
    )


def _adapter(*_: object, pool_size: int | None = None) -> Any:
    """Makes the connections to a host, instead of the adapter of darabonba-core 1.0.9.

    The connections of that adapter share one TLS context, which trusts the system's CAs and certifi's. A given CA would
    be added to them, for ever. With this adapter each set of CAs has its own connections.
    """
    from requests.adapters import HTTPAdapter

    return HTTPAdapter(pool_maxsize=pool_size or _MOST_CONNECTIONS)


class AlibabaSession(Session):
    """One product's API in one region. By default it is R-kvstore, with its own client and that client's hosts.

    Query values must be text: the client cannot sign numbers.
    """

    cloud = "alibaba"
    version = VERSION

    def _made(self, sdk: SimpleNamespace, config: Any) -> Any:
        """Make the product's client."""
        return sdk.Client(config)

    def _client(self) -> Any:
        sdk = _sdk()
        keys, endpoint = self.access.keys, self.access.endpoint
        config = sdk.Config(
            access_key_id=keys.id,
            access_key_secret=keys.key.reveal(),
            security_token=keys.token.reveal() if keys.token else None,
            region_id=self.region,
            protocol="HTTPS",
        )
        if endpoint and endpoint.startswith("https://"):
            config.endpoint = endpoint.removeprefix("https://")
        elif endpoint:  # loopback: the request names and signs the real host, and goes to the endpoint as its proxy
            config.protocol = "HTTP"
            config.http_proxy = endpoint
        return self._made(sdk, config)

    def _load(self) -> None:
        _sdk()

    def _send(self, action: str, ids: dict[str, Any], secrets: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        client, sdk = self._client(), _sdk()
        redaction.guard_logs()
        params = sdk.Params(
            action=action,
            version=self.version,
            protocol="HTTPS",
            pathname="/",
            method="POST",
            auth_type="AK",
            style="RPC",
            req_body_type="formData",
            body_type="json",
        )
        request = sdk.OpenApiRequest(query=ids, body=secrets or None)
        runtime = sdk.RuntimeOptions(
            connect_timeout=int(min(_CONNECT_S, timeout_s) * 1000),
            read_timeout=int(timeout_s * 1000),
            ca=ca_path(self.access.endpoint, self.access.ca_file),
        )
        answer: Any = None
        failure: BaseException | None = None
        handled = sys.exc_info()[1]
        try:
            answer = client.call_api(params, request, runtime)
        # After any exception of the client, `requests` or `json` the call may have had its effect.
        except Exception as error:
            failure = error
        if failure is not None:
            raise _failed(action, failure, handled) from None
        # A redirect is not followed, and is no answer of the API, whatever its body says.
        body = answer.get("body") if isinstance(answer, dict) and answer.get("statusCode") == 200 else None
        if not isinstance(body, dict) or not isinstance(body.get("RequestId"), str):
            raise Ambiguous(f"{action} got an answer without a RequestId", code="NoRequestId")
        return body


def _failed(action: str, failure: BaseException, handled: BaseException | None) -> KeyturnError:
    code, status = getattr(failure, "code", None), getattr(failure, "status_code", None)
    request_id = getattr(failure, "request_id", None)
    if isinstance(status, int):  # it was answered
        return error_from_code(ALIBABA_CODES, action, code, request_id if isinstance(request_id, str) else None, status)
    if (unsent := error_if_never_sent(action, failure, handled)) is not None:
        return unsent
    shown = type(failure).__name__
    return Ambiguous(f"{action} got no readable answer ({shown})", code=shown)
