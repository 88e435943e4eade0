"""For each operation: a command that changes the default world, and the calls that it makes."""

from __future__ import annotations

from typing import Any

from shared.workbench.bundle.operations import example_command, operations
from tests.conftest import ACCOUNT, PASSWORD, REGISTRY, TAIR, House

VALID_COMMANDS: dict[str, dict[str, Any]] = {
    **{function: example_command(function) for function in operations()},
    # These four are written out, because tests read them.
    ACCOUNT: {
        "InstanceId": "crs-demo0001",
        "AccountName": "app",
        "AccountPassword": "New-Passw0rd1",
        "Region": "ap-guangzhou",
    },
    PASSWORD: {
        "InstanceId": "crs-demo0001",
        "OldPassword": "Old-Passw0rd",
        "Password": "New-Passw0rd1",
        "Region": "ap-guangzhou",
    },
    REGISTRY: {
        "RegistryId": "tcr-demo0001",
        "Name": "robot",
        "Random": False,
        "Password": "NewPass123",
        "Region": "ap-guangzhou",
    },
    TAIR: {
        "InstanceId": "r-demo0001",
        "AccountName": "app",
        "OldAccountPassword": "Tair-Passw0rd",
        "NewAccountPassword": "New-Passw0rd1",
        "Region": "cn-hangzhou",
    },
}
ACTION = {
    ACCOUNT: "ModifyInstanceAccount",
    PASSWORD: "ModifyInstancePassword",
    REGISTRY: "ModifyServiceAccountPassword",
    TAIR: "ModifyAccountPassword",
}


def change_calls(house: House) -> list[str]:
    """The calls that may have changed something."""
    return [call["Action"] for call in house.cloud.calls() if not call["Action"].startswith("Describe")]
