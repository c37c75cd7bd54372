"""What one message of a batch leaves behind does not reach the next: code that still runs, and context variables."""

from __future__ import annotations

import asyncio
import decimal
import functools
import threading
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from typing import Any

import attrs
import pytest

from statefun_actors import Context, Discard, Entity, StatefulFunctions, handles, message, persisted
from statefun_actors.address import Address
from statefun_actors.compat import statefun2
from statefun_actors.definition import FailurePolicy
from statefun_actors.dispatch import Application, dispatch, in_handler_task
from statefun_actors.errors import DetachedEntityError
from statefun_actors.model import Batch, Done, Invocation, Send
from statefun_actors.types import codec_for, pack
from tests.dispatch.world import VirtualHost

CALLERS = [Address("bank/user", name) for name in ("ada", "bea", "cy")]
user: ContextVar[str] = ContextVar("user", default="nobody")
policies = pytest.mark.parametrize("policy", [None, Discard()])


async def run(served: object, target: Address, states: tuple[str, ...], *messages: object) -> Done:
    """The outcome of a batch of *messages*, each from a caller of its own."""
    values = [copy_context().run(pack, each) for each in messages]  # a class may set context variables there, too
    invocations = [Invocation(value, caller) for value, caller in zip(values, CALLERS, strict=False)]
    batch = Batch(target, dict.fromkeys(states), invocations)
    outcome = await in_handler_task(dispatch(batch, Application(served), VirtualHost()))
    assert isinstance(outcome, Done), outcome
    return outcome


def replies(outcome: Done) -> list[tuple[str, object]]:
    text = codec_for(str)
    sends = [effect for effect in outcome.effects if isinstance(effect, Send)]
    return [(send.target.id, text.decode(send.value.value)) for send in sends]


class Left:
    """Code that a message leaves behind, and what became of it."""

    def __init__(self) -> None:
        self.errors: list[BaseException] = []
        self.ran = asyncio.Event()

    def call(self, act: Callable[[], None]) -> None:
        try:
            act()
        except DetachedEntityError as error:
            self.errors.append(error)
        self.ran.set()

    async def later(self, act: Callable[[], None]) -> None:
        await asyncio.sleep(0)
        self.call(act)


@policies
@pytest.mark.parametrize("kind", ["task", "callback", "thread"])
async def test_code_that_a_message_leaves_behind_does_not_act_as_the_next_message(
    policy: FailurePolicy | None, kind: str
) -> None:
    left = Left()
    tasks: list[asyncio.Task[None]] = []

    class Account(Entity, typename="test/account", on_failure=policy):
        balance: int = persisted(default=0)
        seen: list[str] = persisted(factory=list)

        @handles
        async def take(self, text: str) -> str:
            self.seen.append(text)
            if text != "first":
                await left.ran.wait()
                return f"{text}: {self.balance}"

            def act() -> None:
                self.seen.append("left behind")
                self.balance = 100
                self.reply("the secret of ada")

            self.balance = 1
            loop = asyncio.get_running_loop()
            if kind == "task":
                tasks.append(asyncio.create_task(left.later(act)))
            elif kind == "callback":
                loop.call_soon(left.call, act)
            else:
                threading.Thread(target=loop.call_soon_threadsafe, args=(left.call, act)).start()
            return "done"

    outcome = await run(Account, Address("test/account", "a"), ("balance", "seen"), "first", "second", "third")

    assert replies(outcome) == [("ada", "done"), ("bea", "second: 1"), ("cy", "third: 1")]
    seen = outcome.changes["seen"]
    assert seen is not None
    assert seen.value == b'["first","second","third"]'
    assert [type(error) for error in left.errors] == [DetachedEntityError]


@policies
async def test_the_same_holds_for_functions(policy: FailurePolicy | None) -> None:
    left = Left()
    functions = StatefulFunctions()
    tasks: list[asyncio.Task[None]] = []

    @functions.bind("test/account", states={"balance": int}, on_failure=policy)
    async def account(context: Context, text: str) -> None:
        if text != "first":
            await left.ran.wait()
            context.pack_and_reply(f"{text}: {context['balance']}")
            return
        context["balance"] = 1
        tasks.append(asyncio.create_task(left.later(lambda: context.pack_and_reply("the secret of ada"))))

    outcome = await run(functions, Address("test/account", "a"), ("balance",), "first", "second")

    assert replies(outcome) == [("bea", "second: 1")]
    assert [type(error) for error in left.errors] == [DetachedEntityError]


