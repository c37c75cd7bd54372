"""The POST of a batch as ASGI: body in, reply out, in front of the web framework.

Every request passes here, so what a plain one does not need is not made for it. Most batches never wait for anything:
the first step of their coroutine is the last. Only for one that does is there a second task, which watches whether the
connection is still there; and only for a body that does not come at once is there a timer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any as Untyped
from typing import Final

from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope, Scope

from statefun_actors.dispatch import resumed
from statefun_actors.endpoint import RequestReplyHandler
from statefun_actors.http.failures import Failures, logger, one_line, shown_address
from statefun_actors.wire import MalformedRequestError

ASGI = Callable[[Untyped, Untyped, Untyped], Awaitable[None]]

BODY_SECONDS: Final = 60.0
"""For a whole body to arrive."""
DISCARD_SECONDS: Final = 5.0
"""For which the rest of a refused body is read: a connection closed before that may take the answer with it."""

_OCTETS: Final = (b"content-type", b"application/octet-stream")
_TEXT: Final = (b"content-type", b"text/plain; charset=utf-8")
_CLOSE: Final = (b"connection", b"close")


class _GoneError(Exception):
    """There is nobody to answer any more."""


class _RefusedError(Exception):
    """A request that is answered without a batch. ``unread`` = its body is not read to the end."""

    def __init__(self, status: int, text: str, *, unread: bool, header: tuple[bytes, bytes] | None = None) -> None:
        super().__init__(status, text)
        self.status, self.text, self.unread, self.header = status, text, unread, header


class Endpoint:
    """An ASGI app that answers the POSTs to the paths of *handlers*, and hands everything else to *otherwise*.

    200 with the reply; 400 for what is no request; 405, 408, 413 and 415 as HTTP has them; 500 where the batch failed;
    503 where it was cancelled because the server stops. Errors are one short line of text.
    A batch is cancelled when its connection closes.

    Args:
        handlers: by path.
        body_limit: bytes; a longer body is refused as soon as that is known.
        otherwise: the web framework.
    """

    def __init__(self, handlers: Mapping[str, RequestReplyHandler], body_limit: int, *, otherwise: ASGI) -> None:
        self._handlers = dict(handlers)
        self._body_limit = body_limit
        self._otherwise = otherwise
        self._failures = Failures()
        self.stopping = False
        """Set by the server before it stops: replies then close their connections."""
        self.in_flight: set[asyncio.Task[Untyped]] = set()
        """The tasks of the requests that have not been answered yet."""

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] != "http" or (handler := self._handler(scope)) is None:
            await self._otherwise(scope, receive, send)
            return
        task = asyncio.current_task()
        assert task is not None
        self.in_flight.add(task)
        body = None
        try:
            try:
                body = await self._body(scope, receive)
                status, content_type, reply = await self._answer(handler, body, scope, receive, task)
            except asyncio.CancelledError:
                if not self.stopping or task.uncancel():
                    raise
                text = "the server stops, and cancelled this batch"
                raise _RefusedError(503, text, unread=body is None) from None
            headers = [content_type, (b"content-length", b"%d" % len(reply))]
            if self.stopping and scope["http_version"] < "2":
                headers.append(_CLOSE)
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": reply, "more_body": False})
        except _RefusedError as refused:
            await self._refuse(refused, scope, receive, send)
        except _GoneError:
            pass
        finally:
            self.in_flight.discard(task)

    def _handler(self, scope: HTTPScope) -> RequestReplyHandler | None:
        path = scope["path"]
        handler = self._handlers.get(path)
        if handler is None and (root := scope.get("root_path")):
            handler = self._handlers.get(path.removeprefix(root))
        return handler

    # --- the body

    async def _body(self, scope: HTTPScope, receive: ASGIReceiveCallable) -> bytes:
        if scope["method"] != "POST":
            text = f"send batches by POST, not {scope['method'][:20]}"
            raise _RefusedError(405, text, unread=True, header=(b"allow", b"POST"))
        reading = self._read(scope, receive)
        try:
            pending = reading.send(None)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await resumed(reading, pending)
        except TimeoutError:
            text = f"the body did not arrive within {BODY_SECONDS:g} s"
            raise _RefusedError(408, text, unread=True) from None

    async def _read(self, scope: HTTPScope, receive: ASGIReceiveCallable) -> bytes:
        limit = self._body_limit
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                raise _GoneError
            chunk, more = message.get("body", b""), message.get("more_body", False)
            if chunk:
                size += len(chunk)
                if size > limit:
                    raise self._too_large("more", unread=more)
                chunks.append(chunk)
                if len(chunks) == 2 and (announced := _content_length(scope)) > limit:
                    raise self._too_large(f"{announced} bytes")
            if not more:
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _too_large(self, size: str, *, unread: bool = True) -> _RefusedError:
        return _RefusedError(413, f"a body has at most {self._body_limit} bytes, got {size}", unread=unread)

    # --- the batch

    async def _answer(
        self,
        handler: RequestReplyHandler,
        body: bytes,
        scope: HTTPScope,
        receive: ASGIReceiveCallable,
        task: asyncio.Task[Untyped],
    ) -> tuple[int, tuple[bytes, bytes], bytes]:
        batch = None
        try:
            batch = handler.read(body)
            running = handler.reply(batch)
            try:
                pending = running.send(None)
            except StopIteration as done:
                return 200, _OCTETS, done.value
            return 200, _OCTETS, await self._watched(running, pending, receive, task)
        except MalformedRequestError as error:
            raise self._malformed(error, scope) from None
        except _GoneError:
            if batch is not None:
                address = shown_address(batch.target)
                logger.info("%s: the connection was closed, and its batch was cancelled", address)
            raise
        except Exception as error:
            self._failures.log(batch, error)
            return 500, _TEXT, one_line(error).encode("utf-8", "backslashreplace") + b"\n"

    def _malformed(self, error: MalformedRequestError, scope: HTTPScope) -> _RefusedError:
        if encoding := _header(scope, b"content-encoding"):
            text = f"a body travels as it is, not with content encoding {encoding.decode('latin-1')[:40]}"
            return _RefusedError(415, text, unread=False, header=(b"accept-encoding", b"identity"))
        logger.warning("refused a request from %s: %s", _peer(scope), error)
        return _RefusedError(400, str(error), unread=False)

    async def _watched(
        self,
        running: Coroutine[Untyped, Untyped, bytes],
        pending: object,
        receive: ASGIReceiveCallable,
        task: asyncio.Task[Untyped],
    ) -> bytes:
        """The reply of a batch that has to wait for something, cancelled if its connection closes meanwhile."""
        gone = False

        async def watch() -> None:
            nonlocal gone
            while (await receive())["type"] != "http.disconnect":
                pass
            gone = True
            task.cancel()

        watching = asyncio.ensure_future(watch())
        try:
            reply = await resumed(running, pending)
        except (Exception, asyncio.CancelledError):
            if not gone or task.uncancel():
                raise
            raise _GoneError from None
        finally:
            watching.cancel()
        if gone:
            task.uncancel()
            raise _GoneError
        return reply

    # --- refusals

    async def _refuse(
        self, refused: _RefusedError, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        text = refused.text.encode("utf-8", "backslashreplace") + b"\n"
        headers = [_TEXT, (b"content-length", b"%d" % len(text))]
        if refused.header is not None:
            headers.append(refused.header)
        if (refused.unread or self.stopping) and scope["http_version"] < "2":
            headers.append(_CLOSE)
        await send({"type": "http.response.start", "status": refused.status, "headers": headers})
        await send({"type": "http.response.body", "body": text, "more_body": refused.unread})
        if refused.unread:
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


def _header(scope: HTTPScope, name: bytes) -> bytes:
    for key, value in scope["headers"]:
        if key.lower() == name:
            return bytes(value)
    return b""


def _content_length(scope: HTTPScope) -> int:
    """0 where the request does not say."""
    length = _header(scope, b"content-length")
    return int(length[:20]) if length.isdigit() else 0


def _peer(scope: HTTPScope) -> str:
    client = scope.get("client")
    return f"{client[0]}:{client[1]}" if client else "a socket"
