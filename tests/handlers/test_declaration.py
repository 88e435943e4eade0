"""What derives from an operation's declaration: its names, its file, and what reads can tell of it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from functions import load_operation, packaged_operations
from shared.handlers.admission import AdmittedCommand, RefusedCommand
from shared.handlers.declaration import (
    Operation,
    Rotation,
    function_name,
)
from shared.handlers.follow import FollowChangeHandler
from shared.handlers.followed_change import Clocks, Ended, FollowedChange
from shared.handlers.handing_back import HandingBack
from shared.handlers.operation import OperationHandler
from shared.handlers.request import Handled, Request
from shared.handlers.rotation import PlanRotationHandler
from shared.workbench.scaffold.names import names_of
from tests.support.scripted_cloud import Cloud, SetPassword


@pytest.mark.parametrize(
    ("names", "function"),
    [
        (("tencent", "redis", "ModifyInstanceAccount"), "tencent_redis_modify_instance_account"),
        (("alibaba", "tair", "Reset"), "alibaba_tair_reset"),
        (("tencent", "tcr", "resetAll"), "tencent_tcr_reset_all"),
    ],
)
def test_a_function_is_named_by_cloud_service_and_action(names: tuple[str, str, str], function: str) -> None:
    assert function_name(*names) == function
    assert names_of(function) == names[:2]


@pytest.mark.parametrize(
    "name", ["", "follow_change", "tencent", "other_redis_set", "tencent_redis_", "tencent_Redis_x"]
)
def test_what_is_no_operation_s_name_has_neither_cloud_nor_service(name: str) -> None:
    assert names_of(name) == (None, None)


def test_an_operation_is_named_by_its_declaration_and_reads_what_its_follower_reads() -> None:
    assert Cloud().operation.function == "tencent_redis_set_password"
    assert (Cloud().operation.reconciles, Cloud(reconciles=False).operation.reconciles) == (True, False)
    assert Cloud(follows=False).operation.reconciles is False
    bare = Operation("SetPassword", "tencent", "redis", SetPassword, Cloud().operation.change, ())
    assert (bare.follower, bare.rotation) == (None, None)
    assert dict(Rotation(lambda access, region: None, ()).parameters) == {}  # type: ignore[arg-type, return-value]


def test_a_command_is_ready_once_it_is_declared() -> None:
    class Late(SetPassword):
        """Whose validator is not built before."""

    assert "MockValSer" in type(Late.__pydantic_validator__).__name__
    Operation("SetPassword", "tencent", "redis", Late, Cloud().operation.change, ())
    assert "MockValSer" not in type(Late.__pydantic_validator__).__name__


def test_the_operations_of_the_package_are_its_function_files_in_order() -> None:
    packaged = packaged_operations()
    assert packaged == tuple(sorted(packaged))
    assert "tencent_redis_modify_instance_account" in packaged
    assert {"follow_change", "plan_rotation"}.isdisjoint(packaged)
    for name in packaged[:1]:
        assert load_operation(name).function == name


@pytest.mark.parametrize("name", ["follow_change", "tencent_redis_no_such", "os", "../x"])
def test_what_is_not_packaged_is_not_imported(name: str) -> None:
    with pytest.raises(LookupError, match="no operation of this package, which has alibaba_"):
        load_operation(name)


# --- values that pass from step to step

FROZEN: list[type[Any]] = [
    *(AdmittedCommand, RefusedCommand, Operation, Rotation, Request, Handled, Ended, Clocks),
    *(OperationHandler, FollowChangeHandler, PlanRotationHandler),
]
BY_IDENTITY: list[type[Any]] = [
    *(AdmittedCommand, RefusedCommand, Operation, Rotation, Request, Handled, Clocks, FollowedChange, HandingBack),
    OperationHandler,
]
HIDDEN: list[type[Any]] = [AdmittedCommand, Request, Handled, HandingBack]


@pytest.mark.parametrize("kind", FROZEN)
def test_what_is_handed_from_step_to_step_does_not_change(kind: type[Any]) -> None:
    value = object.__new__(kind)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, dataclasses.fields(kind)[0].name, None)


@pytest.mark.parametrize("kind", BY_IDENTITY)
def test_what_holds_commands_and_ports_is_never_compared_by_them(kind: type[Any]) -> None:
    assert vars(kind).keys().isdisjoint({"__eq__", "__hash__"})


@pytest.mark.parametrize("kind", HIDDEN)
def test_what_holds_a_message_or_a_secret_does_not_print_it(kind: type[Any]) -> None:
    assert "__repr__" not in vars(kind)
