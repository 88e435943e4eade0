"""What the other tests see by a clock that they move, seen by the real one.

Seven minutes on Tencent, fifteen on Alibaba, so these are there only where KEYTURN_REAL_TIME=1 asks for them.
"""

from __future__ import annotations

import json
import os
import time
from datetime import datetime, timezone
from typing import Any

from shared.changes.settling import APART_S, SETTLING_S
from tests.conftest import ACCOUNT, TAIR, House, outcome, result
from tests.support import platform_events
from tests.support.store_contents import store_contents

MADE = {"Generate": {"Length": 20}}
SSM, KMS = "ssm://redis-crs-demo0001-app", "kms://tair-r-demo0001-app"

if os.environ.get("KEYTURN_REAL_TIME"):

    def test_a_redis_call_that_never_arrived_is_called_not_changed_after_the_settling_time(house: House) -> None:
        house.settings["KEYTURN_COMMANDS"] = house.commands_url
        house.cloud.faults([{"Action": "ModifyInstanceAccount", "Fault": "drop_before", "Times": 9}])
        command = {
            "InstanceId": "crs-demo0001",
            "AccountName": "app",
            "AccountPassword": MADE,
            "Deliver": {"Store": SSM},
        }
        began = time.monotonic()
        assert outcome(house.send(ACCOUNT, command | {"CommandId": "c-1"}, "scf", "queue")) == "pending"
        house.cloud.clear_faults()
        done: set[str] = set()
        data: dict[str, Any] = {}
        while not data:
            (one,) = [one for one in house.commands() if one["id"] not in done]
            due = datetime.fromisoformat(one["notbefore"].replace("Z", "+00:00"))
            time.sleep(max(0.0, (due - datetime.now(timezone.utc)).total_seconds()))
            done.add(one["id"])
            returned = house.deliver("follow_change", platform_events.event(json.dumps(one), "scf", "queue"))
            data = returned.value["Results"][0]["data"] if returned.value["Results"] else {}
        assert (data["Outcome"], data["Error"]["Code"]) == ("not_changed", "NotHappened"), data
        assert time.monotonic() - began >= SETTLING_S["tencent"] + APART_S - 20.0

    def test_a_tair_call_that_arrives_after_fourteen_minutes_still_finds_its_secret_in_the_store(house: House) -> None:
        house.cloud.faults([{"Action": "ModifyAccountPassword", "Fault": "late", "Seconds": 840.0, "Times": 9}])
        command = {"InstanceId": "r-demo0001", "AccountName": "app", "OldAccountPassword": {"SecretRef": KMS}}
        command |= {"NewAccountPassword": MADE, "Deliver": {"Store": KMS}}
        first = result(house.send(TAIR, command | {"CommandId": "c-1"}, "fc", "queue"))
        assert (first["Outcome"], first["Stored"]["Stage"]) == ("unknown", "pending"), first
        house.cloud.clear_faults()
        time.sleep(850.0)
        left = store_contents(house.cloud, KMS)
        assert not house.accepts("r-demo0001", "app", left.current)
        assert house.accepts("r-demo0001", "app", left.versions[first["Stored"]["Version"]])
        assert outcome(house.send(TAIR, command | {"CommandId": "c-2"}, "fc", "queue")) == "changed"
        assert house.accepts("r-demo0001", "app", store_contents(house.cloud, KMS).current)
