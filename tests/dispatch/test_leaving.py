"""Everything that leaves a handler fails its message only."""

from __future__ import annotations

import asyncio
import functools
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from statefun_actors import DeadLetter, Discard, Entity, StatefulFunctions, TerminalError, handles, persisted
from statefun_actors.address import Address
from statefun_actors.dispatch import Application, dispatch, in_handler_task, is_terminal
from statefun_actors.interrupts import owning_process
from statefun_actors.model import Batch, Done, Failed, Invocation, MessageFailure
from statefun_actors.types import pack
from tests.dispatch.world import VirtualHost, World, text_of

POLICIES = [Discard(), DeadLetter("test/dead", attempts=3)]


def decorated(method: Callable[..., Awaitable[None]]) -> Callable[..., asyncio.Future[None]]:
    """An async handler that a decorator runs in a task of its own."""

    @functools.wraps(method)
    def wrapper(*args: Any) -> asyncio.Future[None]:
        return asyncio.ensure_future(method(*args))

    return wrapper


async def cancelled_child() -> None:
    child = asyncio.create_task(asyncio.sleep(60))
    await asyncio.sleep(0)
    child.cancel()
    await child


async def cancel_and_wait() -> None:
    cancel_own_task()
    await asyncio.sleep(60)


async def cancel_in_a_group() -> None:
    cancel_own_task()
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.sleep(60))


async def cancel_in_a_timeout() -> None:
    async with asyncio.timeout(60):
        cancel_own_task()
        await asyncio.sleep(60)


async def be_cancelled_by_another() -> None:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().call_soon(task.cancel)
    await asyncio.sleep(60)


def cancel_own_task() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()


async def leave(how: str) -> None:
    match how:
        case "SystemExit":
            sys.exit(3)
        case "KeyboardInterrupt":
            raise KeyboardInterrupt
        case "GeneratorExit":
            raise GeneratorExit
        case "CancelledError":
            raise asyncio.CancelledError
        case "BaseException":
            raise BaseException("base")  # noqa: TRY002 - what is tried here
        case "BaseExceptionGroup":
            raise BaseExceptionGroup("several", [SystemExit(1), ValueError("a")])
        case "cancelled child":
            await cancelled_child()
        case "cancel":
            await cancel_and_wait()
        case "cancel in a group":
            await cancel_in_a_group()
        case "cancel in a timeout":
            await cancel_in_a_timeout()
        case "cancelled by another":
            await be_cancelled_by_another()
        case "cancel and return":
            cancel_own_task()
        case _:
            raise AssertionError(how)


RAISED = {
    "SystemExit": "SystemExit(3)",
    "KeyboardInterrupt": "KeyboardInterrupt()",
    "GeneratorExit": "GeneratorExit()",
    "CancelledError": "CancelledError() (its task, or one that it awaited, was cancelled)",
    "BaseException": "BaseException('base')",
    "BaseExceptionGroup": "BaseExceptionGroup('several', [SystemExit(1), ValueError('a')])",
}

CANCELLED = [
    "cancelled child",
    "cancel",
    "cancel in a group",
    "cancel in a timeout",
    "cancelled by another",
    "cancel and return",
]

WAYS = [*RAISED, *CANCELLED]


class Leaver(Entity, typename="test/leaver"):
    count: int = persisted(default=0)

    @handles(int)
    async def add(self, message: int) -> None:
        await asyncio.sleep(0)
        self.count += message

    @handles(str)
    async def leave(self, message: str) -> None:
        self.count += 100
        self.send(self.address, 1)
        how, _, when = message.partition(", ")
        if when == "later":
            await asyncio.sleep(0)
        await leave(how)

    @handles(bytes)
    @decorated
    async def elsewhere(self, message: bytes) -> None:
        self.count += 100
        await leave(message.decode())

    @handles(float, blocking=True)
    def in_thread(self, message: float) -> None:
        self.count += 100
        raise list(EXITS)[int(message)]


EXITS = [SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError, BaseException, StopIteration]


def said(way: str, handler: str) -> str:
    raised = RAISED.get(way, RAISED["CancelledError"])
    return (
        f"HandlerExitError: {handler} raised {raised}; a handler can't stop the process. "
        "Raise TerminalError to give up."
    )


@pytest.fixture(autouse=True)
def _our_process() -> Any:
    with owning_process():
        yield


@pytest.mark.parametrize("when", ["at once", "later"])
@pytest.mark.parametrize("way", WAYS)
async def test_without_a_policy_the_batch_fails_and_names_the_message(way: str, when: str) -> None:
    world = World(Leaver)

    outcome = await world.failed(f"{way}, {when}")

    assert (outcome.index, text_of(outcome.error)) == (0, said(way, "Leaver.leave"))
    assert (await world.done(1)).changes == {"count": pack(1)}