async def test_states_of_sdk_2_are_kept_for_the_next_message() -> None:
    functions = statefun2.StatefulFunctions()
    kept: list[object] = []

    @functions.bind("test/account")
    def account(context: Any, text: Any) -> None:
        kept.append(context)
        context["texts"] = text

    outcome = await run(functions, Address("test/account", "a"), ("texts",), "first", "second")

    assert outcome.changes == {"texts": pack("second")}
    assert kept[0] is not kept[1]


async def test_what_a_message_only_read_is_not_stored_for_the_next() -> None:
    held: list[object] = []

    class Account(Entity, typename="test/account"):
        names: list[str] = persisted(factory=list)

        @handles
        def take(self, text: str) -> str:
            held.append(self)
            return f"{text}: {len(self.names)}" if text == "first" else text

    outcome = await run(Account, Address("test/account", "a"), ("names",), "first", "second")

    assert replies(outcome) == [("ada", "first: 0"), ("bea", "second")]
    assert outcome.changes == {}
    assert held[0] is not held[1]


async def test_a_subject_that_nobody_holds_serves_the_whole_batch() -> None:
    subjects: list[int] = []

    class Account(Entity, typename="test/account"):
        names: list[str] = persisted(factory=list)

        @handles
        async def take(self, text: str) -> None:
            subjects.append(id(self.names))
            self.names.append(text)

    await run(Account, Address("test/account", "a"), ("names",), "first", "second", "third")

    assert len(set(subjects)) == 1


@message("test/named")
@attrs.frozen
class Named:
    """A message whose class sets context variables while it is decoded."""

    text: str

    def __attrs_post_init__(self) -> None:
        user.set(f"decoder of {self.text}")


def touch(text: str) -> str:
    """What is in the context, before *text* is put into it."""
    found = f"{user.get()}, {decimal.getcontext().prec}"
    user.set(text)
    decimal.setcontext(decimal.Context(prec=2))
    return found


def plain(context: Context, text: str) -> None:
    context.pack_and_reply(touch(text))


async def asynchronous(context: Context, text: str) -> None:
    context.pack_and_reply(touch(text))


async def suspended(context: Context, text: str) -> None:
    token = user.set("before")
    await asyncio.sleep(0)
    user.reset(token)  # which is refused in another context than that in which it was set
    context.pack_and_reply(touch(text))


@functools.wraps(suspended)
def decorated(context: Context, text: str) -> asyncio.Future[None]:
    user.set("nobody")
    return asyncio.ensure_future(suspended(context, text))


@policies
@pytest.mark.parametrize(
    ("function", "blocking"),
    [(plain, False), (plain, True), (asynchronous, False), (suspended, False), (decorated, False)],
)
async def test_context_variables_that_a_message_sets_do_not_reach_the_next(
    policy: FailurePolicy | None, function: Callable[[Context, str], object], blocking: bool
) -> None:
    functions = StatefulFunctions()
    functions.register("test/account", function, on_failure=policy, blocking=blocking)
    precision = decimal.getcontext().prec

    outcome = await run(functions, Address("test/account", "a"), (), "first", "second", "third")

    assert replies(outcome) == [(caller.id, f"nobody, {precision}") for caller in CALLERS]
    assert (user.get(), decimal.getcontext().prec) == ("nobody", precision)


@policies
async def test_nor_do_those_that_its_class_sets_while_it_is_decoded(policy: FailurePolicy | None) -> None:
    functions = StatefulFunctions()

    @functions.bind("test/account", on_failure=policy)
    def account(context: Context, message: Named | str) -> None:
        context.pack_and_reply(f"{message}: {user.get()}")

    named = copy_context().run(Named, "x")

    outcome = await run(functions, Address("test/account", "a"), (), named, "second")

    assert replies(outcome) == [("ada", "Named(text='x'): decoder of x"), ("bea", "second: nobody")]


def test_a_plain_handler_leaves_the_context_of_its_caller_as_it_was() -> None:
    functions = StatefulFunctions()
    functions.register("test/account", plain)
    batch = Batch(Address("test/account", "a"), {}, [Invocation(pack("first"), CALLERS[0])])

    with pytest.raises(StopIteration):
        dispatch(batch, Application(functions), VirtualHost()).send(None)

    assert user.get() == "nobody"
