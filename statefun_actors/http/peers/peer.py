"""``Peer``: another process of the same system, to which requests are forwarded over its Unix socket.

All requests share one connection, and are answered in any order. Those of one turn of the event loop are sent together.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from pathlib import Path
from typing import Final

import attrs

from statefun_actors.http.peers.frames import FULL, Asked, FrameConnection, Turn, frame, read_answers
from statefun_actors.http.request import OnDone, Request, Response, line
from statefun_actors.ingress import Deadlines

_RETRY: Final = (b"retry-after", b"1")


@attrs.frozen
class Failures:
    """The texts of the responses for a peer that gives none.

    Args:
        unreachable: no connection to ``{name}``, for the ``{reason}``.
        lost: ``{name}``, to which the request was sent, will give no response, since it ``{did}``.
    """

    unreachable: str
    lost: str


_OF_MESSAGES: Final = Failures(
    "not taken, send it again: {name} can't be reached: {reason}",
    "{name} {did}; the message may or may not be stored: send it again only under the same Idempotency-Key",
)


class PendingForward:
    """The pending response of a peer. *asked* is the request until it is sent."""

    __slots__ = ("_callback", "_due", "_ended", "_failures", "_peer", "_response", "_seconds", "asked", "number")

    def __init__(
        self, peer: Peer, asked: Asked, seconds: float, failures: Failures, deadlines: Deadlines[PendingForward]
    ) -> None:
        self.number = asked.number
        self.asked: Asked | None = asked
        self._peer, self._seconds, self._failures = peer, seconds, failures
        self._callback: OnDone | None = None
        self._response: Response | None = None
        self._ended = False
        self._due = deadlines.add(self, seconds)

    def expire(self) -> None:
        """The peer has not answered in time: its process may be stopped, or its event loop held."""
        if self.asked is not None:
            self.unreachable(f"it read nothing for {self._seconds:g} s")
        else:
            self._peer.cancel(self.number)
            self.lost(f"did not answer within {self._seconds:g} s")

    def on_done(self, callback: OnDone) -> None:
        if self._ended:
            asyncio.get_running_loop().call_soon(callback, self._response)
        else:
            self._callback = callback

    def cancel(self) -> None:
        """Stop waiting. The peer cancels the request; one that is not sent yet is not sent."""
        if self._ended:
            return
        if self.asked is None:
            self._peer.cancel(self.number)
        self.end(None)

    def unreachable(self, reason: str) -> None:
        """There is no connection, for the *reason*."""
        text = self._failures.unreachable.format(name=self._peer.name, reason=reason)
        self.end(line(503, text, _RETRY))

    def lost(self, did: str = "ended before it answered") -> None:
        """The peer will give no response to the request, which was sent, since it *did* that."""
        self.end(line(503, self._failures.lost.format(name=self._peer.name, did=did)))

    def end(self, response: Response | None) -> None:
        """Give *response*, unless there was one."""
        if self._ended:
            return
        self._ended, self._response, self.asked = True, response, None
        self._due.discard(self)
        if self._callback is not None:
            self._callback(response)


class Peer:
    """The process of *name* at the Unix socket *path*."""

    def __init__(self, name: str, path: Path) -> None:
        self.name, self.path = name, path
        self._numbers = itertools.count()
        self._queue: deque[PendingForward] = deque()
        """Requests that are not sent yet, and some that were cancelled before."""
        self._connection: _Connection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._is_scheduled = False
        self._deadlines: Deadlines[PendingForward] = Deadlines()

    def forward(
        self, request: Request, body: bytes, seconds: float, failures: Failures = _OF_MESSAGES
    ) -> PendingForward:
        """Forward *request*; the response is the peer's, as it is, or 503 by *failures*.

        A peer that does not respond within *seconds* is taken for one that has ended.
        """
        headers = () if request.block else tuple(request.headers)
        asked = Asked(next(self._numbers), request.method, request.target, request.block, headers, body)
        pending = PendingForward(self, asked, seconds, failures, self._deadlines)
        self._queue.append(pending)
        self._schedule()
        return pending

    def cancel(self, number: int) -> None:
        """Cancel the request *number*, which was sent."""
        if self._connection is not None and self._connection.sent.pop(number, None) is not None:
            self._connection.cancelled.append(number)
            self._schedule()

    def send(self) -> None:
        """Send what waits, as far as the peer reads it."""
        self._is_scheduled = False
        if self._connection is not None:
            self._connection.send(self._queue)
        elif self._queue and self._connecting is None:
            self._connecting = asyncio.get_running_loop().create_task(self._connect())

    def connected(self, connection: _Connection) -> None:
        """There is a *connection*."""
        self._connection = connection
        self.send()

    def lost(self) -> None:
        """The connection has ended. What it has not sent goes over a new one."""
        self._connection = None
        if self._queue:
            self._schedule()

    def _schedule(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self.send)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_unix_connection(lambda: _Connection(self), str(self.path))
        except OSError as error:
            waiting, self._queue = self._queue, deque()
            for pending in waiting:
                pending.unreachable(error.strerror or str(error))
        finally:
            self._connecting = None
        self.send()


class _Connection(FrameConnection):
    """A connection to *peer*."""

    def __init__(self, peer: Peer) -> None:
        super().__init__()
        self._peer = peer
        self._is_paused = False
        self.sent: dict[int, PendingForward] = {}
        """Requests without a response, by number."""
        self.cancelled: list[int] = []
        """The numbers of those of which the peer does not know yet that they are cancelled."""

    def send(self, queue: deque[PendingForward]) -> None:
        """Send the requests of *queue* until the peer does not read on: they can be cancelled as long as they wait."""
        transport = self.transport
        while (queue or self.cancelled) and transport and not (self._is_paused or transport.is_closing()):
            asked: list[Asked] = []
            size = 0
            while queue and size < FULL:
                pending = queue.popleft()
                if pending.asked is not None:
                    asked.append(pending.asked)
                    size += len(pending.asked.body)
                    self.sent[pending.number] = pending
                    pending.asked = None
            cancelled, self.cancelled = self.cancelled, []
            if asked or cancelled:
                transport.write(frame(Turn(asked, cancelled)))

    def read(self, body: memoryview) -> None:
        for number, response in read_answers.decode(body):
            pending = self.sent.pop(number, None)
            if pending is not None:  # else it was cancelled
                pending.end(response)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._peer.connected(self)

    def pause_writing(self) -> None:
        self._is_paused = True

    def resume_writing(self) -> None:
        self._is_paused = False
        self._peer.send()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._peer.lost()
        sent, self.sent = self.sent, {}
        for pending in sent.values():
            pending.lost()
