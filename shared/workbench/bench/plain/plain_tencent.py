"""A plain SCF handler, written by the vendor's pages: the whole SDK, one model, one call, no queue."""

from __future__ import annotations

import os
from typing import Any

from pydantic import BaseModel
from tencentcloud.common import credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.redis.v20180412 import models, redis_client


class Command(BaseModel):
    """The body of the request."""

    Region: str
    InstanceId: str
    AccountName: str
    AccountPassword: str


def main_handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Change the password. A refusal is also answered."""
    command = Command.model_validate_json(event["body"])
    keys = credential.Credential(
        os.environ["TENCENTCLOUD_SECRETID"],
        os.environ["TENCENTCLOUD_SECRETKEY"],
        os.environ["TENCENTCLOUD_SESSIONTOKEN"],
    )
    http = HttpProfile(protocol=os.environ["PLAIN_PROTOCOL"], endpoint=os.environ["PLAIN_ENDPOINT"])
    client = redis_client.RedisClient(keys, command.Region, ClientProfile(httpProfile=http))
    request = models.ModifyInstanceAccountRequest()
    request.InstanceId = command.InstanceId
    request.AccountName = command.AccountName
    request.AccountPassword = command.AccountPassword
    try:
        response = client.ModifyInstanceAccount(request)
    except TencentCloudSDKException as error:
        return {"statusCode": 500, "body": error.get_code()}
    return {"statusCode": 200, "body": str(response.TaskId)}
