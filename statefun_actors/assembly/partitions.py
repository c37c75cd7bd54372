"""The services of one partition of a system, for the others: one takes messages, one responds to requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from statefun_actors.connectors.partitions import LinkServer, LinkSink, LinkSource
from statefun_actors.engine import Engine
from statefun_actors.http import Forwarding, Guard, Peer, Router, create_ingress_app, serve_peers
from statefun_actors.partitions import Partition, egress_link, link, partition_of_name
from statefun_actors.system import listen_at

if TYPE_CHECKING:
    from statefun_actors.console import ConsoleRoute

_FIRST: Final = 0


@attrs.frozen
class Neighbours:
    """The partition *own* of the system with the id *system*, and where the others are.

    Args:
        sockets: a folder for the Unix sockets of all partitions, which only this user can access.
        store: the path of the store of the system, for errors.
        egresses: those that have a target; each is written by one partition, to which the others hand its records.
    """

    own: Partition
    system: str
    sockets: Path
    store: Path
    egresses: frozenset[str] = frozenset()

    def link_socket(self, partition: int) -> Path:
        """Where *partition* takes messages."""
        return self.sockets / f"{partition}.link"

    def requests_socket(self, partition: int) -> Path:
        """Where *partition* takes forwarded requests."""
        return self.sockets / f"{partition}.requests"

    def writes(self, egress: str) -> bool:
        """Whether the partition *own* writes the records of *egress* to their target."""
        return partition_of_name(egress, self.own.count) == self.own.own

    def reads(self, ingress: str) -> bool:
        """Whether the partition *own* reads *ingress* for all, if one of them does."""
        return partition_of_name(ingress, self.own.count) == self.own.own

    def sinks(self) -> dict[str, LinkSink]:
        """The sinks for what is handed over to the others, by egress."""
        found = {link(to): self._sink(to) for to in self.own.others}
        for egress in self.egresses:
            if not self.writes(egress):
                found[egress] = self._sink(partition_of_name(egress, self.own.count), egress)
        return found

    def sources(self) -> dict[str, LinkSource]:
        """The sources of what the others hand over, by name."""
        found = {link(sender): LinkSource(sender) for sender in self.own.others}
        for egress in filter(self.writes, self.egresses):
            found |= {egress_link(sender, egress): LinkSource(sender, egress) for sender in self.own.others}
        return found

    def _sink(self, to: int, egress: str | None = None) -> LinkSink:
        return LinkSink(self.link_socket(to), self.system, self.own.own, to, self.store, egress)

    def pages_by(self) -> Peer:
        """The partition that makes the pages of the console for all, to which it forwards requests itself, too."""
        return Peer(f"partition {_FIRST}", self.requests_socket(_FIRST))

    @property
    def makes_pages(self) -> bool:
        """Whether the partition *own* makes the pages of the console."""
        return self.own.own == _FIRST

    def forwarding(self, engine: Engine) -> Forwarding:
        """Forwards requests from *engine* to the others."""
        peers = {number: Peer(f"partition {number}", self.requests_socket(number)) for number in self.own.others}
        return Forwarding(self.own, peers, engine.when_handed_over)


class LinkService:
    """Takes what other partitions hand over to *sources*."""

    serving: asyncio.Task[None] | None = None

    def __init__(self, neighbours: Neighbours, sources: Iterable[LinkSource]) -> None:
        self._neighbours, self._sources = neighbours, sources
        self._server: LinkServer | None = None

    async def open(self, engine: Engine) -> None:
        """Begin to take messages. Raises OSError: the socket can't be opened."""
        own = self._neighbours.own.own
        sock = listen_at(self._neighbours.link_socket(own))
        sock.setblocking(False)
        self._server = LinkServer(sock, self._neighbours.system, own, self._sources)
        await self._server.open(engine.wake)

    async def refuse(self) -> None:
        """End all connections: a sender that waits for this partition would stop late."""
        if self._server is not None:
            await self._server.close()
            self._neighbours.link_socket(self._neighbours.own.own).unlink(missing_ok=True)

    async def close(self) -> None:
        pass


class ForwardedRequests:
    """Responds to requests that other partitions have admitted and forwarded.

    Args:
        neighbours: the partition, and where the others are.
        pages: makes the console of all partitions; None: there is none, or another partition makes its pages.
    """

    serving: asyncio.Task[None] | None = None

    def __init__(self, neighbours: Neighbours, pages: Callable[[Engine], ConsoleRoute] | None = None) -> None:
        self._neighbours, self._pages = neighbours, pages
        self._console: ConsoleRoute | None = None
        self._router: Router | None = None
        self._closing = asyncio.Event()

    async def open(self, engine: Engine) -> None:
        """Begin to respond. Raises OSError: the socket can't be opened."""
        sock = listen_at(self._neighbours.requests_socket(self._neighbours.own.own))
        self._console = None if self._pages is None else self._pages(engine)
        console = None if self._console is None else self._console.at
        self._router = create_ingress_app(engine.app, engine, Guard(local=False), console)
        self.serving = asyncio.create_task(serve_peers(self._router, sock, stop=self._closing.wait))

    async def refuse(self) -> None:
        """Say so in ``/readyz``. Messages get the answers of an engine that stops."""
        if self._router is not None:
            self._router.stopping = True
        if self._console is not None:
            self._console.refuse()

    async def close(self) -> None:
        self._closing.set()
        if self.serving is not None:
            await asyncio.wait([self.serving])
            self._neighbours.requests_socket(self._neighbours.own.own).unlink(missing_ok=True)
        if self._console is not None:
            self._console.close()
