"""`make cloud`: runs a stand-in for both clouds on one loopback port, until it is told to stop.

When it is ready, it prints one line of JSON with its addresses to standard output, and nothing more.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import json
import resource
import signal
import ssl
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import tomli
from pydantic import ValidationError

from shared.runtime.spelling import meant
from shared.workbench.environment.command_line import WRONG_USE, CommandLine
from shared.workbench.environment.file_problems import why
from shared.workbench.environment.terminal import complain
from tests.cloud.actions import answer_more
from tests.cloud.alibaba.eventbridge import AlibabaEventbridge
from tests.cloud.alibaba.fc import AlibabaFc
from tests.cloud.alibaba.kms import AlibabaKms
from tests.cloud.alibaba.kvstore import AlibabaKvstore
from tests.cloud.alibaba.ram import AlibabaRam
from tests.cloud.alibaba.sls import AlibabaSls
from tests.cloud.alibaba.sts import AlibabaSts
from tests.cloud.backends.redis_pool import RedisPool
from tests.cloud.functions.platforms import FunctionPlatforms
from tests.cloud.identity.identities import Identities
from tests.cloud.queues.broker import MessageBroker
from tests.cloud.queues.ckafka import TencentCkafka
from tests.cloud.queues.kafka_topics import KafkaTopics
from tests.cloud.queues.mns_open import AlibabaMnsOpen
from tests.cloud.queues.smq import AlibabaSmq
from tests.cloud.queues.smq_queues import SmqQueues
from tests.cloud.server.certificates import CertificateAuthority, ca_file
from tests.cloud.server.http_server import HttpServer
from tests.cloud.state.checkout import ROOT
from tests.cloud.state.history import History
from tests.cloud.state.log_places import LogPlaces
from tests.cloud.state.world import DEFAULT_WORLD, World, load_world
from tests.cloud.state.world_clock import Clock
from tests.cloud.tencent.cam import TencentCam
from tests.cloud.tencent.cls import TencentCls
from tests.cloud.tencent.redis import TencentRedis
from tests.cloud.tencent.scf import TencentScf
from tests.cloud.tencent.ssm import TencentSsm
from tests.cloud.tencent.sts import TencentSts
from tests.cloud.tencent.tcr import TencentTcr
from tests.cloud.wire.service import Service

_LAST_PORT = 65_535


def main(argv: list[str]) -> int:
    """Serve until SIGTERM, SIGINT or SIGHUP; 0 then, 2 if it cannot start (its world, its port, a server behind it)."""
    parser = CommandLine(
        "python -m tests.cloud serve",
        __doc__,
        "make cloud",
        "make cloud PORT=8765 WORLD=tests/cloud/empty.toml TLS=1",
    )
    parser.add_argument("--port", type=_port, default=0, help="0, the default, takes a free port")
    parser.add_argument(
        "--world", type=Path, default=DEFAULT_WORLD, help="a TOML file in the form of the default world"
    )
    parser.add_argument(
        "--tls", action="store_true", help="use TLS at https://localhost, with a CA that is made at the start"
    )
    options = parser.parse_args(argv)
    _raise_open_files()
    try:
        world = _world(options.world)
        asyncio.run(serve(options.port, world, options.world, tls=options.tls))
    except (OSError, RuntimeError, ValueError) as error:
        complain(f"serve: the stand-in cannot start: {_reason(error, options.port)}")
        return WRONG_USE
    return 0


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) <= _LAST_PORT):
        raise argparse.ArgumentTypeError(f"PORT={text} is no number from 0 to {_LAST_PORT}; 0 takes a free one")
    return int(text)


def _world(path: Path) -> World:
    """The world in a file. Raises: OSError; ValueError: the file cannot be read, with a message for a person."""
    try:
        return load_world(path)
    except OSError as error:
        offered = meant(str(path), map(str, DEFAULT_WORLD.relative_to(ROOT).parent.glob("*.toml")))
        raise ValueError(f"WORLD={path} cannot be read: {why(error)}{offered}") from None
    except UnicodeDecodeError:
        raise ValueError(f"WORLD={path} is not TOML: it is no UTF-8 text") from None
    except tomli.TOMLDecodeError as error:
        raise ValueError(f"WORLD={path} is not TOML: {error}") from None
    except ValidationError as error:
        found = error.errors(include_input=False, include_context=False, include_url=False)
        first = next((one for one in found if one["type"] == "extra_forbidden"), found[0])
        place, wrong = ".".join(map(str, first["loc"])), str(first["msg"])
        if first["type"] == "extra_forbidden":
            wrong = f"there is no such key{meant(place, World.model_fields)}"
        raise ValueError(f"WORLD={path}: {place}: {wrong}") from None


def _reason(error: Exception, port: int) -> str:
    if isinstance(error, OSError) and port and error.errno in (errno.EADDRINUSE, errno.EACCES):
        what = "is in use" if error.errno == errno.EADDRINUSE else "is not allowed for this user"
        return f"port {port} {what}: PORT=0 takes a free one, or choose another"
    return f"{error.filename}: {why(error)}" if isinstance(error, OSError) and error.filename else str(error)


def _raise_open_files() -> None:
    """Allow as many open files as the system permits, because each instance of a fleet listens at its own address."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def serve(port: int, world: World, path: Path, *, tls: bool = False) -> None:
    """Run the stand-in until a signal; the world was read from `path`. Raises: OSError, RuntimeError, ValueError."""
    authority = CertificateAuthority() if tls else None
    with ca_file(authority) if authority else nullcontext() as ca:
        await _serve(port, world, path, authority.server_context() if authority else None, ca)


