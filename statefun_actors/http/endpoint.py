"""The POST of a batch: the door that Flink calls."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any as Untyped

from statefun_actors.dispatch import resumed
from statefun_actors.endpoint import RequestReplyHandler
from statefun_actors.http.failures import Failures, first_line
from statefun_actors.http.linger import Linger
from statefun_actors.http.request import OCTETS, GoneError, RefusedError, Request, Response, line
from statefun_actors.model import Batch
from statefun_actors.wire import MalformedRequestError


class EndpointRoute:
    """Answers the POSTs of batches to *handler*.

    200 with the reply; 400 for what is no request; 405 and 415 as HTTP has them; 500 where the batch failed.
    Errors are one short line of text.
    """

    def __init__(self, handler: RequestReplyHandler, failures: Failures, linger: Linger) -> None:
        self.handler = handler
        self._failures = failures
        self._linger = linger

    def admit(self, exchange: Request) -> None:
        if exchange.method != "POST":
            text = f"send batches by POST, not {exchange.method[:20]}"
            raise RefusedError(line(405, text, (b"allow", b"POST")))

    async def answer(self, exchange: Request, body: bytes) -> Response:
        batch = self._read(exchange, body)
        return batch if isinstance(batch, Response) else await self._reply(exchange, batch, self.handler.reply_apart)

    def begin(
        self, exchange: Request, body: bytes, tell: Callable[[Response], None]
    ) -> Coroutine[Untyped, Untyped, Response] | None:
        batch = self._read(exchange, body)
        if isinstance(batch, Response):
            tell(batch)
            return None
        running = self._reply(exchange, batch, self.handler.reply)
        if self.handler.waits(batch):
            return running
        try:
            pending = running.send(None)
        except StopIteration as done:
            tell(done.value)
            return None
        return _awaited(running, pending)

    def _read(self, exchange: Request, body: bytes) -> Batch | Response:
        try:
            return self.handler.read(body)
        except MalformedRequestError as error:
            return _malformed(error, exchange, self._failures)
        except Exception as error:
            return self._failed(None, error)

    async def _reply(self, exchange: Request, batch: Batch, reply_to: Callable[[Batch], Awaitable[bytes]]) -> Response:
        until = self._linger.until(len(batch.invocations))
        try:
            reply = await reply_to(batch)
            if until is not None:
                await self._linger.hold(until)
            return Response(200, reply, OCTETS)
        except asyncio.CancelledError:
            if exchange.gone:
                self._failures.log_gone(batch)
            raise
        except Exception as error:
            if exchange.gone:
                self._failures.log_gone(batch)
                raise GoneError from None
            return self._failed(batch, error)

    def _failed(self, batch: Batch | None, error: Exception) -> Response:
        self._failures.log(batch, error)
        return line(500, first_line(error))


async def _awaited(running: Coroutine[Untyped, Untyped, Response], pending: object) -> Response:
    return await resumed(running, pending)


def _malformed(error: MalformedRequestError, exchange: Request, failures: Failures) -> Response:
    if encoding := exchange.header(b"content-encoding"):
        text = f"a body travels as it is, not with content encoding {encoding.decode('latin-1')[:40]}"
        return line(415, text, (b"accept-encoding", b"identity"))
    failures.log_malformed(exchange.client, exchange.peer, error)
    return line(400, str(error))
