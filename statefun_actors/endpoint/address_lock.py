"""A lock per address: one batch at a time, over all threads and event loops of the web framework.

Flink has one batch of an address in flight, but it sends the batch again when a connection breaks, and the handlers of
the first one may then still be running. Acquire and release are one atomic operation on a dictionary each, because
every request does both; only a batch that has to wait costs more.
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
"""The callbacks to call when a batch has ended."""


class AddressLocks(dict[Address, AddressLock]):
    """The locks held, by address.

    ``setdefault(address, lock) is lock`` acquires one, ``del self[address]`` releases it. A waiter that is added after
    that finds that the lock was released, and does not wait. :meth:`wake` wakes those that were added before.
    """

    @staticmethod
    def wake(lock: AddressLock) -> None:
        """Wake the batches that wait for *lock*, which was released."""
        for wake in lock:
            wake()

    async def ended(self, address: Address) -> None:
        """Return when the running batch of *address* has ended."""
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[None] = loop.create_future()
        if self._wake(address, functools.partial(_notify, loop, woken)):
            await woken

    def wait(self, address: Address) -> None:
        """As :meth:`ended`, in a thread without an event loop."""
        asleep = threading.Semaphore(0)
        if self._wake(address, asleep.release):
            asleep.acquire()

    def _wake(self, address: Address, wake: Callable[[], object]) -> bool:
        """Call *wake* when the running batch ends; return False if it has ended already."""
        lock = self.get(address)
        if lock is None:
            return False
        lock.append(wake)
        return self.get(address) is lock


def _notify(loop: asyncio.AbstractEventLoop, woken: asyncio.Future[None]) -> None:
    with contextlib.suppress(RuntimeError):  # its loop was closed, with the waiter
        loop.call_soon_threadsafe(_set, woken)


def _set(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)
