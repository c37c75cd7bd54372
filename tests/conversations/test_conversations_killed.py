"""Asks, activities, approvals and recurring messages under kills, with an exact account afterwards.

Each ``then`` has run once, no answer is lost, none is applied twice, and none went to another entity.
"""

from __future__ import annotations

import functools
import json
import random
import threading
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from statefun_actors import Address
from statefun_actors.admin import read_entities
from statefun_actors.asking import SCHEDULE, schedule_id
from statefun_actors.store import StoreReader, unpack
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.types import value_of
from tests.conversations.shop import Order, Stock
from tests.crash.killable import DEADLINE, Killable, wait_for

ORDERS_A_LIFE = 4
CLIENTS = 2
OTHER = 1_000_000
"""Added to an answer that comes too late to count."""


class Clients:
    """Place orders, and answer their links: the right answer under a key until it is taken, then another one."""

    def __init__(self, shop: Killable, orders: int) -> None:
        self.shop = shop
        self.statuses: Counter[int] = Counter()
        self.approved: set[int] = set()
        self.refused: Counter[int] = Counter()
        self.over = threading.Event()
        self.threads = [
            threading.Thread(target=self._place, args=(range(at + 1, orders + 1, CLIENTS),)) for at in range(CLIENTS)
        ]
        self.threads.append(threading.Thread(target=self._approve))
        for thread in self.threads:
            thread.start()

    def _place(self, numbers: range) -> None:
        for number in numbers:
            path = f"/ingress/crash/order/{number}?type=io.statefun.types/int"
            self.statuses[self.shop.post(path, number, f"place-{number}")] += 1

    def _approve(self) -> None:
        while not self.over.is_set():
            for number, token in links(self.shop.folder):
                if number not in self.approved:
                    path = f"/replies/{token}"
                    assert self.shop.post(path, number, f"approve-{number}") == 202
                    self.refused[self.shop.post(path, number + OTHER, f"again-{number}")] += 1
                    self.approved.add(number)
            self.over.wait(0.05)

    @property
    def placed(self) -> int:
        return self.statuses.total()

    def end(self) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join(DEADLINE)


def links(folder: Path) -> list[tuple[int, str]]:
    """The number and the token in each mail."""
    path = folder / "mails.jsonl"
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    mails = [json.loads(line)["value"].split() for line in lines if line.endswith("\n")]
    return [(int(number), token) for number, token in mails]


@pytest.mark.parametrize("kills", [5, pytest.param(50, marks=pytest.mark.slow)])
def test_kills_leave_each_conversation_complete(tmp_path: Path, kills: int) -> None:
    chance = random.Random(kills)
    orders = ORDERS_A_LIFE * (kills + 1)
    book = tmp_path / "book"
    app = Path(__file__).with_name("shop.py")
    mails = f"--egress=crash/mails={tmp_path / 'mails.jsonl'}"
    with Killable(tmp_path, app, mails, env={"BOOK": str(book)}) as shop:
        clients = Clients(shop, orders)
        try:
            for kill in range(kills):
                # Spread over the orders: each life takes some, however slow the machine is.
                wait_for(functools.partial(_placed, clients, ORDERS_A_LIFE * kill + 2))
                clients.over.wait(chance.uniform(0.0, 0.4))
                shop.kill()
                shop.start()
            wait_for(
                lambda: clients.placed == orders and len(clients.approved) == orders and _settled(shop, orders),
                pause=0.1,
            )
        finally:
            clients.end()
        assert shop.stop() == 0

    found = dict(read_entities(shop.store, Order))
    charges = [line.split() for line in book.read_text().splitlines()]
    keys = {int(number): key for number, key in charges}
    assert clients.statuses == {202: orders}
    assert clients.refused == {404: orders}
    assert {id: sorted(order.calls) for id, order in found.items()} == {
        str(number): sorted(_calls(number, keys[number])) for number in range(1, orders + 1)
    }
    assert len({key for _, key in charges}) == orders  # a charge under two keys is paid twice
    reserved = Counter(number for _, stock in read_entities(shop.store, Stock) for number in stock.reserved)
    assert reserved == dict.fromkeys(range(1, orders + 1), 2)  # by the order itself, and by the desk that it asked
    assert {id: order.ticks for id, order in found.items()} == _fired(shop.store, found)
    print(
        f"{kills} kills, {orders} orders, {sum(order.ticks for order in found.values())} firings, {len(charges)} calls"
    )


def _placed(clients: Clients, count: int) -> bool:
    return clients.placed >= count


def _calls(number: int, key: str) -> list[str]:
    """The calls of each ``then`` of the order *number*, whose payment has this *key*."""
    return [
        f"{number} reserved {number}",
        f"{number} refused failed TerminalError: sold out",
        f"{number} silent timeout",
        f"{number} looked {number}",
        f"{number} charged {number} {key}",
        f"{number} approved {number}",
    ]


def _settled(shop: Killable, orders: int) -> bool:
    """Whether each order has had all its answers."""
    found = dict(read_entities(shop.store, Order))
    return len(found) == orders and all(len(order.calls) >= len(_calls(0, "")) for order in found.values())


def _fired(store: Path, ids: Iterable[str]) -> dict[str, int]:
    """How often the schedule of each order has fired, without the firings that wait to be handled."""
    reader = SqliteStore.open_reader(store)
    try:
        return {id: _firings(reader, Order.at(id)) for id in ids}
    finally:
        reader.close()


def _firings(reader: StoreReader, order: Address) -> int:
    address = Address(SCHEDULE, schedule_id(order, "tick"))
    (packed,) = reader.load([address])
    assert packed is not None
    generation = unpack(address, packed, ()).state["generation"]
    assert generation is not None
    # A schedule's generation counts its slots: those that have fired, and the next one.
    return int(value_of(generation)) - 1 - len(reader.messages_to(order, 0, 1_000))
