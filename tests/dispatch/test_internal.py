"""Handlers for messages from other functions alone."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from statefun_actors import (
    Address,
    Context,
    DeadLetter,
    DefinitionError,
    Discard,
    Entity,
    StatefulFunctions,
    handles,
    persisted,
)
from statefun_actors.dispatch import Application
from statefun_actors.model import Done, Settlement
from statefun_actors.types import pack
from tests.dispatch.world import CALLER, World, text_of

INGRESS = Address("statefun-actors/ingress", "7")
OUTSIDE = [None, INGRESS]
REFUSED = (
    "InternalMessageError: test/vault takes io.statefun.types/long from other functions only, since Vault.open is "
    "internal=True; got one from outside. Send it from a function, or drop internal=True."
)


class Vault(Entity, typename="test/vault"):
    opened: int = persisted(default=0)

    @handles(int, internal=True)
    def open(self, message: int) -> int:
        self.opened += message
        return self.opened

    @handles(str)
    def look(self, message: str) -> None:
        self.opened += 100


class Closed(Entity, typename="test/closed", internal=True):
    count: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> None:
        self.count += message

    @handles(str, internal=False)
    def look(self, message: str) -> None:
        self.count += 100


class Base(Entity, internal=True):
    count: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> None:
        self.count += message


class Derived(Base, typename="test/derived"):
    pass


class Opened(Base, typename="test/opened", internal=False):
    pass


@pytest.mark.parametrize("caller", OUTSIDE, ids=["no caller", "the ingress"])
async def test_without_a_policy_it_is_refused_and_the_rest_of_the_batch_goes_on(
    caller: Address | None, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(Vault)

    outcome = await world.done("a", 1, "b", caller=caller)

    assert outcome.changes == {"opened": pack(200)}
    assert [(each.index, each.settlement, text_of(each.error)) for each in outcome.failures] == [
        (1, Settlement.REFUSED, REFUSED)
    ]
    assert caplog.record_tuples == [
        ("statefun_actors.dispatch", logging.WARNING, f"test/vault/ada: refused: {REFUSED}")
    ]
    assert world.app.diagnostics.refused == {"Vault.open": 1}


async def test_from_a_function_it_is_taken() -> None:
    assert (await World(Vault).done(1, caller=CALLER)).changes == {"opened": pack(1)}


@pytest.mark.parametrize("caller", OUTSIDE, ids=["no caller", "the ingress"])
async def test_a_policy_applies_with_one_attempt(caller: Address | None) -> None:
    discarded = await World(Vault, on_failure=Discard(attempts=5)).done(1, "a", caller=caller)
    buried = await World(Vault, on_failure=DeadLetter("test/dead", attempts=5)).done(1, "a", caller=caller)

    assert [(each.settlement, each.attempts) for each in discarded.failures] == [(Settlement.DISCARDED, 1)]
    assert [(each.settlement, each.attempts) for each in buried.failures] == [(Settlement.DEAD_LETTER, 1)]
    assert (discarded.changes, buried.changes, len(buried.effects)) == ({"opened": pack(100)},) * 2 + (1,)


async def test_a_class_says_it_for_its_handlers_and_each_may_say_otherwise() -> None:
    outcome = await World(Closed).done(1, "a", caller=None)

    assert outcome.changes == {"count": pack(100)}
    assert [each.index for each in outcome.failures] == [0]


@pytest.mark.parametrize(("cls", "refused"), [(Derived, 1), (Opened, 0)])
async def test_it_is_inherited(cls: type[Entity], refused: int) -> None:
    assert len((await World(cls).done(1, caller=None)).failures) == refused


async def test_the_message_is_not_even_decoded() -> None:
    class Strict(Entity, typename="test/strict", internal=True):
        @handles(bytes)
        def take(self, message: bytes) -> None: ...

    served = next(iter(Application(Strict).served.values()))

    assert served.refused("statefun-actors/bytes", None) is not None
    assert served.refused("another/type", None) is None


async def test_a_function_says_it_where_it_is_bound() -> None:
    functions = StatefulFunctions()

    @functions.bind("test/fn", internal=True)
    def fn(context: Context, message: int) -> None: ...

    app = Application(functions)

    assert app.served["test/fn"].refused("io.statefun.types/long", None) is not None
    assert app.served["test/fn"].refused("io.statefun.types/long", CALLER) is None


def test_options_of_the_wrong_type_are_refused_at_definition() -> None:
    yes: Any = "yes"
    one: Any = 1

    with pytest.raises(DefinitionError) as caught:

        class Wrong(Entity, typename="test/wrong", internal=yes, concurrency=0):  # pyright: ignore[reportUnusedClass]
            @handles(int, internal=one)
            def take(self, message: int) -> None: ...

    assert caught.value.problems == (
        "internal= is True or False, got 'yes'",
        "concurrency= is a whole number of batches, at least 1; got 0",
        "take: internal= is True or False, got 1",
    )


def test_a_function_with_wrong_options_is_refused_when_it_is_bound() -> None:
    functions = StatefulFunctions()

    with pytest.raises(DefinitionError) as caught:
        functions.bind("test/fn", internal="no", concurrency=True)(lambda context, message: None)  # type: ignore[arg-type]

    assert caught.value.problems == (
        "internal= is True or False, got 'no'",
        "concurrency= is a whole number of batches, at least 1; got True",
    )


async def test_all_of_a_batch_may_be_refused() -> None:
    outcome = await World(Vault).outcome(1, 2, caller=None)

    assert isinstance(outcome, Done)
    assert ([each.index for each in outcome.failures], outcome.changes, outcome.effects) == ([0, 1], {}, [])
