"""One stand-in for the whole run, put back to its first state before each test that asks for it."""

from __future__ import annotations

import fcntl
import json
import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shared.handlers.adapters import open_inbox
from shared.runtime import redaction
from shared.workbench.bundle.loading import load
from shared.workbench.package.zips import BuiltZip, build_zips
from tests.cloud.backends.rabbitmq import RabbitMq
from tests.cloud.client.logins import redis_accepts, registry_accepts
from tests.cloud.client.standin import Standin
from tests.cloud.invocation.bootstrap import invocation_context
from tests.cloud.invocation.runtime import InvocationResult, platform_environment, role_keys
from tests.cloud.state.checkout import ROOT
from tests.support import platform_events
from tests.support.programs import CHROMIUM, PYTHON_3_10, RABBITMQ, require_program

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ACCOUNT = "tencent_redis_modify_instance_account"
PASSWORD = "tencent_redis_modify_instance_password"
REGISTRY = "tencent_tcr_modify_service_account_password"
TAIR = "alibaba_tair_modify_account_password"


@dataclass(frozen=True)
class Packages:
    """The zips: in which folder, and what is known of each, by cloud and function."""

    dist: Path
    built: dict[tuple[str, str], BuiltZip]


@pytest.fixture(autouse=True)
def _secrets_of_this_test_alone() -> Iterator[None]:
    """A process learns the secrets that it meets; another test's would be masked in this one's results."""
    yield
    with redaction._lock:
        redaction._known.clear()
        redaction._groups.clear()


@pytest.fixture(scope="session")
def standin() -> Iterator[Standin]:
    with Standin() as running:
        yield running


@pytest.fixture(scope="session")
def tls_standin() -> Iterator[Standin]:
    """The same over TLS, for the tests that ask for it."""
    with Standin(tls=True) as running:
        yield running


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    """Every function's zip for its platform, built once for all the processes that run tests."""
    require_program(PYTHON_3_10)
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder, record = shared / "packages", shared / "packages.pickle"
    with (shared / "packages.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not record.exists():
            descriptions = [load(ROOT / "serverless.yml", cloud, {}) for cloud in ("tencent", "alibaba")]
            built = {
                (one.cloud, zipped.spec.module): zipped for one in descriptions for zipped in build_zips(one, folder)
            }
            record.write_bytes(pickle.dumps(built))
        return Packages(folder, pickle.loads(record.read_bytes()))


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitMq]:
    """One broker for all tests that want one: starting it costs seconds of both cores. They run in one process."""
    require_program(RABBITMQ)
    with RabbitMq() as running:
        yield running


@pytest.fixture
def cloud(standin: Standin) -> Standin:
    standin.reset()
    return standin


# As root in a container, and without the calls home that a browser makes at its start.
_CHROMIUM = """--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium, headless."""
    chromium = require_program(CHROMIUM)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=_CHROMIUM.split())
        yield opened
        opened.close()


HANDOFF_KEY = "c2lnbnMtd2hhdC1rZXl0dXJuLXNlbmRzLWl0c2VsZi4"


class House:
    """Calls handlers in this process, as a platform would, and reads what came out of the queues."""

    def __init__(self, cloud: Standin, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.cloud = cloud
        self.results_url = f"sqlite://{folder / 'results.db'}"
        self.commands_url = f"sqlite://{folder / 'commands.db'}"
        self.settings = {
            "KEYTURN_RESULTS": self.results_url,
            "KEYTURN_HANDOFF_KEY": HANDOFF_KEY,
            "KEYTURN_TENCENT_ENDPOINT": cloud.endpoint,
            "KEYTURN_ALIBABA_ENDPOINT": cloud.endpoint,
            **({"KEYTURN_CA_FILE": cloud.ca} if cloud.ca else {}),
        }
        self._patch = patch

    def send(
        self, function: str, command: Any, platform: str = "scf", trigger: str = "http", **how: Any
    ) -> InvocationResult:
        """One command in one event of the kind."""
        timeout_s = how.pop("timeout_s", 20.0)
        return self.deliver(
            function, platform_events.event(command, platform, trigger, **how), platform, timeout_s=timeout_s
        )

    def deliver(self, function: str, event: Any, platform: str = "scf", *, timeout_s: float = 20.0) -> InvocationResult:
        """One event to one handler; what it raises is given back, not raised."""
        with self.environment(function, platform) as patch:
            context = invocation_context(platform, function, timeout_s, role_keys(platform), patch.setenv)
            handler: Callable[[Any, Any], Any] = import_module(f"functions.{function}").main_handler
            try:
                with self.cloud.in_world_time():
                    return InvocationResult(json.loads(json.dumps(handler(event, context))), None, "", 0.0)
            except Exception as error:
                return InvocationResult(None, error, "", 0.0)

    @contextmanager
    def environment(self, function: str, platform: str) -> Iterator[pytest.MonkeyPatch]:
        """This process's environment as the platform would set it, for a while."""
        with self._patch.context() as patch:
            for name in list(os.environ):
                if name.startswith(("KEYTURN_", "TENCENTCLOUD_", "ALIBABA_CLOUD_", "FC_", "SCF_")):
                    patch.delenv(name)
            for name, value in platform_environment(function, platform, self.settings).items():
                patch.setenv(name, value)
            yield patch

    def results(self) -> list[dict[str, Any]]:
        """Every event on the results queue, oldest first."""
        return self._events(self.results_url)

    def commands(self) -> list[dict[str, Any]]:
        """Every event that waits on the commands queue."""
        return self._events(self.commands_url)

    def _events(self, url: str) -> list[dict[str, Any]]:
        inbox = open_inbox(url)
        try:
            return [json.loads(stored.message.body) for stored in inbox.peek()]
        finally:
            inbox.close()

    def accepts(self, resource: str, account: str, password: str) -> bool:
        """Whether the real server takes this password now."""
        if resource in self.cloud.registry:
            return registry_accepts(self.cloud.registry[resource], f"tcr${account}", password)
        return redis_accepts(self.cloud.redis[resource], password, None if account == "root" else account)


@pytest.fixture
def house(cloud: Standin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    return House(cloud, tmp_path, monkeypatch)


def outcome(returned: InvocationResult) -> str:
    """The outcome that a reply to one command tells."""
    return str(result(returned)["Outcome"])


def result(returned: InvocationResult) -> dict[str, Any]:
    """The data of the one result in what a handler returned."""
    if returned.error is not None:
        raise AssertionError(f"the handler raised {type(returned.error).__name__}: {returned.error}")
    event = returned.body["Result"] if "statusCode" in returned.value else returned.value["Results"][0]
    data: dict[str, Any] = event["data"]
    return data
