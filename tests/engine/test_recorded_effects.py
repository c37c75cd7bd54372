"""The numbers of what a handler sent, in the history of its entity."""

from __future__ import annotations

from datetime import timedelta

from statefun_actors import Address, Entity, NoAnswer, answers, handles, persisted
from statefun_actors.asking import REPLY
from statefun_actors.dispatch import Application, BatchEnded, Instrument
from statefun_actors.engine import EngineOptions
from statefun_actors.history import CANCEL, EGRESS, LATER, SEND, Entry, read_entries
from statefun_actors.store import MemoryStore, Store
from statefun_actors.types import pack
from tests.engine.engines import running, send


class Shop(Entity, typename="effects/shop"):
    got: int = persisted(default=0)

    @handles(int)
    def price(self, number: int) -> None:
        self.ask(Catalog.at("c"), number, then=self.priced, timeout=timedelta(seconds=10))
        self.send(Catalog.at("c"), "seen")
        self.send_after(timedelta(minutes=1), Catalog.at("c"), "later")
        self.send_egress("effects/out", "priced")
        self.cancel("no token")

    @answers
    def priced(self, answer: int | NoAnswer) -> None:
        self.got = answer if isinstance(answer, int) else -1


class Catalog(Entity, typename="effects/catalog"):
    @handles(int)
    def price(self, number: int) -> int:
        return 2 * number

    @handles(str)
    def note(self, text: str) -> None:
        """Take it."""


class _Listens(Instrument):
    """With it, an ask is a message in a mailbox."""

    def batch_ended(self, event: BatchEnded) -> None:
        """Only that it listens counts."""


def of(store: Store, address: Address) -> list[Entry]:
    return [entry for _, entry in read_entries(store, [address])]


async def test_an_ask_that_is_handled_where_it_is_made_has_no_number() -> None:
    store = MemoryStore()
    async with running(Shop, Catalog, store=store, options=EngineOptions(history=100)) as engine:
        send(engine, Shop.at("s"), pack(3))
        await engine.settled()

    answered, asked = of(store, Shop.at("s"))
    assert [(out.kind, out.to, out.seq > 0) for out in asked.out] == [
        (SEND, REPLY, False),
        (SEND, "effects/catalog", True),
        (LATER, "effects/catalog", True),
        (EGRESS, "effects/out", True),
        (CANCEL, "", False),
    ]
    received = {message.value: message for entry in of(store, Catalog.at("c")) for message in entry.messages}
    seen = pack("seen")
    assert received[seen.typename, seen.value].seq == asked.out[1].seq
    sent_back = [out for entry in of(store, Catalog.at("c")) for out in entry.out]
    assert [(out.to, out.seq) for out in sent_back] == [(REPLY, 0)]
    assert [message.caller is not None and message.caller[0] for message in answered.messages] == [REPLY]


async def test_an_ask_that_is_a_message_has_its_number() -> None:
    store, app = MemoryStore(), Application(Shop, Catalog)
    app.instruments.add(_Listens())
    async with running(app=app, store=store, options=EngineOptions(history=100)) as engine:
        send(engine, Shop.at("s"), pack(3))
        await engine.settled()

    order = of(store, Shop.at("s"))[-1].out[0]
    first = of(store, Address(order.to, order.id))[-1].messages[0]
    assert (order.to, order.seq) == (REPLY, first.seq)
