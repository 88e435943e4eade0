"""One stand-in with two fleets for each module, and the functions of this process pointed at it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud.client.standin import Standin
from tests.conftest import House
from tests.rotation.fleet_world import WORLD


@pytest.fixture(scope="module")
def fleet_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standin]:
    world = tmp_path_factory.mktemp("fleet") / "world.toml"
    world.write_text(WORLD)
    with Standin(world) as running:
        yield running


@pytest.fixture
def fleet_house(fleet_cloud: Standin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    fleet_cloud.reset()
    made = House(fleet_cloud, tmp_path, monkeypatch)
    made.settings |= {"KEYTURN_COMMANDS": made.commands_url, "KEYTURN_RATE": "1000"}
    return made
