"""The route for Flink: ``POST`` of a batch."""

from __future__ import annotations

import asyncio

from statefun_actors.dispatch import Paused, first_step, resumed
from statefun_actors.endpoint import RequestReplyHandler, batch_with_headers
from statefun_actors.http.failure_log import FailureLog, first_line
from statefun_actors.http.linger import Linger
from statefun_actors.http.message_headers import headers_reader
from statefun_actors.http.pending_task import start
from statefun_actors.http.request import OCTETS, Pending, RefusedError, Request, Response, line
from statefun_actors.model import Batch
from statefun_actors.wire import MalformedRequestError


class EndpointRoute:
    """Responds to batches by *handler*.

    200 with the reply; 400 for a body that is not a batch; 405 and 415 as HTTP has them; 500 for a batch that failed.
    Errors are one short line of text.
    """

    def __init__(self, handler: RequestReplyHandler, failures: FailureLog, linger: Linger) -> None:
        self.handler = handler
        self._failures = failures
        self._linger = linger
        self._headers = headers_reader(handler.app)
        propagation = handler.app.instruments.propagation
        self._fields = frozenset[str]() if propagation is None else propagation.fields

    def admit(self, request: Request) -> None:
        if request.method != "POST":
            text = f"send batches by POST, not {request.method[:20]}"
            raise RefusedError(line(405, text, (b"allow", b"POST")))

    def respond(self, request: Request, body: bytes) -> Response | Pending:
        try:
            batch = self.handler.read(body)
        except MalformedRequestError as error:
            return _malformed(error, request, self._failures)
        except Exception as error:
            return self._failed(None, error)
        if self._headers is not None and (headers := self._headers(request)) is not None:
            batch = batch_with_headers(batch, headers, self._fields)
        work = self._reply(request, batch)
        if self.handler.waits(batch):
            return start(work, eager=False)
        # Without a task: plain handlers could cancel it, and few batches wait for anything.
        response = first_step(work)
        if isinstance(response, Paused):
            return start(_resumed(response))
        assert response is not None  # None only after `request.gone`, which is not set here
        return response

    async def _reply(self, request: Request, batch: Batch) -> Response | None:
        """The response to *batch*; None if the connection was closed meanwhile."""
        until = self._linger.until(len(batch.invocations))
        try:
            reply = await self.handler.reply(batch)
            if until is not None:
                await self._linger.hold(until)
            return Response(200, reply, OCTETS)
        except asyncio.CancelledError:
            if request.gone:
                self._failures.log_gone(batch)
            raise
        except Exception as error:
            if request.gone:
                self._failures.log_gone(batch)
                return None
            return self._failed(batch, error)

    def _failed(self, batch: Batch | None, error: Exception) -> Response:
        self._failures.log(batch, error)
        return line(500, first_line(error))


async def _resumed(response: Paused[Response | None]) -> Response | None:
    return await resumed(response.rest, response.pending)


def _malformed(error: MalformedRequestError, request: Request, failures: FailureLog) -> Response:
    if encoding := request.header(b"content-encoding"):
        text = f"expected a body without content encoding, got {encoding.decode('latin-1')[:40]}"
        return line(415, text, (b"accept-encoding", b"identity"))
    failures.log_malformed(request.client, request.peer, error)
    return line(400, str(error))
