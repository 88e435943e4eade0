"""Calls of the vendors' SDKs that change a password of the default world, and the results of such calls."""

from __future__ import annotations

from typing import Any

from darabonba.exceptions import DaraException, UnretryableException
from requests.exceptions import RequestException
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from tests.cloud.client.standin import Standin

REDIS, TAIR = "crs-demo0001", "r-demo0001"

TURN = {"InstanceId": REDIS, "OldPassword": "Old-Passw0rd", "Password": "New-Passw0rd"}

APP = {"InstanceId": TAIR, "AccountName": "app"}

TAIR_TURN = {"OldAccountPassword": "Tair-Passw0rd", "NewAccountPassword": "New-Passw0rd"}

ROBOT = {"RegistryId": "tcr-demo0001", "Name": "robot", "Random": True}


def answer_or_code(call: Any, *arguments: Any, **how: Any) -> Any:
    """The answer, or the code of the client's exception (its class, if it has no code)."""
    try:
        return call(*arguments, **how)
    except (TencentCloudSDKException, DaraException) as error:
        return error.code
    except (UnretryableException, RequestException, ValueError) as error:
        return type(error).__name__


def times_applied(standin: Standin, service: str, instance: str, account: str) -> int:
    """How often the account's password was set."""
    count: int = standin.state()[service]["instances"][instance][account]["Applied"]
    return count
