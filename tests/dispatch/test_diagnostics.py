"""Warnings about handlers, each logged once."""

from __future__ import annotations

import logging

import pytest

from statefun_actors import Discard, Entity, handles, persisted
from statefun_actors.address import Address
from statefun_actors.model import Send
from statefun_actors.types import pack
from tests.dispatch.world import World


class Counter(Entity, typename="test/counter"):
    n: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> int:
        self.n += message
        return self.n

    @handles(float)
    async def wait(self, message: float) -> str:
        return "done"

    @handles(str)
    def say(self, message: str) -> None:
        self.reply(message)


@pytest.mark.parametrize("on_failure", [None, Discard()], ids=["no policy", "a policy"])
async def test_a_reply_to_a_message_to_oneself_is_explained_once_for_each_handler(
    caplog: pytest.LogCaptureFixture, on_failure: Discard | None
) -> None:
    world = World(Counter, on_failure=on_failure)

    with caplog.at_level(logging.INFO, "statefun_actors.dispatch"):
        first = await world.effects(1, 2.0, caller=world.address)
        await world.effects(1, 2.0, caller=world.address)

    assert first == [Send(world.address, pack(1)), Send(world.address, pack("done"))]
    assert caplog.messages == [
        f"Counter.{name} returned a value for a message that its entity had sent to itself, so the entity gets it as a "
        "message; if that is not meant, return None where self.caller == self.address (logged once)"
        for name in ("add", "wait")
    ]


async def test_a_reply_to_another_needs_no_explanation_nor_does_one_that_is_sent(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World(Counter)

    with caplog.at_level(logging.INFO, "statefun_actors.dispatch"):
        await world.effects(1, 2.0, caller=Address("test/counter", "bob"))
        await world.effects("x", caller=world.address)

    assert caplog.messages == []
