"""The search for a conversation takes a bounded time, and says when it is not whole."""

from __future__ import annotations

from statefun_actors.address import Address
from statefun_actors.admin import view_conversation
from statefun_actors.history import Kind, Place, Recorder, Step
from statefun_actors.model import Send
from statefun_actors.store import Commit, MemoryStore, Message
from statefun_actors.types import pack

A, B = Address("t/a", "1"), Address("t/b", "1")


async def test_a_conversation_that_takes_too_long_is_shown_in_part() -> None:
    store = MemoryStore()
    first: Step = (A, 1, Kind.HANDLED, 0.0, [Message(1, A, pack(1))], [1], [], [(Send(B, pack(1)), 2)], [])
    second: Step = (B, 1, Kind.HANDLED, 0.0, [Message(2, B, pack(1), A)], [0], [], [], [])
    recorded = Recorder(store, 100, lambda: 1).seal([first, second], (), full=False)
    assert recorded is not None
    await store.commit(Commit(history=recorded.rows))

    whole = view_conversation(store, B, Place(1, 1), 0)
    part = view_conversation(store, B, Place(1, 1), 0, seconds=-1)

    assert whole is not None
    assert part is not None
    assert ([arrow.target for arrow in whole.arrows], whole.complete) == (["t/a/1", "t/b/1"], True)
    assert ([arrow.target for arrow in part.arrows], part.complete) == (["t/b/1"], False)
