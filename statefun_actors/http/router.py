"""ASGI router: reads the body, calls the route, writes the response.

Every request takes this path or the fast path, so plain requests must be cheap. Most responses are ready at once. Only
a pending response has a second task, which notices that the connection is closed; only a body that does not arrive at
once has a timer.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Awaitable, Callable
from typing import Any as Untyped
from typing import Final
from urllib.parse import unquote

from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope, Scope

from statefun_actors.dispatch import Paused, first_step, resumed, run_without_task
from statefun_actors.http.framing import announced_length, is_framed_twice, origin_form
from statefun_actors.http.in_flight import InFlight
from statefun_actors.http.request import Pending, RefusedError, Request, Response, Route, line

ASGI = Callable[[Untyped, Untyped, Untyped], Awaitable[None]]

BODY_SECONDS: Final = 60.0
"""The timeout for a whole body."""
BODIES_READ: Final = 4
"""The maximum number of bodies of the maximum size that arrive at the same time."""
DISCARD_SECONDS: Final = 5.0
"""The time for reading the rest of a refused body. Without that, the response may be lost."""
TOO_MANY_BODIES: Final = line(
    503, "not taken, send it again: other large bodies are being read", (b"retry-after", b"1")
)
CANCELLED: Final = line(503, "the server stops, and cancelled this batch")

_PART: Final = 32 * 1024
"""The size of the pieces of a body in memory."""
_CLOSE: Final = (b"connection", b"close")
_FRAMED_TWICE: Final = line(400, "both Content-Length and Transfer-Encoding give the end of the body; send one of them")


class _UnreadError(Exception):
    """A request is refused. *rest*: whether a rest of its body has not been read."""

    def __init__(self, response: Response, *, rest: bool = True) -> None:
        super().__init__(response)
        self.response, self.rest = response, rest


class _GoneError(Exception):
    """The connection was closed: no response can be sent."""


class Router:
    """An ASGI app that passes requests to routes, and all others to *otherwise*.

    400 if two headers give the end of the body; 408 and 413 if the body is too slow or too large; 503 if a stopping
    server cancels the request, or if incomplete bodies of all connections exceed ``BODIES_READ`` times *body_limit*
    bytes. A request is cancelled when its connection closes.

    Args:
        route: returns the route for a path, or None.
        body_limit: the maximum size of a body, in bytes.
        otherwise: a web framework, or the route for all other paths.
        on_status: called with the status of each response, except those of a web framework.
    """

    def __init__(
        self,
        route: Callable[[str], Route | None],
        body_limit: int,
        *,
        otherwise: ASGI | Route,
        on_status: Callable[[int], None] | None = None,
    ) -> None:
        self.route = route
        self.body_limit, self.on_status = body_limit, on_status
        self._bodies_limit = BODIES_READ * body_limit
        self._arrived = 0
        """Bytes of incomplete bodies, and bytes that the fast path has reserved for such bodies."""
        self._framework: ASGI | None = None
        self._last_route: Route | None = None
        if callable(otherwise):
            self._framework = otherwise
        else:
            self._last_route = otherwise
        self.drained = False
        """Set by a stopping server after it has waited for requests in flight: connections close once they are idle."""
        self.stopping = False
        """Set by the server before it stops: each response then closes its connection."""
        self.in_flight = InFlight()

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] != "http":
            await self._other(scope, receive, send)
            return
        scope = origin_form(scope)
        request = _request(scope)
        if is_framed_twice(request.headers):
            await self._refuse(_FRAMED_TWICE, scope, receive, send)
            return
        route = self._route(scope)
        if route is None:
            await self._other(scope, receive, send)
            return
        task = asyncio.current_task()
        assert task is not None
        self.in_flight.add(task)
        read = False
        try:
            try:
                route.admit(request)
                body = await self._body(request, receive)
                read = True
                response = await self._response(route, request, body, receive)
            except RefusedError as refused:
                raise _UnreadError(refused.response) from None
            except asyncio.CancelledError:
                if not self.stopping or task.uncancel():
                    raise
                if not read:
                    raise _UnreadError(CANCELLED) from None
                response = CANCELLED
            await self._send(response, scope, send)
        except _UnreadError as refused:
            await self._refuse(refused.response, scope, receive, send, rest=refused.rest)
        except _GoneError:
            pass
        finally:
            self.in_flight.remove(task)

    def route_of(self, target: bytes) -> Route | None:
        """The route for a request to *target*; None if a web framework responds."""
        route = self.route(unquote(target.partition(b"?")[0].decode()))
        return self._last_route if route is None else route

    def _route(self, scope: HTTPScope) -> Route | None:
        path = scope["path"]
        route = self.route(path)
        if route is None and (root := scope.get("root_path")):
            route = self.route(path.removeprefix(root))
        return self._last_route if route is None else route

    async def _other(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Pass a request without a route to *otherwise*."""
        if self._framework is not None:
            await self._framework(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": None})

    # --- the body

    async def _body(self, request: Request, receive: ASGIReceiveCallable) -> bytes:
        if (announced := announced_length(request.headers)) > self.body_limit:
            raise _UnreadError(self._too_large(f"{announced} bytes"))
        reading = self._read(receive)
        body = first_step(reading)
        if not isinstance(body, Paused):
            return body
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await resumed(body.rest, body.pending)
        except TimeoutError:
            raise _UnreadError(line(408, f"the body did not arrive within {BODY_SECONDS:g} s")) from None

    async def _read(self, receive: ASGIReceiveCallable) -> bytes:
        limit = self.body_limit
        parts: list[bytes] = []
        small = bytearray()  # a body can arrive byte by byte, and each object would take 40 bytes
        size = 0
        try:
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise _GoneError
                chunk, more = message.get("body", b""), message.get("more_body", False)
                if chunk:
                    size += len(chunk)
                    self._arrived += len(chunk)
                    if size > limit:
                        response = self._too_large("more")
                        raise _UnreadError(response, rest=more)
                    if self._arrived > self._bodies_limit:
                        raise _UnreadError(TOO_MANY_BODIES)
                if not more:
                    return chunk if size == len(chunk) else b"".join((*parts, small, chunk))
                small += chunk
                if len(small) >= _PART:
                    parts.append(bytes(small))
                    small.clear()
        finally:
            self._arrived -= size
            parts.clear()  # a refusal's traceback would keep them in memory until its response is sent

    def reserve(self, size: int) -> bool:
        """Reserve *size* bytes for an incomplete body; False at the limit. :meth:`release` is its opposite."""
        if self._arrived + size > self._bodies_limit:
            return False
        self._arrived += size
        return True

    def release(self, size: int) -> None:
        """Release *size* bytes reserved by :meth:`reserve`."""
        self._arrived -= size

    def _too_large(self, size: str) -> Response:
        return line(413, f"expected a body of at most {self.body_limit} bytes, got {size}")

    # --- the response

    async def _response(self, route: Route, request: Request, body: bytes, receive: ASGIReceiveCallable) -> Response:
        # Plain handlers run here. They must not see the web server's task, which they could cancel.
        response = run_without_task(functools.partial(route.respond, request, body))
        return response if isinstance(response, Response) else await self._done(response, request, receive)

    async def _done(self, pending: Pending, request: Request, receive: ASGIReceiveCallable) -> Response:
        """Wait for a pending response. If this is cancelled, the work has ended on return."""
        done: asyncio.Future[Response | None] = asyncio.get_running_loop().create_future()
        pending.on_done(done.set_result)

        async def watch() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            request.gone = True
            pending.cancel()

        watching = asyncio.ensure_future(watch())
        try:
            response = await asyncio.shield(done)
        except asyncio.CancelledError:
            while not done.done():
                pending.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait([done])
            raise
        finally:
            watching.cancel()
        if response is None or request.gone:
            raise _GoneError
        return response

    async def _send(
        self, response: Response, scope: HTTPScope, send: ASGISendCallable, *, close: bool = False, more: bool = False
    ) -> None:
        if self.on_status is not None:
            self.on_status(response.status)
        headers = response.all_headers
        if (close or self.stopping) and scope["http_version"] < "2":
            headers.append(_CLOSE)
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body, "more_body": more})

    async def _refuse(
        self,
        response: Response,
        scope: HTTPScope,
        receive: ASGIReceiveCallable,
        send: ASGISendCallable,
        *,
        rest: bool = True,
    ) -> None:
        await self._send(response, scope, send, close=True, more=True)
        if rest:
            await _discard(receive)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _discard(receive: ASGIReceiveCallable) -> None:
    """Read and discard the rest of a body."""
    try:
        async with asyncio.timeout(DISCARD_SECONDS):
            while (message := await receive())["type"] == "http.request" and message.get("more_body", False):
                pass
    except TimeoutError:
        pass


def _request(scope: HTTPScope) -> Request:
    raw = scope.get("raw_path") or scope["path"].encode()
    query = scope["query_string"]
    headers = [(bytes(key).lower(), bytes(value)) for key, value in scope["headers"]]
    client = scope.get("client")
    peer = (client[0], client[1] or 0) if client else None
    return Request(scope["method"], raw + b"?" + query if query else raw, headers, peer)
