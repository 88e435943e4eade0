"""A plain FC handler, written by the vendor's pages: the product's SDK, one model, one call, no queue."""

from __future__ import annotations

import json
import os
from typing import Any

from alibabacloud_r_kvstore20150101 import models
from alibabacloud_r_kvstore20150101.client import Client
from alibabacloud_tea_openapi import models as open_api_models
from pydantic import BaseModel


class Command(BaseModel):
    """The body of the request."""

    InstanceId: str
    AccountName: str
    OldAccountPassword: str
    NewAccountPassword: str


def main_handler(event: bytes, context: Any) -> dict[str, Any]:
    """Change the password. A refusal is also answered."""
    command = Command.model_validate_json(json.loads(event)["body"])
    config = open_api_models.Config(
        access_key_id=context.credentials.access_key_id,
        access_key_secret=context.credentials.access_key_secret,
        security_token=context.credentials.security_token,
        endpoint=os.environ["PLAIN_ENDPOINT"],
        protocol=os.environ["PLAIN_PROTOCOL"],
    )
    request = models.ModifyAccountPasswordRequest(
        instance_id=command.InstanceId,
        account_name=command.AccountName,
        old_account_password=command.OldAccountPassword,
        new_account_password=command.NewAccountPassword,
    )
    try:
        response = Client(config).modify_account_password(request)
    except Exception as error:  # the SDK documents no class for its errors
        return {"statusCode": 500, "body": str(getattr(error, "code", ""))}
    return {"statusCode": 200, "body": response.body.request_id}
