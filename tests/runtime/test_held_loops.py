"""The timeouts of calls from outside hold even if the event loop of the runtime is held, or does not run."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from statefun_actors import AsyncRuntime, Entity, ReplyTimeoutError, Runtime, UnavailableError, handles
from tests.client.bank import Account, Deposit, Deposited

ADA = Account.at("ada")
DEAF = "the event loop of the runtime does not respond: a handler may be blocking it"
STOPPED = "the event loop of the runtime does not run: run it while calls are made"
CLOSED = "the event loop of the runtime is closed: start another runtime"
_BEGUN, _LET_GO = threading.Event(), threading.Event()


class Holding(Entity, typename="test/holding"):
    """Holds the event loop of its engine."""

    @handles
    def hold(self, message: str) -> str:
        _BEGUN.set()
        assert _LET_GO.wait(60)
        return message


class Jumping(asyncio.SelectorEventLoop):
    """An event loop whose clock can jump, so that a timeout passes at once there, and there only."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead

    def jump(self) -> None:
        self.ahead += 3600


@pytest.fixture
def here() -> Iterator[Jumping]:
    """The event loop of the callers."""
    loop = Jumping()
    yield loop
    loop.close()


@pytest.fixture
def theirs() -> Iterator[asyncio.AbstractEventLoop]:
    """The event loop of the runtime."""
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture
def holder() -> Iterator[ThreadPoolExecutor]:
    """Its thread may hold an event loop until the test ends."""
    _BEGUN.clear()
    _LET_GO.clear()
    with ThreadPoolExecutor(1) as pool:
        yield pool
        _LET_GO.set()


@pytest.fixture
def stopped(theirs: asyncio.AbstractEventLoop) -> Iterator[AsyncRuntime]:
    """A runtime whose event loop does not run."""
    runtime = AsyncRuntime(Account, Holding)
    theirs.run_until_complete(runtime.__aenter__())
    yield runtime
    theirs.run_until_complete(runtime.__aexit__(None, None, None))


def late(here: Jumping, call: Awaitable[object], between: Callable[[], object] = lambda: None) -> str:
    """The text of the error of *call*, whose timeout passes after it has called and *between* has returned."""

    async def work() -> BaseException | None:
        made = asyncio.ensure_future(call)
        await asyncio.sleep(0)  # it has called
        await asyncio.to_thread(between)
        here.jump()
        (found,) = await asyncio.gather(made, return_exceptions=True)
        assert isinstance(found, UnavailableError | ReplyTimeoutError)
        return found

    return str(here.run_until_complete(work()))


def test_a_blocking_call_keeps_its_timeout_while_a_handler_holds_the_loop(holder: ThreadPoolExecutor) -> None:
    with Runtime(Account, Holding) as runtime:
        held = holder.submit(runtime.ask, Holding.at("h"), "held", str)
        assert _BEGUN.wait(60)
        with pytest.raises(UnavailableError) as asked:
            runtime.ask(Account.deposit, "ada", Deposit(cents=5), timeout=0.01)
        _LET_GO.set()
        assert held.result(60) == "held"

        assert runtime.ask(Account.deposit, "ada", Deposit(cents=1)) == Deposited(1)  # the first one was not sent later
    assert str(asked.value) == (
        f"{ADA} can't be reached, tried once in 0.0 s: no answer within 0.01 s; {DEAF}. The message was not taken, and "
        "will not be: it may be sent again."
    )


def test_calls_to_a_loop_that_does_not_run_end_and_are_not_sent_later(
    here: Jumping, theirs: asyncio.AbstractEventLoop, stopped: AsyncRuntime
) -> None:
    asked = late(here, stopped.ask(Account.deposit, "ada", Deposit(cents=5), timeout=60))
    told = late(here, stopped.tell(ADA, Deposit(cents=5), timeout=60, key="k"))
    answered = late(here, stopped.answer("f" * 32, Deposit(cents=5), timeout=60))

    assert asked == (
        f"{ADA} can't be reached, tried once in 60.0 s: no answer within 60 s; {STOPPED}. The message was not taken, "
        "and will not be: it may be sent again."
    )
    assert told == (
        f"{ADA} can't be reached, tried once in 60.0 s: not durable within 60 s; {STOPPED}. The message was not taken, "
        "and will not be. Send it again with key='k': it is then delivered once, even if this call delivered it."
    )
    assert answered == (
        f"statefun-actors/reply/{'f' * 32} can't be reached, tried once in 60.0 s: not durable within 60 s; {STOPPED}. "
        "The message was not taken, and will not be: it may be sent again."
    )
    assert theirs.run_until_complete(stopped.ask(Account.deposit, "ada", Deposit(cents=1))) == Deposited(1)


