"""The search for a conversation takes a bounded time, and says when it is not whole."""

from __future__ import annotations

import time

from statefun_actors.address import Address
from statefun_actors.admin import view_conversation
from statefun_actors.admin.views.history_search import ConversationSearch
from statefun_actors.asking import ORDER, REPLY
from statefun_actors.history import Kind, Place, Recorder, Step
from statefun_actors.model import Send, TypedValue
from statefun_actors.store import Commit, MemoryStore, Message
from statefun_actors.types import pack

A, B = Address("t/a", "1"), Address("t/b", "1")


async def test_a_conversation_that_takes_too_long_is_shown_in_part() -> None:
    store = MemoryStore()
    first = Step(A, 1, Kind.HANDLED, 0.0, [Message(1, A, pack(1))], [1], effects=[(Send(B, pack(1)), 2)])
    second = Step(B, 1, Kind.HANDLED, 0.0, [Message(2, B, pack(1), A)], [0])
    recorded = Recorder(store, 100, lambda: 1).seal([first, second], (), full=False)
    assert recorded is not None
    await store.commit(Commit(history=recorded.rows))

    whole = view_conversation(store, B, Place(1, 1), 0, seconds=60)
    part = view_conversation(store, B, Place(1, 1), 0, seconds=-1)

    assert whole is not None
    assert part is not None
    assert ([arrow.target for arrow in whole.arrows], whole.complete) == (["t/a/1", "t/b/1"], True)
    assert ([arrow.target for arrow in part.arrows], part.complete) == (["t/b/1"], False)


async def test_a_search_reads_no_more_of_an_entity_when_it_is_over() -> None:
    store, reply = MemoryStore(), Address(REPLY, "1")
    order = TypedValue(ORDER, b"{}")
    step = Step(A, 1, Kind.HANDLED, 0.0, [Message(1, A, pack(1))], [1], effects=[(Send(reply, order), 2)])
    asked = Step(B, 1, Kind.HANDLED, 0.0, [Message(3, B, pack(1), reply)], [0])
    recorded = Recorder(store, 100, lambda: 1).seal([step, asked], (), full=False)
    assert recorded is not None
    await store.commit(Commit(history=recorded.rows))

    searches = [ConversationSearch(store, None, None, time.monotonic() + seconds) for seconds in (60, -1, -1)]
    assert [(len(each.handled_by(A)), each.cut) for each in searches[:2]] == [(1, False), (0, True)]
    assert searches[2].followed((REPLY, "1"), ask=True) is None
    assert searches[2].cut
