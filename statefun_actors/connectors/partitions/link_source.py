"""``LinkSource``: what one other partition has handed over to this one: messages, or the records of one egress."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Literal

from statefun_actors.engine import Inbox, Lost
from statefun_actors.own_logger import own_logger
from statefun_actors.partitions import LinkPosition, read_envelope, read_link_position, read_record

logger: Final = own_logger("statefun_actors.engine")

_WINDOW: Final = 2_000
"""Records in memory above which no more are received."""
_WINDOW_BYTES: Final = 16 * 1024 * 1024


class LinkSource:
    """The messages from the partition *sender*, or with *egress* its records of that, which a sink here writes.

    Its position is the number of the last record, which only increases, and the last starts of the sender's engine
    when it sent that (:class:`~statefun_actors.partitions.LinkPosition`).
    """

    kind: Literal["send"] = "send"
    """The source of its messages, for instruments."""

    def __init__(self, sender: int, egress: str | None = None) -> None:
        self.sender, self.egress = sender, egress
        self.durable = 0
        """The number of the last record that is durable here."""
        self.durable_starts = ""
        """The last starts of the sender's engine when it sent that."""
        self._starts = ""
        """The last starts of the sender's engine when it sent what was received last."""
        self._read = 0
        """The number of the last record that has entered an epoch."""
        self._received: deque[tuple[int, bytes]] = deque()
        self._not_durable: deque[tuple[int, bytes]] = deque()
        """The records that have entered an epoch which is not durable."""
        self._bytes = 0
        self._news = asyncio.Event()
        self._on_durable: Callable[[int], None] = _ignore
        self._disconnect: Callable[[], None] = _nothing

    # --- called by the engine

    @property
    def exhausted(self) -> bool:
        """Whether there is nothing to read at present; there may be more at any time."""
        return not self._received

    def resume(self, position: str | None) -> None:
        at = read_link_position(position)
        durable, self.durable_starts = at.seq, at.starts
        # They are read again at once: a search for the message that the store refuses does not wait for the sender.
        self._received.extendleft(record for record in reversed(self._not_durable) if record[0] > durable)
        self._not_durable.clear()
        self._bytes = sum(len(value) for _, value in self._received)
        self._read = durable
        if durable > self.durable:
            self.durable = durable
            self._on_durable(durable)

    def read(self, most: int, inbox: Inbox, /) -> str | None:
        received, last = self._received, self._read
        for _ in range(min(most, len(received))):
            record = received.popleft()
            last, value = record
            self._not_durable.append(record)
            self._bytes -= len(value)
            self._submit(last, value, inbox)
        if last == self._read:
            return None
        self._read = last
        self._news.set()
        at = LinkPosition(last, self._starts)
        inbox.when_durable(lambda lost: self._ended(at, lost))
        return at.text

    def _submit(self, seq: int, value: bytes, inbox: Inbox) -> None:
        if not value:  # not a message: its sender keeps it as refused
            return
        try:
            if self.egress is not None:
                record, headers = read_record(value)
                inbox.emit(self.egress, record, headers)
                return
            message = read_envelope(value)
        except ValueError as error:
            what = "a message" if self.egress is None else f"one of {self.egress}"
            logger.error("record %d of partition %d is not %s, and is dropped: %s", seq, self.sender, what, error)  # noqa: TRY400 - its text says all
            return
        inbox.submit(message.target, message.value, headers=message.headers, caller=message.caller)

    def _ended(self, at: LinkPosition, lost: Lost | None) -> None:
        """The epoch that has the records up to *at* is durable, or lost: then :meth:`resume` follows."""
        seq = at.seq
        if lost is None and seq > self.durable:
            self.durable, self.durable_starts = seq, at.starts
            while self._not_durable and self._not_durable[0][0] <= seq:
                self._not_durable.popleft()
            self._on_durable(seq)

    # --- called by the server

    def connected(self, on_durable: Callable[[int], None], disconnect: Callable[[], None]) -> None:
        """There is a new connection, which begins after :attr:`durable`, and replaces the one before.

        *on_durable* is called with the number of the last record whenever more of them are durable.
        """
        self._disconnect()
        self.disconnected()
        self._on_durable, self._disconnect = on_durable, disconnect

    def disconnected(self) -> None:
        """Forget the connection, and what it has brought and was not read: the sender sends it again."""
        self._on_durable, self._disconnect = _ignore, _nothing
        self._received.clear()
        self._bytes = 0
        self._news.set()

    def offer(self, records: Sequence[tuple[int, bytes]], starts: str) -> None:
        """Take *records*, without repeats, sent after the *starts* of its engine. Then wait for :meth:`room`."""
        self._starts = starts
        # After a lost epoch, its records wait here again, and a new connection may bring them, too.
        last = self._received[-1][0] if self._received else self._read
        for seq, value in records:
            if seq > last:
                self._received.append((seq, value))
                self._bytes += len(value)

    async def room(self) -> None:
        """Wait until there is room for more records, or the connection is replaced."""
        while len(self._received) >= _WINDOW or self._bytes >= _WINDOW_BYTES:
            self._news.clear()
            await self._news.wait()


def _ignore(_: int) -> None:
    """No connection wants to know."""


def _nothing() -> None:
    """There is no connection."""
