"""Fixtures that several files of this folder share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud.client.standin import Standin
from tests.workbench.deploy_site import PLATFORMS, Site


@pytest.fixture(params=PLATFORMS)
def site(request: pytest.FixtureRequest, cloud: Standin, tmp_path: Path) -> Iterator[Site]:
    """Two functions that nobody has deployed yet, on each platform in turn."""
    cloud.reset(active_s=0.02, rate=1000)
    yield Site(cloud, request.param, tmp_path)
    cloud.reset()
