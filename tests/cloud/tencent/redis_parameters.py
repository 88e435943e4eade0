"""The parameters of Tencent Redis' actions, and the rules for their values and pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.cloud.wire.service import ApiError, character_classes, parameter_table

_MOST_LISTED = 100

MODIFY_ACCOUNT = parameter_table(
    "InstanceId! AccountName! AccountPassword Remark ReadonlyPolicy:strs Privilege NoAuth:bool EncryptPassword:bool"
)
MODIFY_PASSWORD = parameter_table("InstanceId! OldPassword! Password!")
MODFIY_PASSWORD = parameter_table("InstanceId! OldPassword! Password! EncryptPassword:bool")
TASK_LIST = parameter_table(
    "InstanceId Limit:int Offset:int TaskTypes:strs BeginTime EndTime Result:ints OperateUin:strs",
    "InstanceName ProjectIds:ints TaskStatus:ints OperatorUin:ints",
)
INSTANCES = parameter_table(
    "Limit:int Offset:int InstanceId InstanceIds:strs Status:ints SearchKey SearchKeys:strs"
    " InstanceName InstanceTags:objects TagKeys:strs",
    "OrderBy OrderType:int VpcIds:strs SubnetIds:strs"
    " ProjectIds:ints UniqVpcIds:strs UniqSubnetIds:strs RegionIds:ints"
    " TypeVersion:int EngineName AutoRenew:ints BillingMode Type:int TypeList:ints"
    " MonitorVersion ProductVersions:strs AzMode",
)


def check_password(password: str, longest: int) -> None:
    """8 to 30 characters (64 for the old action), two classes of four, no leading `/`. Page 239/111555.

    Raises: ApiError.
    """
    # claims: R21, W3
    if not password:
        raise ApiError("InvalidParameter.EmptyParam", "The password is empty.")
    if not 8 <= len(password) <= longest or character_classes(password) < 2 or password.startswith("/"):
        raise ApiError("InvalidParameterValue.PasswordRuleError", "The password breaks the rules.")


def window(given: Mapping[str, Any]) -> tuple[int, int]:
    """Limit and offset of a page. Raises: ApiError."""
    # claims: R13
    limit, offset = given.get("Limit", 20), given.get("Offset", 0)
    if not 1 <= limit <= _MOST_LISTED or offset < 0 or offset % limit:
        raise ApiError("InvalidParameter.InvalidParameter", "Offset has to be a multiple of Limit.")
    return limit, offset
