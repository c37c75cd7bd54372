"""What stands before the web framework, as ASGI: body in, answer out.

Every request passes here, so what a plain one does not need is not made for it. Most answers never wait for anything:
the first step of their coroutine is the last. Only for one that does is there a second task, which watches whether the
connection is still there; and only for a body that does not come at once is there a timer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any as Untyped
from typing import Final

from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope, Scope

from statefun_actors.dispatch import resumed
from statefun_actors.http.framing import announced_length, is_framed_twice, origin_form
from statefun_actors.http.request import GoneError, RefusedError, Request, Response, Route, line

ASGI = Callable[[Untyped, Untyped, Untyped], Awaitable[None]]

BODY_SECONDS: Final = 60.0
"""For a whole body to arrive."""
BODIES_READ: Final = 4
"""How many bodies of the largest size may be on their way at the same time."""
DISCARD_SECONDS: Final = 5.0
"""For which the rest of a refused body is read: a connection closed before that may take the answer with it."""

_PART: Final = 32 * 1024
"""Bytes of a body that are kept together."""
_CLOSE: Final = (b"connection", b"close")
_FRAMED_TWICE: Final = line(
    400, "the end of the body is said twice, by Content-Length and by Transfer-Encoding; send one of them"
)
_TOO_MANY: Final = line(503, "not taken, send it again: other large bodies are being read", (b"retry-after", b"1"))


class _UnreadError(Exception):
    """A request that is refused, its body not read to the end."""

    def __init__(self, response: Response) -> None:
        super().__init__(response)
        self.response = response


class Router:
    """An ASGI app that has doors answer the requests to their paths, and *otherwise* everything else.

    400 where the end of a body is said twice; 408 and 413 where it is too slow or too large; 503 where an answer was
    cancelled because the server stops, and where bodies that are being read, of all connections together, hold
    ``BODIES_READ`` times *body_limit* bytes. An answer is cancelled when its connection closes.

    Args:
        door: who answers the requests to a path, None for nobody in particular.
        body_limit: bytes; a longer body is refused as soon as that is known.
        otherwise: a web framework; or the door for all other paths, where there is none.
    """

    def __init__(
        self,
        door: Callable[[str], Route | None],
        body_limit: int,
        *,
        otherwise: ASGI | Route,
    ) -> None:
        self.door = door
        self.body_limit = body_limit
        self._bodies_limit = BODIES_READ * body_limit
        self._arrived = 0
        """Bytes of bodies that have not arrived whole, and those that the lane has set aside for such bodies."""
        self._framework: ASGI | None = None
        self._last_door: Route | None = None
        if callable(otherwise):
            self._framework = otherwise
        else:
            self._last_door = otherwise
        self.drained = False
        """Set by the server once it has given batches their time: connections then close as soon as they are idle."""
        self.stopping = False
        """Set by the server before it stops: answers then close their connections."""
        self.in_flight: set[asyncio.Task[Untyped]] = set()
        """The tasks of the requests that have not been answered yet."""

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] != "http":
            await self._other(scope, receive, send)
            return
        scope = origin_form(scope)
        exchange = _exchange(scope)
        if is_framed_twice(exchange.headers):
            await self._refuse(_FRAMED_TWICE, scope, receive, send)
            return
        door = self._door(scope)
        if door is None:
            await self._other(scope, receive, send)
            return
        task = asyncio.current_task()
        assert task is not None
        self.in_flight.add(task)
        read = False
        try:
            try:
                door.admit(exchange)
                body = await self._body(exchange, receive)
                read = True
                response = await self._answer(door, exchange, body, receive, task)
            except RefusedError as refused:
                raise _UnreadError(refused.response) from None
            except asyncio.CancelledError:
                if not self.stopping or task.uncancel():
                    raise
                response = line(503, "the server stops, and cancelled this batch")
                if not read:
                    raise _UnreadError(response) from None
            await self._send(response, scope, send)
        except _UnreadError as refused:
            await self._refuse(refused.response, scope, receive, send)
        except GoneError:
            pass
        finally:
            self.in_flight.discard(task)

    def _door(self, scope: HTTPScope) -> Route | None:
        path = scope["path"]
        door = self.door(path)
        if door is None and (root := scope.get("root_path")):
            door = self.door(path.removeprefix(root))
        return self._last_door if door is None else door

    async def _other(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """What is for no door."""
        if self._framework is not None:
            await self._framework(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": None})

    # --- the body

    async def _body(self, exchange: Request, receive: ASGIReceiveCallable) -> bytes:
        if (announced := announced_length(exchange.headers)) > self.body_limit:
            raise _UnreadError(self._too_large(f"{announced} bytes"))
        reading = self._read(receive)
        try:
            pending = reading.send(None)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await resumed(reading, pending)
        except TimeoutError:
            raise _UnreadError(line(408, f"the body did not arrive within {BODY_SECONDS:g} s")) from None

    async def _read(self, receive: ASGIReceiveCallable) -> bytes:
        limit = self.body_limit
        parts: list[bytes] = []
        small = bytearray()  # a body can come a byte at a time, and each object would take 40
        size = 0
        try:
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise GoneError
                chunk, more = message.get("body", b""), message.get("more_body", False)
                if chunk:
                    size += len(chunk)
                    self._arrived += len(chunk)
                    if size > limit:
                        response = self._too_large("more")
                        raise _UnreadError(response) if more else RefusedError(response)
                    if self._arrived > self._bodies_limit:
                        raise _UnreadError(_TOO_MANY)
                if not more:
                    return chunk if size == len(chunk) else b"".join((*parts, small, chunk))
                small += chunk
                if len(small) >= _PART:
                    parts.append(bytes(small))
                    small.clear()
        finally:
            self._arrived -= size
            parts.clear()  # the traceback of a refusal would hold them until its answer is sent

    def set_aside(self, size: int) -> bool:
        """Whether there is room for *size* bytes of a body that has not arrived whole; :meth:`give_back` returns it."""
        if self._arrived + size > self._bodies_limit:
            return False
        self._arrived += size
        return True

    def give_back(self, size: int) -> None:
        """The opposite of :meth:`set_aside`."""
        self._arrived -= size

    def _too_large(self, size: str) -> Response:
        return line(413, f"a body has at most {self.body_limit} bytes, got {size}")

    # --- the answer

    async def _answer(
        self,
        door: Route,
        exchange: Request,
        body: bytes,
        receive: ASGIReceiveCallable,
        task: asyncio.Task[Untyped],
    ) -> Response:
        running: Coroutine[Untyped, Untyped, Response] = door.answer(exchange, body)
        try:
            pending = running.send(None)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]

        async def watch() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            exchange.gone = True
            task.cancel()

        watching = asyncio.ensure_future(watch())
        try:
            response = await resumed(running, pending)
        except (Exception, asyncio.CancelledError):
            if not exchange.gone or task.uncancel():
                raise
            raise GoneError from None
        finally:
            watching.cancel()
        if exchange.gone:
            task.uncancel()
            raise GoneError
        return response

    async def _send(
        self, response: Response, scope: HTTPScope, send: ASGISendCallable, *, close: bool = False, more: bool = False
    ) -> None:
        headers = response.all_headers
        if (close or self.stopping) and scope["http_version"] < "2":
            headers.append(_CLOSE)
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body, "more_body": more})

    async def _refuse(
        self, response: Response, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        await self._send(response, scope, send, close=True, more=True)
        await _discard(receive)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _discard(receive: ASGIReceiveCallable) -> None:
    """Read what is left of a body, and forget it."""
    try:
        async with asyncio.timeout(DISCARD_SECONDS):
            while (message := await receive())["type"] == "http.request" and message.get("more_body", False):
                pass
    except TimeoutError:
        pass


def _exchange(scope: HTTPScope) -> Request:
    raw = scope.get("raw_path") or scope["path"].encode()
    query = scope["query_string"]
    headers = [(bytes(key).lower(), bytes(value)) for key, value in scope["headers"]]
    client = scope.get("client")
    peer = (client[0], client[1] or 0) if client else None
    return Request(scope["method"], raw + b"?" + query if query else raw, headers, peer)
