"""``LinkServer``: takes the connections of other partitions, and passes what they bring to the sources."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from statefun_actors.connectors.partitions import frames
from statefun_actors.connectors.partitions.frames import Durable, Hello, Records, Welcome, frame, read_frame
from statefun_actors.connectors.partitions.link_source import LinkSource
from statefun_actors.own_logger import own_logger
from statefun_actors.system import ACCEPTED_AT_ONCE

logger: Final = own_logger("statefun_actors.engine")


class LinkServer:
    """Serves *sources* at the listening socket *sock*, which it closes.

    Args:
        system: the id of the system; senders of another one are refused.
        receiver: the partition of this process.
    """

    def __init__(self, sock: socket.socket, system: str, receiver: int, sources: Iterable[LinkSource]) -> None:
        self._sock, self._system, self._receiver = sock, system, receiver
        self._sources = {(source.sender, source.egress): source for source in sources}
        self._wake: Callable[[], None] = lambda: None
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._refused: set[tuple[str, int]] = set()
        """The systems and partitions whose refusal was logged: they try again, twice in a second."""
        self._closed = False

    async def open(self, wake: Callable[[], None]) -> None:
        """Begin to serve. *wake* is called when a source has news."""
        self._wake = wake
        self._server = await asyncio.start_unix_server(self._accept, sock=self._sock, backlog=ACCEPTED_AT_ONCE)

    async def close(self) -> None:
        """Stop serving. Senders send again what is not durable here."""
        self._closed = True
        if self._server is not None:
            self._server.close()
            self._server = None
        serving = list(self._serving)
        for task in serving:
            task.cancel()
        if serving:
            await asyncio.wait(serving)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._closed:  # it was accepted before
            writer.close()
            return
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        task.add_done_callback(lambda _: writer.close())  # also if it is cancelled before it begins

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        source: LinkSource | None = None
        opened = True

        def acknowledge(seq: int) -> None:
            if not writer.is_closing():
                writer.write(frame(Durable(seq)))

        def disconnect() -> None:
            nonlocal opened
            opened = False
            writer.close()

        try:
            hello: Hello = await read_frame(reader, frames.read_hello)
            source = self._sources.get((hello.sender, hello.egress))
            if source is None or (hello.system, hello.receiver) != (self._system, self._receiver):
                source = None
                self._log_refusal(hello)
                return
            source.connected(acknowledge, disconnect)
            writer.write(frame(Welcome(source.durable, source.durable_starts)))
            while opened:
                records: Records = await read_frame(reader, frames.read_records)
                if not opened:
                    return
                source.offer(records.records, hello.starts)
                self._wake()
                await source.room()
        except (OSError, EOFError):
            pass  # the sender has ended, and connects again when it runs
        except msgspec.MsgspecError as error:
            logger.error("a connection to partition %d is closed: %s", self._receiver, error)  # noqa: TRY400 - its text says all
        finally:
            if source is not None and opened:
                source.disconnected()
            writer.close()

    def _log_refusal(self, hello: Hello) -> None:
        if (hello.system, hello.sender) in self._refused:
            return
        self._refused.add((hello.system, hello.sender))
        logger.error(
            "partition %d of another system connects to %s, and is refused: two runs use this path; stop one of them",
            hello.sender,
            self._sock.getsockname(),
        )
