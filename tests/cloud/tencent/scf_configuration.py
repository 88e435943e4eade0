"""A function's configuration, as SCF's API accepts and shows it.

Claims: D8, D9, D13, D15, D17, P10, P11.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.cloud.functions import validation
from tests.cloud.state.log_places import LogPlaces
from tests.cloud.state.world import World
from tests.cloud.tencent.scf_triggers import invalid_environment, invalid_value, unknown_field
from tests.cloud.wire.service import ApiError, parameter_table

_HANDLER = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,58}[A-Za-z]\.[A-Za-z][A-Za-z0-9_-]{0,58}[A-Za-z]")
_CLS_ID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_RESERVED = ("SCF_", "QCLOUD_", "TENCENTCLOUD_", "TECENTCLOUD_", "_SCF_")

CODE = parameter_table(
    "ZipFile!", "CosBucketName CosObjectName CosBucketRegion DemoId TempCosObjectName ImageConfig:object"
)
_PLAIN = re.compile(r"[A-Za-z0-9_]*")
_NO_PAIR = {"Key": "", "Value": ""}
_QUIET = "IgnoreSysLog"
_ENVIRONMENT = parameter_table("Variables!:objects")
PAIR = parameter_table("Key! Value!")
_NETWORK = parameter_table("VpcId SubnetId")
_DEAD_LETTER = parameter_table("Type! Name! FilterType")
FIELDS = (
    "FunctionName! Handler Description MemorySize:int Timeout:int Environment:object Runtime Namespace Role "
    "DeadLetterConfig:object InitTimeout:int ClsLogsetId ClsTopicId VpcConfig:object"
)
NOT_IMPLEMENTED = (
    "InstallDependency Layers:objects PublicNetConfig:object CfsConfig:object "
    "ProtocolParams:object InstanceConcurrencyConfig:object DnsCache IntranetConfig:object"
)


def spec_fields(given: Mapping[str, Any], defaults: Mapping[str, Any], world: World) -> dict[str, Any]:
    """The fields of FunctionSpec in a configuration. Raises: ApiError."""
    said = {**defaults, **given}
    if "Handler" in given:
        check_handler(given["Handler"])
    if said["Runtime"] != "Python3.10" or not world.holds("P10"):
        raise invalid_value("Runtime", "is none that the stand-in runs: Python3.10")
    if said["MemorySize"] != 64 and (said["MemorySize"] % 128 or not 128 <= said["MemorySize"] <= 3072):
        raise invalid_value("MemorySize", "is not 64 or 128 to 3072 in steps of 128")
    if not 1 <= said["Timeout"] <= 900:
        raise ApiError("LimitExceeded.Timeout", "Timeout is 1 to 900.")
    if "DeadLetterConfig" in said:
        validation.check_fields(said["DeadLetterConfig"], _DEAD_LETTER, unknown_field, "DeadLetterConfig")
    net = said.get("VpcConfig", {})
    validation.check_fields(net, _NETWORK, unknown_field, "VpcConfig")
    if bool(net.get("VpcId")) is not bool(net.get("SubnetId")):
        raise invalid_value("VpcConfig", "is not a VPC and a subnet")
    cls = [said.get("ClsLogsetId", ""), said.get("ClsTopicId", "")]
    if any(cls) and not all(_CLS_ID.fullmatch(one) for one in cls):
        raise invalid_value("Cls", "is not the id of a log set and that of a topic")
    environment = said.get("Environment") or {"Variables": []}
    validation.check_fields(environment, _ENVIRONMENT, unknown_field, "Environment")
    for pair in environment["Variables"]:
        validation.check_fields(pair, PAIR, unknown_field, "Environment.Variables")
    pairs = {pair["Key"]: pair["Value"] for pair in environment["Variables"]}
    if not world.holds("P11") and any(not _PLAIN.fullmatch(value) for value in pairs.values()):
        raise invalid_environment("Environment", "holds more than letters, digits and _")
    return {
        "runtime": "3.10",
        "memory_mb": said["MemorySize"],
        "timeout_s": said["Timeout"],
        "environment": validation.check_environment(pairs, _RESERVED, invalid_environment),
        "role": said["Role"],
        "limit_unit": 1000 if world.holds("P1") else 1,
        "log_place": cls[1],
    }


def check_logs(given: Mapping[str, Any], region: str, logs: LogPlaces) -> None:
    """Raises: ApiError: the function's CLS topic does not exist.

    Claims: L3.
    """
    topic = given.get("ClsTopicId", "")
    if topic and not logs.has_topic(region, given.get("ClsLogsetId", ""), topic):
        raise ApiError("FailedOperation.TopicNotExist", "The CLS topic does not exist.")


def changed_configuration(said: Mapping[str, Any], given: Mapping[str, Any], world: World) -> dict[str, Any]:
    """A configuration after an update. Fields that the update leaves out stay. An empty list of variables changes none.

    Raises: ApiError.
    """
    if given.get("Runtime", said["Runtime"]) != said["Runtime"]:
        raise invalid_value("Runtime", "cannot be changed")
    if {"ClsLogsetId", "ClsTopicId"} & given.keys() and not given.get("Role"):
        raise ApiError("InvalidParameterValue.ClsRole", "A change of Cls settings takes the Role as well.")
    if _QUIET in given and not world.holds("D17"):
        raise unknown_field(_QUIET, "is not a field of it")
    after = {**said, **shown_configuration(given, defaults=False)}
    if world.holds("D13") and "Environment" in given:
        pairs = given["Environment"].get("Variables")
        after["Environment"] = {"Variables": []} if pairs == [_NO_PAIR] else given["Environment"]
        if pairs == []:
            after["Environment"] = said["Environment"]
    if not world.holds("D8") and "DeadLetterConfig" not in given:
        after.pop("DeadLetterConfig", None)
    if not world.holds("D15") and not after["VpcConfig"].get("VpcId"):
        after["VpcConfig"] = said["VpcConfig"]
    if not world.holds("D9") and "ClsTopicId" not in given:
        after |= {"ClsLogsetId": "", "ClsTopicId": ""}
    return after


def answered(said: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration as GetFunction shows it. It does not show whether the log leaves out the platform's own lines."""
    return {name: value for name, value in said.items() if name != _QUIET}


def told(said: Mapping[str, Any]) -> dict[str, Any]:
    """The further fields that tests may see."""
    return {_QUIET: bool(said.get(_QUIET))}


def shown_configuration(given: Mapping[str, Any], *, defaults: bool = True) -> dict[str, Any]:
    """A configuration in the form in which it is kept."""
    unset = {
        "Description": "", "Handler": "index.main_handler", "MemorySize": 128, "Timeout": 3, "Runtime": "Python2.7",
        "Role": "", "Environment": {"Variables": []}, "Type": "Event", "InitTimeout": 65,
        "ClsLogsetId": "", "ClsTopicId": "", "VpcConfig": {"VpcId": "", "SubnetId": ""},
    }  # fmt: skip
    names = {*unset, "DeadLetterConfig", _QUIET}
    return (unset if defaults else {}) | {name: value for name, value in given.items() if name in names}


def check_handler(handler: str) -> None:
    """Raises: ApiError: SCF does not accept this handler."""
    if not _HANDLER.fullmatch(handler):
        raise invalid_value("Handler", "is not file.function, 2 to 60 characters each")
