"""Records to an HTTP endpoint from a store that is older than what the endpoint has, as after restoring a backup."""

from __future__ import annotations

import copy

from statefun_actors.store import MemoryStore
from tests.connectors.receiver import Receiver
from tests.connectors.test_http import OUT, Teller, numbers, send, sink_to
from tests.engine.engines import running


async def test_another_record_has_another_key_and_the_same_record_has_the_same() -> None:
    store = MemoryStore()
    async with Receiver() as receiver:
        async with running(Teller, store=store, sinks={OUT: sink_to(receiver)}) as engine:
            send(engine, "a", 1)
            await engine.idle()
        backup = copy.deepcopy(store)
        async with running(Teller, store=store, sinks={OUT: sink_to(receiver)}) as engine:
            send(engine, "a", 2, 3)
            await engine.idle()
        async with running(Teller, store=backup, sinks={OUT: sink_to(receiver)}) as engine:
            send(engine, "a", 2, 4)
            await engine.idle()

        assert numbers(receiver.posts) == [1, 2, 3, 2, 4]
        _, two, three, again, four = (post.id for post in receiver.posts)
        assert again == two
        assert four != three
        assert four.rpartition("-")[0] == three.rpartition("-")[0]
