"""A real RabbitMQ for one test, as distributions package it: its own ports and folder, on loopback only."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

import amqp

from tests.cloud.backends.child_processes import die_with_parent, free_port

USER, PASSWORD = "keyturn", "Br0ker/pass:w%rd"
_SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")  # the program on PATH changes the user
_START_S = 60.0
_STOP_S = 20.0


def missing_programs() -> str:
    """The programs that are not installed; empty if all are."""
    absent = [name for name in (str(_SERVER), "erl", "epmd") if not shutil.which(name)]
    return f"no RabbitMQ here (missing: {', '.join(absent)}); .ci/run installs it" if absent else ""


class RabbitMq:
    """Starts one node and its name server; a context manager. Raises: RuntimeError: the node does not start."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="standin-rabbitmq-"))
        self._names = free_port()
        self.port = free_port()
        (self._folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\ndefault_user = {USER}\ndefault_pass = {PASSWORD}\n"
            "log.file.level = error\nlog.console = false\n"
        )
        (self._folder / "plugins").write_text("[].\n")
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self._folder),
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self._names),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_CONF_ENV_FILE": str(self._folder / "none"),
            "RABBITMQ_CONFIG_FILE": str(self._folder / "rabbitmq.conf"),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._folder / "plugins"),
            "RABBITMQ_LOG_BASE": str(self._folder / "log"),
            "RABBITMQ_MNESIA_BASE": str(self._folder / "mnesia"),
            "RABBITMQ_NODENAME": f"standin{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_PID_FILE": str(self._folder / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        }
        names = ["epmd", "-port", str(self._names), "-address", "127.0.0.1"]
        self._epmd = self._popen(names)
        self._node: subprocess.Popen[bytes] | None = None
        try:
            self.start()
        except BaseException:
            self.stop()
            raise

    def url(self, queue: str, *, user: str = USER, password: str = PASSWORD, vhost: str = "") -> str:
        """The URL of a queue of this broker, as a setting has it."""
        return f"amqp://{user}:{quote(password, safe='')}@127.0.0.1:{self.port}/{vhost}?queue={queue}"

    def connection(self) -> Any:
        """An open connection of the client library. Raises: what py-amqp raises."""
        client = amqp.Connection(
            f"127.0.0.1:{self.port}", USER, PASSWORD, login_method="PLAIN", connect_timeout=5, read_timeout=10
        )
        try:
            client.connect()
        except BaseException:
            client.collect()
            raise
        return client

    def declare(self, queue: str, **arguments: Any) -> None:
        """Create a durable queue."""
        with self.connection() as client:
            client.channel().queue_declare(queue, durable=True, auto_delete=False, arguments=arguments)

    def start(self) -> None:
        """Start the node, and wait until it accepts connections."""
        (self._folder / "pid").unlink(missing_ok=True)
        self._node = self._popen([str(_SERVER)])
        until = time.monotonic() + _START_S
        while time.monotonic() < until and self._node.poll() is None:
            if self._answers():
                return
            time.sleep(0.1)
        raise RuntimeError("RabbitMQ did not start")

    def _answers(self) -> bool:
        try:
            self.connection().close()
        except (OSError, amqp.AMQPError):
            return False
        return True

    def freeze(self) -> None:
        """Stop the process. Its sockets stay open and receive what clients send."""
        os.kill(self._pid(), signal.SIGSTOP)

    def thaw(self) -> None:
        """Continue the process."""
        os.kill(self._pid(), signal.SIGCONT)

    def kill(self) -> None:
        """Kill the node, as a power cut would."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid(), signal.SIGKILL)
        self._end_group(self._node)

    def stop(self) -> None:
        """End the node and its name server, and remove the folder."""
        self._end_group(self._node)
        self._end_group(self._epmd)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _pid(self) -> int:
        return int((self._folder / "pid").read_text())

    def _popen(self, command: list[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )

    @staticmethod
    def _end_group(process: subprocess.Popen[bytes] | None) -> None:
        """End a process and its whole session: SIGTERM, then SIGKILL."""
        if process is None:
            return
        for how in (signal.SIGCONT, signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, how)
            except ProcessLookupError:
                break
            if how is signal.SIGTERM:
                try:
                    process.wait(_STOP_S)
                except subprocess.TimeoutExpired:
                    continue
        process.wait()

    def __enter__(self) -> RabbitMq:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
