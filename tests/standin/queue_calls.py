"""One message to each of the clouds' queues in the stand-in, by the vendors' own clients."""

from __future__ import annotations

from typing import Any

from mns.account import Account
from mns.mns_exception import MNSServerException
from mns.queue import Message

from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import call_tencent
from tests.support.vendor_calls import answer_or_code


def publish(standin: Standin, *bodies: str) -> Any:
    """What CKafka answers to one call with these messages, or the code that it refuses with."""
    messages = [{"Key": "k", "Body": body} for body in bodies]
    given = {"DataHubId": "datahub-demo01", "Message": messages}
    how = {"service": "ckafka", "version": "2019-08-19"}
    return answer_or_code(call_tencent, standin, "SendMessage", given, **how)


def send(standin: Standin, body: str) -> str:
    """What the vendor's client of SMQ makes of one message."""
    keys = standin.credentials["alibaba"]
    account = Account(standin.endpoint, keys["id"], keys["key"], keys["token"])
    account.mns_client.host = "1000000000000001.mns.cn-hangzhou.aliyuncs.com"
    try:
        return str(account.get_queue("keyturn-results").send_message(Message(body)).message_body_md5)
    except MNSServerException as error:
        return str(error.type)
    finally:
        account.mns_client.close_connection()
