"""Outcomes without effects: failed batches with the message at fault, and missing states."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from statefun_actors import Address, Discard, Entity, StatefulFunctions, TypedValue, handles, persisted
from statefun_actors.dispatch import Application, dispatch
from statefun_actors.model import Batch, Failed, Invocation, MissingState
from statefun_actors.types import pack
from tests.dispatch.world import VirtualHost, World, text_of

UNREADABLE = TypedValue("io.statefun.types/string", b"\x0a\x05ab")


class Account(Entity, typename="test/account"):
    ran = False
    balance: int = persisted(default=0)
    owner: str | None = persisted()
    limit: int = persisted(default=10)

    @handles(int)
    def deposit(self, message: int) -> None:
        Account.ran = True
        self.balance += message

    @handles(str)
    def rename(self, message: str) -> None:
        try:
            assert self.owner != message
        except Exception:
            self.owner = message

    @handles(float)
    def spoil(self, message: float) -> None:
        self.balance = message  # type: ignore[assignment]


async def test_states_that_are_missing_are_asked_for_in_declaration_order_and_nothing_has_run() -> None:
    Account.ran = False

    outcome = await World(Account).missing({"owner": None}, 1)

    assert [spec.name for spec in outcome.specs] == ["balance", "limit"]
    assert not Account.ran


async def test_a_state_that_is_known_to_be_absent_is_not_missing() -> None:
    outcome = await World(Account).outcome(1)

    assert not isinstance(outcome, MissingState)


async def test_a_function_type_that_is_not_served_fails_the_batch() -> None:
    batch = Batch(Address("test/nobody", "ada"), {}, [Invocation(pack(1))])

    outcome = await dispatch(batch, Application(Account), VirtualHost())

    assert isinstance(outcome, Failed)
    assert (outcome.index, type(outcome.error).__name__) == (None, "UnknownFunctionTypeError")


async def test_without_a_policy_the_first_failure_ends_the_batch_and_is_reported_with_its_place() -> None:
    Account.ran = False

    outcome = await World(Account).failed(b"?", 1)

    assert (outcome.index, type(outcome.error).__name__) == (0, "UnhandledMessageError")
    assert not Account.ran


async def test_a_field_that_does_not_fit_at_the_end_of_a_batch_may_be_any_message_s_fault() -> None:
    world = World(Account)

    assert (await world.failed(1.5)).index == 0
    assert (await world.failed(1, 1.5)).index is None


@pytest.mark.parametrize("on_failure", [None, Discard()], ids=["no policy", "a policy"])
async def test_state_that_can_not_be_read_fails_the_batch_even_where_the_handler_swallows_it(
    on_failure: Discard | None,
) -> None:
    world = World(Account, {"owner": UNREADABLE}, on_failure=on_failure)

    outcome = await world.failed(1, "ada")

    assert (outcome.index, type(outcome.error).__name__) == (None, "StateDecodeError")


async def test_unreadable_state_that_no_handler_reads_is_kept() -> None:
    outcome = await World(Account, {"owner": UNREADABLE}).done(1)

    assert outcome.changes == {"balance": pack(1)}


async def later() -> None: ...


def items() -> Iterator[int]:
    yield 1


async def stream() -> AsyncIterator[int]:
    yield 1


COROUTINE = "the coroutine that test/later returned is not a message. Make the handler `async def`, and await it there."
GENERATOR = (
    "the generator that test/later returned is not a message. Iterate over it in the handler, and return the result."
)


@pytest.mark.parametrize("blocking", [False, True])
@pytest.mark.parametrize(("call", "expected"), [(later, COROUTINE), (items, GENERATOR), (stream, GENERATOR)])
async def test_a_function_that_returns_a_call_which_would_never_run_gets_an_error(
    call: Callable[[], object], expected: str, blocking: bool
) -> None:
    functions = StatefulFunctions()

    @functions.bind("test/later", blocking=blocking)
    def start(context, message):  # type: ignore[no-untyped-def]
        return call()

    batch = Batch(Address("test/later", "ada"), {}, [Invocation(pack(1))])

    outcome = await dispatch(batch, Application(functions), VirtualHost())

    assert isinstance(outcome, Failed)
    assert text_of(outcome.error) == f"NotAMessageError: {expected}"
