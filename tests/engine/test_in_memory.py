"""Messages that are not in memory: where the next ones of an address are looked for."""

from __future__ import annotations

from _collections_abc import dict_values

import pytest

from statefun_actors import Entity, handles, persisted
from statefun_actors.dispatch import Application
from statefun_actors.engine import Engine, EngineOptions, ManualClock
from statefun_actors.engine.entering import PART
from statefun_actors.ingress import Answer, IngressMessage, Taken
from statefun_actors.store import Commit, MemoryStore, Message
from statefun_actors.types import pack
from tests.engine.engines import held, running


class Noted(Entity, typename="test/noted"):
    seen: list[int] = persisted(factory=list)

    @handles(int)
    def note(self, message: int) -> None:
        self.seen.append(message)


A = Noted.at("a")


class Counted(dict[int, Message]):
    """Messages of an epoch, which counts how often all of them are looked at."""

    looked_at = 0

    def values(self) -> dict_values[int, Message]:
        self.looked_at += 1
        return super().values()


@pytest.mark.parametrize(
    ("after", "count", "seqs", "looked_at"),
    [
        (0, 1, [1], 0),
        (0, 2, [1, 2], 0),
        (1, 1, [2], 0),
        (0, 3, [1, 2, 7], 1),
        (0, 4, [1, 2, 7, 9], 1),
        (2, 2, [7, 9], 1),
        (2, 1, [7], 1),
    ],
)
async def test_messages_are_looked_for_in_open_epochs_only_if_some_are_not_stored(
    after: int, count: int, seqs: list[int], looked_at: int
) -> None:
    store = MemoryStore()
    await store.commit(Commit(messages=[Message(seq, A, pack(seq)) for seq in (1, 2)], next_seq=7))
    working_set = Engine(Application(Noted), store, ManualClock())._core.working_set
    working_set.epoch.messages = messages = Counted()
    for target in (A, Noted.at("b"), A):
        working_set.post(target, pack(1), None)

    assert [message.seq for message in working_set._messages_to(A, after, count)] == seqs
    assert messages.looked_at == looked_at


async def test_more_messages_than_fit_in_memory_are_all_handled_in_order() -> None:
    count, addresses, answers = 4 * PART, 2_500, list[Answer]()
    async with running(Noted, options=EngineOptions(held=PART)) as engine:
        many = [IngressMessage(Noted.at(f"{number % addresses}"), pack(number)) for number in range(count)]
        engine.take_all(many, answers.append)
        await engine.idle()

        assert (answers, engine.view.waiting) == ([Taken()], 0)
        for number in range(addresses):
            assert held(engine, Noted.at(f"{number}"), "seen") == list(range(number, count, addresses))
