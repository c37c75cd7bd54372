"""The page of a conversation in a store in memory is made on the event loop, which it must not hold for long."""

from __future__ import annotations

import attrs

from statefun_actors import Address, Entity, handles
from statefun_actors.admin import Conversation
from statefun_actors.console.look import Page
from statefun_actors.console.pages.history import conversation
from statefun_actors.console.reading import Reading
from statefun_actors.console.subjects import EngineSubject
from statefun_actors.history import Kind, Recorder, Step
from statefun_actors.model import Send
from statefun_actors.store import Commit, HistoryRow, MemoryStore, Message
from statefun_actors.testing import TestRuntime
from statefun_actors.types import pack

_LENGTH = 150
_OTHERS = 2_000
"""Rows of the history of other entities: each entity of the conversation is looked for in all of them."""


class Link(Entity, typename="chain/link"):
    @handles(int)
    def pass_on(self, message: int) -> None:
        """Pass nothing on: the history is made by hand."""


def _link(number: int) -> Address:
    return Address("chain/link", str(number))


def _step(number: int) -> Step:
    caller = _link(number - 1) if number else None
    message = Message(number + 1, _link(number), pack(1), caller)
    sends = [(Send(_link(number + 1), pack(1)), number + 2)] if number < _LENGTH else []
    return Step(_link(number), 1, Kind.HANDLED, 0.0, [message], [len(sends)], effects=sends)


async def test_a_conversation_that_takes_long_to_find_is_shown_in_part() -> None:
    recorded = Recorder(MemoryStore(), 1000, lambda: 1).seal(
        [_step(number) for number in range(_LENGTH)], (), full=False
    )
    assert recorded is not None
    others = [HistoryRow(seq, "00000000", b"") for seq in range(1_000, 1_000 + _OTHERS)]
    chosen = {"type": "chain/link", "id": "0", "place": f"{recorded.rows[0].seq}.0.0"}
    async with TestRuntime(Link) as runtime:
        await runtime.engine.store.commit(Commit(history=[*recorded.rows, *others]))
        subject = EngineSubject(runtime.engine)
        with Reading(subject, token=False).look(await subject.look(), None) as look:
            on_loop = _found(conversation(look, chosen))
            in_thread = _found(conversation(attrs.evolve(look, path="store.db"), chosen))
        subject.close()

    assert (len(in_thread.arrows), in_thread.complete) == (_LENGTH + 1, True)
    assert 1 <= len(on_loop.arrows) < len(in_thread.arrows)
    assert not on_loop.complete


def _found(page: Page) -> Conversation:
    found = page.content["found"]
    assert isinstance(found, Conversation)
    return found