@pytest.mark.parametrize("when", ["at once", "later"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("policy", POLICIES, ids=["Discard", "DeadLetter"])
async def test_a_policy_applies_and_the_rest_of_the_batch_goes_on(
    policy: Discard | DeadLetter, way: str, when: str
) -> None:
    world = World(Leaver, on_failure=policy)

    outcome = await world.done(1, f"{way}, {when}", 2, f"{way}, {when}", 4)

    assert outcome.changes == {"count": pack(7)}
    assert [(failure.index, failure.attempts, text_of(failure.error)) for failure in outcome.failures] == [
        (index, policy.attempts, said(way, "Leaver.leave")) for index in (1, 3)
    ]
    assert len(outcome.effects) == (2 if isinstance(policy, DeadLetter) else 0)
    assert world.host.waits == [pytest.approx(0.1), pytest.approx(0.2)] * (2 if policy.attempts == 3 else 0)


@pytest.mark.parametrize("way", [way for way in WAYS if way not in {"SystemExit", "KeyboardInterrupt"}])
async def test_so_it_is_with_what_a_decorator_made_of_an_async_handler(way: str) -> None:
    # A task that raises SystemExit or KeyboardInterrupt ends the event loop that runs it, by asyncio's own rule.
    world = World(Leaver, on_failure=Discard())

    outcome = await world.done(1, way.encode(), 2)

    assert outcome.changes == {"count": pack(3)}
    assert [text_of(failure.error).partition(" raised ")[0] for failure in outcome.failures] == [
        "HandlerExitError: Leaver.elsewhere"
    ]


@pytest.mark.parametrize("number", range(len(EXITS)))
async def test_so_it_is_with_a_blocking_handler(number: int) -> None:
    world = World(Leaver, on_failure=Discard())

    outcome = await world.done(1, float(number), 2)

    assert outcome.changes == {"count": pack(3)}
    assert [type(failure.error).__name__ for failure in outcome.failures] == [
        "RuntimeError" if EXITS[number] is StopIteration else "HandlerExitError"
    ]


class Plain(Entity, typename="test/plain"):
    count: int = persisted(default=0)

    @handles(str)
    def leave(self, message: str) -> None:
        self.count += 1
        match message:
            case "StopIteration":
                raise StopIteration(3)
            case "KeyboardInterrupt":
                raise KeyboardInterrupt
            case "GeneratorExit":
                raise GeneratorExit
            case "cancel":
                task = asyncio.current_task()
                assert task is None or task.cancel()
            case _:
                pass


@pytest.mark.parametrize("way", ["StopIteration", "KeyboardInterrupt", "GeneratorExit"])
async def test_so_it_is_with_a_plain_handler(way: str) -> None:
    outcome = await World(Plain, on_failure=Discard()).done("fine", way, "fine")

    assert outcome.changes == {"count": pack(2)}
    error = outcome.failures[0].error
    assert type(error).__name__ == ("StopIteration" if way == "StopIteration" else "HandlerExitError")


async def test_outside_run_and_serve_a_keyboard_interrupt_ends_the_batch_under_any_policy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("statefun_actors.interrupts.owns_process", lambda: False)

    outcome = await World(Plain, on_failure=Discard()).failed("fine", "KeyboardInterrupt")

    assert (outcome.index, type(outcome.error)) == (1, KeyboardInterrupt)


async def test_a_function_is_like_an_entity() -> None:
    functions = StatefulFunctions()

    @functions.bind("test/fn", on_failure=Discard())
    async def leaving(context: Any, message: str) -> None:
        await leave(message)

    app = Application(functions)
    batch = Batch(Address("test/fn", "a"), {}, [Invocation(pack(way)) for way in WAYS])

    outcome = await in_handler_task(dispatch(batch, app, VirtualHost()))

    assert isinstance(outcome, Done)
    assert [text_of(failure.error) for failure in outcome.failures] == [said(way, "test/fn") for way in WAYS]


async def test_a_group_with_a_terminal_error_is_terminal() -> None:
    class Grouped(Entity, typename="test/grouped"):
        @handles(int)
        def go(self, message: int) -> None:
            raise BaseExceptionGroup("g", [TerminalError("no"), SystemExit()])

    outcome = await World(Grouped).failed(1)

    assert isinstance(outcome, Failed)
    assert is_terminal(outcome.error)


async def test_the_cause_is_what_was_raised() -> None:
    outcome = await World(Leaver, on_failure=Discard()).done("SystemExit, later")

    failure: MessageFailure = outcome.failures[0]
    assert isinstance(failure.error.__cause__, SystemExit)