@pytest.mark.parametrize(
    ("key", "retry"),
    [
        (None, "a retry without key= can deliver it again"),
        ("k", "a retry with the same key= waits for the same reply"),
    ],
)
def test_an_ask_that_has_begun_says_that_its_message_may_have_been_taken(
    here: Jumping,
    theirs: asyncio.AbstractEventLoop,
    stopped: AsyncRuntime,
    holder: ThreadPoolExecutor,
    key: str | None,
    retry: str,
) -> None:
    running = holder.submit(theirs.run_forever)
    try:
        said = late(here, stopped.ask(Holding.at("h"), "held", str, timeout=60, key=key), lambda: _BEGUN.wait(60))
    finally:
        _LET_GO.set()
        theirs.call_soon_threadsafe(theirs.stop)
        running.result(60)

    assert said == (
        f"no reply from test/holding/h: no answer within 60 s; {DEAF}. The message may have been taken: {retry}. Give "
        "it more time with timeout=; or don't wait, if its handler does not reply: tell(...)."
    )


@pytest.mark.parametrize(
    ("key", "retry"),
    [
        (None, ": a retry without key= can deliver it again."),
        ("k", ". Send it again with key='k': it is then delivered once, even if this call delivered it."),
    ],
)
def test_a_tell_that_has_begun_says_that_its_message_may_have_been_taken(
    here: Jumping, theirs: asyncio.AbstractEventLoop, stopped: AsyncRuntime, key: str | None, retry: str
) -> None:
    async def begin() -> str:
        made = asyncio.ensure_future(stopped.tell(ADA, Deposit(cents=5), timeout=60, key=key))
        await asyncio.sleep(0)  # it has called; its message is sent in the next turn of the other loop
        theirs_turn.set()
        assert await asyncio.to_thread(turned.wait, 60)
        here.jump()
        (found,) = await asyncio.gather(made, return_exceptions=True)
        assert isinstance(found, UnavailableError)
        return str(found)

    def one_turn() -> None:
        assert theirs_turn.wait(60)
        theirs.call_soon(theirs.stop)
        theirs.run_forever()
        turned.set()

    theirs_turn, turned = threading.Event(), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        turning = pool.submit(one_turn)
        said = here.run_until_complete(begin())
        turning.result(60)

    assert said == (
        f"{ADA} can't be reached, tried once in 60.0 s: not durable within 60 s; {STOPPED}. The message may have been "
        f"taken{retry}"
    )


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the engine was never ended
def test_a_loop_that_is_closed_meanwhile_is_named(here: Jumping, theirs: asyncio.AbstractEventLoop) -> None:
    runtime = AsyncRuntime(Account)
    theirs.run_until_complete(runtime.__aenter__())

    said = late(here, runtime.tell(ADA, Deposit(cents=5), timeout=60), theirs.close)
    del runtime
    gc.collect()

    assert said == (
        f"{ADA} can't be reached, tried once in 60.0 s: not durable within 60 s; {CLOSED}. The message was not taken, "
        "and will not be: it may be sent again."
    )


def test_a_mounted_ingress_keeps_the_timeout_of_a_request(here: Jumping, stopped: AsyncRuntime) -> None:
    async def work() -> tuple[int, str]:
        transport = httpx.ASGITransport(app=stopped.asgi)
        async with httpx.AsyncClient(transport=transport, base_url="http://example.org") as http:
            response = await http.put("/ingress/bank/account/ada?type=bank/deposit&wait=10ms", json={"cents": 1})
        return response.status_code, response.text

    assert here.run_until_complete(work()) == (
        504,
        "no answer within 0.01 s; the message may or may not be stored\n",
    )