async def _serve(port: int, world: World, path: Path, tls: ssl.SSLContext | None, ca: Path | None) -> None:
    stopped = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    clock, pool = Clock(), RedisPool(world)
    history = History(clock)
    redis, tair = TencentRedis(world, pool, clock, history), AlibabaKvstore(world, pool, clock, history)
    tcr = TencentTcr(world, clock, history)
    broker = MessageBroker(clock)
    logs, identities = LogPlaces(world), Identities(world, clock.now)
    kafka, queues = KafkaTopics(world, clock), SmqQueues(world, clock)
    platforms = FunctionPlatforms(world, broker, kafka, logs, clock, identities)
    services: tuple[Service, ...] = (
        *(redis, tcr, tair, TencentSsm(world, clock, history), AlibabaKms(world, clock, history)),
        *(
            TencentCkafka(world, broker, kafka, clock),
            AlibabaSmq(world, broker, queues, clock),
            AlibabaMnsOpen(queues, broker, clock),
        ),
        *(TencentCam(world, identities), TencentSts(world, identities)),
        *(AlibabaRam(world, identities), AlibabaSts(world, identities), AlibabaEventbridge(world, identities)),
        *(TencentCls(logs, platforms.host, clock), AlibabaSls(logs, platforms.host, clock)),
        *(TencentScf(world, platforms.host, identities), AlibabaFc(world, platforms.host, identities)),
    )
    for service in services:
        answer_more(service)
    server = HttpServer(world, services, broker, clock, history, identities, platforms)
    try:
        bound = await server.start(port, tls)
        await asyncio.gather(platforms.start(), *(service.start() for service in services))
        ready = {
            "endpoint": f"https://localhost:{bound}" if tls else f"http://127.0.0.1:{bound}",
            **({"ca": str(ca)} if ca else {}),
            "credentials": world.credentials.model_dump(),
            "redis": _addresses({id_: one.server for id_, one in (redis.instances | tair.instances).items()}),
            "registry": _addresses({id_: one.registry for id_, one in tcr.instances.items()}),
            "world": str(path),
        }
        print(json.dumps(ready), flush=True)
        await stopped.wait()
    finally:
        await server.stop()
        await clock.close()
        await platforms.close()
        for service in services:
            await service.close()


def _addresses(servers: Mapping[str, Any]) -> dict[str, str]:
    """Instance id -> `host:port`, for the servers that run."""
    return {id_: server.address for id_, server in servers.items() if server.address}
