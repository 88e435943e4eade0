"""The HTTP server: API calls of both clouds, and `/_standin/` for those who test.

- `POST reset`: return to the first world and to real time, with the keys of this part of a world changed.
- `GET clock`: `{"Now": RFC 3339, "Offset": seconds}`; `POST clock`: `{"Advance": seconds}` or `{"To": RFC 3339}`, see
  `world_clock`. The answer comes when all that falls in between has happened.
- `POST faults`: a list, see `faults.Fault`; `DELETE faults`.
- `GET calls`: every API request, oldest first. `GET state`: what the services hold, no password.
- `GET history`: `{"Salt", "History": [{"At", "Real", "Service", "Resource", "Account", "Digest", "By"}]}`, of
  a store also `Current`. `Digest` is hex SHA-256 of salt and value, empty for a version that is gone.
- `POST requests`: from now on, keep one of each distinct request; `GET requests`: those, see `request_shape`. No value.
- `POST outside`: a change by hand, see `outside.Outside`.
- `POST rights`: `{"tencent": {"policies": [...]}}`: the person who calls may do this, and nothing else, from now on.
- `POST activate`: `{"scf": true}`: somebody agrees to a service's first use, as one does in its console.
- `POST queue`, `GET functions`, `POST tick`: what only the clouds' own triggers could ask.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import Sequence

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from tests.cloud.functions.platforms import FunctionPlatforms
from tests.cloud.identity.identities import Identities
from tests.cloud.queues.broker import MessageBroker
from tests.cloud.server.dispatcher import ApiDispatcher
from tests.cloud.state.history import History
from tests.cloud.state.world import World
from tests.cloud.state.world_clock import Clock
from tests.cloud.wire.http import HttpReply, HttpRequest
from tests.cloud.wire.service import Service

CONTROL = "/_standin/"
_LOOK_S = 0.02


class _PromptHandler(RequestHandler):
    """Acknowledges packets at once.

    Behind a proxy urllib3 leaves Nagle's algorithm on, and a late acknowledgement costs 40 ms a call.
    """

    def data_received(self, data: bytes) -> None:
        if self.transport is not None and hasattr(socket, "TCP_QUICKACK"):
            self.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        super().data_received(data)


class _PromptServer(web.Server):
    def __call__(self) -> RequestHandler:
        return _PromptHandler(self, loop=self._loop, **self._kwargs)


class HttpServer:
    """Serves one dispatcher on loopback."""

    def __init__(
        self,
        world: World,
        services: Sequence[Service],
        broker: MessageBroker,
        clock: Clock,
        history: History,
        identities: Identities,
        platforms: FunctionPlatforms | None = None,
    ) -> None:
        self._first = world
        self._broker = broker
        self._clock = clock
        self._dispatcher = ApiDispatcher(world, services, clock, history, identities, platforms)
        self._runner: web.ServerRunner | None = None

    async def start(self, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Listen on 127.0.0.1, over TLS if `tls` is given. Port 0 means a free port. Returns the port.

        Raises: OSError.
        """
        self._runner = web.ServerRunner(_PromptServer(self._handle, access_log=None), shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port, ssl_context=tls).start()
        bound: int = self._runner.addresses[0][1]
        return bound

    async def stop(self) -> None:
        """Close every connection."""
        if self._runner:
            await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        api_request = HttpRequest.of(request.method, request.raw_path, request.headers, await request.content.read())
        if api_request.path.startswith(CONTROL):
            return _response(await self._control(api_request))
        reply, fault = await self._dispatcher.handle(api_request)
        if fault in ("drop_before", "drop_after"):
            _hang_up(request)
        elif fault == "stall":
            await self._hold(request)
        elif fault == "late":
            await self._hold(request)
            _hang_up(request)
        elif fault == "cut_body":
            return await _send_half(request, reply)
        return _response(reply)

    async def _hold(self, request: web.BaseRequest) -> None:
        """Keep a caller waiting until it gives up or the time is over."""
        clock = asyncio.get_running_loop().time
        until = clock() + self._dispatcher.world.stall_s
        while clock() < until and request.transport is not None and not request.transport.is_closing():
            await asyncio.sleep(_LOOK_S)

    async def _control(self, api_request: HttpRequest) -> HttpReply:
        dispatcher, what = self._dispatcher, f"{api_request.method} {api_request.path.removeprefix(CONTROL)}"
        try:
            if what == "POST faults":
                return HttpReply.json({"waiting": dispatcher.add_faults(api_request.body)})
            if what == "DELETE faults":
                dispatcher.clear_faults()
            elif what == "GET calls":
                return HttpReply.json(dispatcher.calls)
            elif what == "GET state":
                return HttpReply.json(dispatcher.state())
            elif what == "GET functions":
                return HttpReply.json(dispatcher.platforms.as_json() if dispatcher.platforms else [])
            elif what == "POST requests":
                dispatcher.recorder.start()
            elif what == "GET requests":
                return HttpReply.json(dispatcher.recorder.as_json())
            elif what == "GET history":
                return HttpReply.json(dispatcher.history.as_json())
            elif what == "POST outside":
                await dispatcher.outside(api_request.body)
            elif what == "POST activate":
                dispatcher.identities.activate(json.loads(api_request.body))
            elif what == "POST rights":
                dispatcher.identities.grant(json.loads(api_request.body))
            elif what == "GET clock":
                return HttpReply.json(self._clock.as_json())
            elif what == "POST clock":
                await self._clock.handle_control(json.loads(api_request.body))
                return HttpReply.json(self._clock.as_json())
            elif what == "POST tick" and dispatcher.platforms is not None:
                return HttpReply.json(await dispatcher.platforms.tick(json.loads(api_request.body)))
            elif what == "POST queue":
                return HttpReply.json({"Answer": self._broker.handle_control(json.loads(api_request.body))})
            elif what == "POST reset":
                await dispatcher.reset(self._first.with_overrides(json.loads(api_request.body or b"{}")))
            else:
                return HttpReply.json({"error": "the stand-in has no such path"}, 404)
        except ValueError as error:
            return HttpReply.json({"error": str(error)}, 400)
        return HttpReply.json({})


def _response(reply: HttpReply) -> web.Response:
    return web.Response(body=reply.body, status=reply.status, headers=reply.headers)


def _hang_up(request: web.BaseRequest) -> None:
    """Close the connection. The answer is lost."""
    if request.transport is not None:
        request.transport.abort()


async def _send_half(request: web.BaseRequest, reply: HttpReply) -> web.StreamResponse:
    """Promise the whole body, send half of it, and close the connection."""
    response = web.StreamResponse(status=reply.status, headers=reply.headers)
    response.content_length = len(reply.body)
    await response.prepare(request)
    await response.write(reply.body[: len(reply.body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response
