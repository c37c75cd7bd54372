"""A connection while its requests are plain: each is answered in the turn of the event loop that brings it.

The first one that is not plain, and whatever takes its time to arrive, is handed on together with the connection, for
good: the server behind reads it from its first byte. Nothing of it has been done here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any as Untyped
from typing import Final, Protocol

from statefun_actors.dispatch import start_handler_task
from statefun_actors.http.failures import first_line, logger
from statefun_actors.http.fastpath.parser import DECLINED, INCOMPLETE, Unread, read_head
from statefun_actors.http.fastpath.response_bytes import written
from statefun_actors.http.request import GoneError, RefusedError, Request, Response, Route, line
from statefun_actors.http.router import Router

LONGEST_BODY: Final = 256 * 1024
"""A longer one is read by the server behind."""
PATIENCE_SECONDS: Final = 1.0
"""For the rest of a request to arrive."""
_MOST_AHEAD: Final = 64 * 1024
"""Bytes of later requests that are read while one is under way."""
_CLOSE: Final = b"connection: close\r\n"


class Watcher(Protocol):
    """Who looks after the connection."""

    def busy(self) -> None:
        """A request is under way."""
        ...

    def idle(self) -> None:
        """None is."""
        ...


class FastPath(asyncio.Protocol):
    """Answers plain requests at *transport*, by the doors of *front*.

    Args:
        common: the lines of the headers that every response has.
        watcher: is told when the connection is in use.
    """

    def __init__(
        self, transport: asyncio.Transport, front: Router, common: Callable[[], bytes], watcher: Watcher
    ) -> None:
        self._transport, self._front, self._common, self._watcher = transport, front, common, watcher
        self._behind = transport.get_protocol()
        self._client = _client(transport)
        self._loop = asyncio.get_running_loop()
        self._buffer = b""
        """What has arrived and is not answered yet: the beginning of a request, or what follows one under way."""
        self._wanted = 0
        """How long the buffer has to be before it is worth looking at."""
        self._patience: asyncio.TimerHandle | None = None
        self._set_aside = 0
        """Bytes that the front holds for the body that is waited for."""
        self._exchange: Request | None = None
        """The request under way."""
        self._stop: Callable[[], object] | None = None
        """Ends it."""
        self._working = False
        self._write_paused = self._read_paused = self._over = False
        self.handed_over: asyncio.Future[bool] = self._loop.create_future()
        """Whether the server behind has to go on; False once the connection is closed."""

    def begin(self, data: bytes) -> None:
        """Take over the connection, of which *data* has been read."""
        self._transport.set_protocol(self)
        self.data_received(data)

    # --- what the transport calls

    def data_received(self, data: bytes) -> None:
        if self._buffer:
            data = self._buffer + data
        if self._exchange is not None or self._write_paused or len(data) < self._wanted:
            self._buffer = data
            if len(data) > max(_MOST_AHEAD, self._wanted):
                self._pause_reading()
            return
        self._buffer = b""
        self._work(data)

    def eof_received(self) -> None:
        self._gone()  # the transport closes by itself

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone()
        if not self.handed_over.done():
            self._over = True
            self._behind.connection_lost(exc)
            self.handed_over.set_result(False)

    def pause_writing(self) -> None:
        self._write_paused = True
        self._pause_reading()

    def resume_writing(self) -> None:
        self._write_paused = False
        if self._exchange is None:
            self._go_on()

    # --- requests

    def _work(self, data: bytes) -> None:
        """Answer the requests that *data* begins with, up to the first that takes longer or has not arrived."""
        while data:
            if self._write_paused or self._over:
                self._buffer = data
                return
            head = read_head(data)
            if isinstance(head, Unread):
                self._unread(head, data)
                return
            end = head.size + head.length
            door = self._front.door(head.target.partition(b"?")[0].decode())
            if door is None or head.length > LONGEST_BODY or head.length > self._front.body_limit:
                self.hand_over(data)
                return
            if len(data) < end:
                self._wait_for(end, data)
                return
            self._no_patience()
            exchange = Request(head.method, head.target, head.headers, self._client, head.block)
            try:
                door.admit(exchange)
            except RefusedError:  # the server behind is made to say so
                self.hand_over(data)
                return
            rest = data[end:]
            if not self._answered(door, exchange, data[head.size : end]):
                self._buffer = rest
                return
            data = rest
        if not self._over:
            self._watcher.idle()

    def _unread(self, why: Unread, data: bytes) -> None:
        if why is DECLINED:
            self.hand_over(data)
        else:
            assert why is INCOMPLETE
            self._wait_for(0, data)

    def _wait_for(self, wanted: int, data: bytes) -> None:
        self._buffer, self._wanted = data, wanted
        if self._patience is None:
            self._patience = self._loop.call_later(PATIENCE_SECONDS, self.hand_over)
        if wanted and not self._set_aside:
            if self._front.set_aside(wanted):
                self._set_aside = wanted
            else:  # the server behind reads it while there is room
                self.hand_over()

    def _no_patience(self) -> None:
        self._wanted = 0
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
            if self._set_aside:
                self._front.give_back(self._set_aside)
                self._set_aside = 0

    def _answered(self, door: Route, exchange: Request, body: bytes) -> bool:
        """Whether it is answered already."""
        self._exchange, self._working = exchange, True
        try:
            begun = door.begin(exchange, body, self._tell)
        except Exception as error:  # a fault of our own
            logger.exception("a request failed")
            self._tell(line(500, first_line(error)))
            return True
        finally:
            self._working = False
        if self._exchange is None:
            return True
        if isinstance(begun, Coroutine):
            task = start_handler_task(self._see_through(begun, exchange), eager=False)
            self._front.in_flight.add(task)
            task.add_done_callback(self._front.in_flight.discard)
            # For one that is cancelled before it has begun, which a client over TLS can be quick enough for.
            task.add_done_callback(lambda _: begun.close())
            self._stop = task.stop
        else:
            self._stop = begun
        self._watcher.busy()
        return False

    async def _see_through(self, running: Coroutine[Untyped, Untyped, Response], exchange: Request) -> None:
        try:
            response = await running
        except GoneError:
            return
        except asyncio.CancelledError:
            if exchange.gone or not self._front.stopping:
                raise
            response = line(503, "the server stops, and cancelled this batch")
        self._tell(response)

    def _tell(self, response: Response) -> None:
        """The request under way is answered."""
        if self._exchange is None or self._over:
            return
        self._exchange = self._stop = None
        if self._front.stopping:
            self._transport.write(written(response, self._common() + _CLOSE))
            self._over = True
            self._transport.close()
        else:
            self._transport.write(written(response, self._common()))
        if self._working:
            return
        if self._buffer or self._read_paused:
            self._go_on()
        else:
            self._watcher.idle()

    def _go_on(self) -> None:
        if self._over:
            return
        self._resume_reading()
        data, self._buffer = self._buffer, b""
        self._work(data)

    # --- the end

    def hand_over(self, data: bytes | None = None) -> None:
        """The server behind goes on with the connection, beginning with *data*, or with what has arrived."""
        self._no_patience()
        if self.handed_over.done() or self._exchange is not None:
            return
        self._over = True
        transport, behind = self._transport, self._behind
        transport.set_protocol(behind)
        if self._write_paused:
            behind.pause_writing()
        self._resume_reading()
        assert isinstance(behind, asyncio.Protocol)
        if arrived := self._buffer if data is None else data:
            behind.data_received(arrived)
        self._buffer = b""
        self.handed_over.set_result(True)

    def end(self) -> None:
        """The connection is being closed: what still comes, as it does over TLS, is not looked at."""
        self._over = True

    @property
    def has_begun(self) -> bool:
        """Whether the beginning of a request has arrived, and the rest has not."""
        return bool(self._buffer) and self._exchange is None and not self._over

    def _gone(self) -> None:
        self._no_patience()
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.gone = True
            if self._stop is not None:
                self._stop()
                self._stop = None

    def _pause_reading(self) -> None:
        if not self._read_paused and not self._transport.is_closing():
            self._read_paused = True
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._read_paused:
            self._read_paused = False
            if not self._transport.is_closing():
                self._transport.resume_reading()


def _client(transport: asyncio.Transport) -> tuple[str, int] | None:
    peer = transport.get_extra_info("peername")
    return (peer[0], peer[1]) if isinstance(peer, tuple) else None
