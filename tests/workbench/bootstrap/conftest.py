"""A stand-in whose account is empty, and the person who runs bootstrap in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud.client.standin import Standin
from tests.workbench.bootstrap.empty_account import CLOUDS, SERVICES, WORLD, Person


@pytest.fixture(scope="session")
def empty_standin() -> Iterator[Standin]:
    with Standin(WORLD) as running:
        yield running


@pytest.fixture(autouse=True)
def _at_the_stand_ins_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """The published rates of calls are kept elsewhere; here they would cost minutes."""
    for cloud in CLOUDS:
        monkeypatch.setattr("shared.workbench.apis.calls._APART_S", 0.3)
        monkeypatch.setattr(f"shared.workbench.apis.{cloud}._CALLS_PER_S", 1000.0)


@pytest.fixture
def empty_cloud(empty_standin: Standin) -> Standin:
    """Nothing is there, and no consent was given. A topic can be deleted at once, but where a test says otherwise."""
    empty_standin.reset(not_so=["Q9"])
    return empty_standin


@pytest.fixture(params=CLOUDS)
def person(request: pytest.FixtureRequest, empty_cloud: Standin, tmp_path: Path) -> Person:
    """In an account that is empty, but for the consents that somebody gave."""
    empty_cloud.activate(**dict.fromkeys(SERVICES, True))
    return Person(empty_cloud, request.param, tmp_path)
