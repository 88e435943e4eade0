"""What the vendors' clients import late is there, and is what the lists say."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path

import pytest

from shared.clouds.alibaba import session as alibaba_session
from shared.clouds.tencent import session as tencent_session


def _classes_of(module: str) -> set[str]:
    """The classes that a module's source defines; it is not run."""
    found = find_spec(module)
    assert found is not None, module
    assert found.origin is not None
    tree = ast.parse(Path(found.origin).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}


@pytest.mark.parametrize("module", sorted(alibaba_session._CHAIN))
def test_the_chain_that_is_left_out_is_the_one_that_the_client_has(module: str) -> None:
    assert set(alibaba_session._CHAIN[module]) <= _classes_of(module)


@pytest.mark.parametrize("module", sorted(alibaba_session._LATE | tencent_session._LATE))
def test_a_module_that_is_imported_late_is_there(module: str) -> None:
    assert find_spec(module) is not None


@pytest.mark.parametrize(
    ("module", "late"),
    [
        ("tencentcloud.redis.v20180412.models", True),
        ("tencentcloud.redis.v20180412.redis_client", False),
        ("other.models", False),
        ("idna", True),
        ("json", False),
    ],
)
def test_tencents_models_are_imported_late(module: str, late: bool) -> None:
    assert tencent_session._late(module) is late
