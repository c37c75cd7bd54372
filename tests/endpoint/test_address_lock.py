"""One batch of an address at a time: in one event loop, in several, in threads."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

from statefun_actors import Address, Context, Discard, RequestReplyHandler, StatefulFunctions
from statefun_actors.endpoint.address_lock import AddressLock, AddressLocks
from tests.http.serving import DEADLINE, request

ADA, BOB = Address("bank/account", "ada"), Address("bank/account", "bob")


class Overlap:
    """A function that notices when two batches of one address run at once."""

    def __init__(self) -> None:
        self.running: set[str] = set()
        self.most: list[int] = []
        self.together = False
        self._lock = threading.Lock()

    def enter(self, id: str) -> None:
        with self._lock:
            self.together |= id in self.running
            self.running.add(id)
            self.most.append(len(self.running))

    def leave(self, id: str) -> None:
        with self._lock:
            self.running.discard(id)


def test_plain_handlers_of_one_address_in_many_threads_run_one_after_another() -> None:
    seen, functions, barrier = Overlap(), StatefulFunctions(), threading.Barrier(8)

    @functions.bind("bank/account", on_failure=Discard(attempts=3, backoff=0.001))
    def account(context: Context, message: int) -> None:
        seen.enter(context.address.id)
        for _ in range(200):
            pass
        seen.leave(context.address.id)
        if message % 3 == 0:
            raise ValueError("wait a little, and again")

    handler = RequestReplyHandler(functions)

    def work(number: int) -> None:
        barrier.wait(DEADLINE)
        for index in range(50):
            handler(request(ADA if (number + index) % 4 else BOB, index))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))

    assert not seen.together
    assert not handler._locks


def test_async_handlers_of_one_address_in_many_event_loops_run_one_after_another() -> None:
    seen, functions, barrier = Overlap(), StatefulFunctions(), threading.Barrier(6)

    @functions.bind("bank/account")
    async def account(context: Context, message: int) -> None:
        seen.enter(context.address.id)
        for _ in range(message):
            await asyncio.sleep(0)
        seen.leave(context.address.id)

    handler = RequestReplyHandler(functions)

    def work(number: int) -> None:
        async def several() -> None:
            await asyncio.gather(*(handler.handle(request(ADA, index % 4 + number % 2)) for index in range(30)))

        barrier.wait(DEADLINE)
        asyncio.run(several())

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))

    assert not seen.together
    assert not handler._locks


async def test_different_addresses_do_not_wait_for_each_other() -> None:
    functions, both = StatefulFunctions(), asyncio.Event()
    entered: list[str] = []

    @functions.bind("bank/account")
    async def account(context: Context, message: int) -> None:
        entered.append(context.address.id)
        if len(entered) == 2:
            both.set()
        await both.wait()

    handler = RequestReplyHandler(functions)
    async with asyncio.timeout(DEADLINE):
        await asyncio.gather(handler.handle(request(ADA, 1)), handler.handle(request(BOB, 1)))

    assert sorted(entered) == ["ada", "bob"]


async def test_a_waiter_can_be_cancelled_and_the_next_one_gets_the_lock() -> None:
    functions, go = StatefulFunctions(), asyncio.Event()
    began: list[int] = []

    @functions.bind("bank/account")
    async def account(context: Context, message: int) -> None:
        began.append(message)
        await go.wait()

    handler = RequestReplyHandler(functions)
    first, second, third = (asyncio.create_task(handler.handle(request(ADA, number))) for number in (1, 2, 3))
    for _ in range(3):
        await asyncio.sleep(0)
    second.cancel()
    go.set()
    async with asyncio.timeout(DEADLINE):
        await asyncio.wait([first, second, third])

    assert (began, second.cancelled(), first.cancelled(), third.cancelled()) == ([1, 3], True, False, False)
    assert not handler._locks


def test_a_turn_that_ends_while_one_asks_for_it_is_not_waited_for() -> None:
    locks = AddressLocks()
    lock: AddressLock = []
    locks.setdefault(ADA, lock)
    del locks[ADA]
    locks.wake(lock)

    locks.wait(ADA)


async def test_a_waiter_whose_loop_is_closed_delays_no_other() -> None:
    locks = AddressLocks()
    lock: AddressLock = []
    assert locks.setdefault(ADA, lock) is lock

    async def wait_a_little() -> None:
        waiting = asyncio.create_task(locks.ended(ADA))
        await asyncio.sleep(0)
        waiting.cancel()

    await asyncio.get_running_loop().run_in_executor(None, lambda: asyncio.run(wait_a_little()))
    del locks[ADA]
    locks.wake(lock)

    assert not locks
