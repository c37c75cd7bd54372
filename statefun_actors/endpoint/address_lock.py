"""One batch of an address at a time, whatever threads and event loops the web framework runs them in.

Flink has one batch of an address in flight, but it sends the batch again when a connection breaks, and the handlers of
the first one may then still be at work. Entering and leaving are two operations on a dictionary, each atomic, because
every request does both; only who has to wait pays for more.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
from collections.abc import Callable
from typing import TypeAlias

from statefun_actors.address import Address

AddressLock: TypeAlias = list[Callable[[], object]]
"""A batch's place: whom to wake when it has ended."""


class AddressLocks(dict[Address, AddressLock]):
    """The batches under way, by address. ``setdefault(address, turn) is turn`` enters, :meth:`leave` leaves."""

    def leave(self, address: Address, turn: AddressLock) -> None:
        """The batch that entered with *turn* has ended."""
        del self[address]
        # Whoever is added from here on finds that this turn is over, and does not wait.
        if turn:
            for wake in turn:
                wake()

    async def ended(self, address: Address) -> None:
        """Return when the batch of *address* that is under way has ended."""
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[None] = loop.create_future()
        if self._wake(address, functools.partial(_tell, loop, woken)):
            await woken

    def wait(self, address: Address) -> None:
        """As :meth:`ended`, in a thread without an event loop."""
        asleep = threading.Semaphore(0)
        if self._wake(address, asleep.release):
            asleep.acquire()

    def _wake(self, address: Address, wake: Callable[[], object]) -> bool:
        """Have *wake* called when the batch under way ends; False where it has ended already."""
        turn = self.get(address)
        if turn is None:
            return False
        turn.append(wake)
        return self.get(address) is turn


def _tell(loop: asyncio.AbstractEventLoop, woken: asyncio.Future[None]) -> None:
    with contextlib.suppress(RuntimeError):  # its loop was closed: nobody waits any more
        loop.call_soon_threadsafe(_set, woken)


def _set(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)
