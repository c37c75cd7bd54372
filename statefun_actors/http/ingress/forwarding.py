"""Routes of one partition: a request about one address goes to the partition that has it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, Protocol

from statefun_actors.address import Address
from statefun_actors.http.ingress.query import read_query
from statefun_actors.http.peers import Peer
from statefun_actors.http.request import OnDone, Pending, RefusedError, Request, Response, Route
from statefun_actors.partitions import Partition, partition_of

_PATIENCE_SECONDS: Final = 3.0
"""The timeout for the other partitions to take messages."""
_LONGEST_SECONDS: Final = 10.0
"""The timeout for another partition to answer a request, in addition to the ``?wait=`` of that."""
_MOST_KNOWN: Final = 20_000
_LONGEST_KNOWN: Final = 200
"""The number and the maximum length of the paths whose partition is kept."""


class AddressedRoute(Route, Protocol):
    """A route whose requests are about one address."""

    def address(self, path: bytes) -> Address | None:
        """The address in *path*; None: it has none, or an invalid one.

        Raises:
            RefusedError: it is invalid.
        """
        ...


class Forwarding:
    """The *peers* of the partition *own*, by number.

    *when_handed_over* makes a call once all messages for peers that are durable now have arrived there. A response
    waits for that for *patience* seconds at most. A peer that does not answer a request within *longest* seconds, and
    the time of its ``?wait=``, is taken for one that has ended.
    """

    def __init__(
        self,
        own: Partition,
        peers: Mapping[int, Peer],
        when_handed_over: Callable[[Callable[[], None]], None],
        patience: float = _PATIENCE_SECONDS,
        longest: float = _LONGEST_SECONDS,
    ) -> None:
        self.own, self.peers, self.when_handed_over, self.patience = own, peers, when_handed_over, patience
        self.longest = longest


class ForwardingRoute:
    """Responds by *route*, or by the peer that has the address of a request."""

    def __init__(self, route: AddressedRoute, forwarding: Forwarding) -> None:
        self._route, self._forwarding = route, forwarding
        self._known_partition = lru_cache(_MOST_KNOWN)(self._partition)
        self.admit = route.admit

    def respond(self, request: Request, body: bytes) -> Response | Pending:
        path, _, query = request.target.partition(b"?")
        try:
            partition = (self._known_partition if len(path) <= _LONGEST_KNOWN else self._partition)(path)
        except RefusedError as refused:
            return refused.response
        if partition is None:
            response = self._route.respond(request, body)
            return response if isinstance(response, Response) else _Arrived(response, self._forwarding)
        peer = self._forwarding.peers.get(partition)
        if peer is None:
            return self._route.respond(request, body)
        return peer.forward(request, body, self._forwarding.longest + _waited(query))

    def _partition(self, path: bytes) -> int | None:
        """The partition that has the address in *path*; None without an address."""
        address = self._route.address(path)
        own = self._forwarding.own
        return None if address is None else partition_of(address, own.count, own.placed)


def _waited(query: bytes) -> float:
    """The seconds of ``?wait=`` in *query*; 0 if it is invalid, which the peer says."""
    try:
        return read_query(query).seconds
    except RefusedError:
        return 0.0


class _Arrived:
    """The response to many messages, once those for other partitions are there.

    So a later request of the same client can't overtake them. They are durable here: if a partition takes none within
    the timeout, the response stays the same, because a client would send them again after a failure.
    """

    def __init__(self, pending: Pending, forwarding: Forwarding) -> None:
        self._pending, self._forwarding = pending, forwarding
        self._callback: OnDone | None = None
        self._late: asyncio.TimerHandle | None = None

    def on_done(self, callback: OnDone) -> None:
        self._callback = callback
        self._pending.on_done(self._durable)

    def cancel(self) -> None:
        self._pending.cancel()
        self._end(None)

    def _durable(self, response: Response | None) -> None:
        if response is None or response.status >= 300:
            self._end(response)
            return
        self._late = asyncio.get_running_loop().call_later(self._forwarding.patience, self._end, response)
        self._forwarding.when_handed_over(lambda: self._end(response))

    def _end(self, response: Response | None) -> None:
        if self._late is not None:
            self._late.cancel()
        callback, self._callback = self._callback, None
        if callback is not None:
            callback(response)
