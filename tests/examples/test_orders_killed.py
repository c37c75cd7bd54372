"""The orders example under kills: each order is paid once or not at all, and the stock is what was not sold."""

from __future__ import annotations

import functools
import random
import threading
from collections import Counter
from pathlib import Path

import pytest
from orders import Order, Stock
from payments import Bank

from statefun_actors.admin import read_entities
from tests.crash.killable import Killable
from tests.examples.under_kills import Approver, run_under_kills

ORDERS = Path(__file__).parents[2] / "examples" / "orders" / "orders.py"
ORDERS_A_LIFE = 3


@pytest.mark.parametrize("kills", [6, pytest.param(50, marks=pytest.mark.slow)])
def test_kills_leave_the_money_right(tmp_path: Path, kills: int) -> None:
    bank = Bank(0, failures=0.3, slowness=0.02)
    threading.Thread(target=bank.serve_forever, daemon=True).start()
    chance = random.Random(1)
    sums = {f"o{number}": chance.choice([10_00, 50_00, 500_00]) for number in range(ORDERS_A_LIFE * (kills + 1))}
    answered: Counter[int] = Counter()
    approver = Approver(tmp_path / "mails.jsonl", "order", "shop/approval")

    def order(shop: Killable, ids: list[str]) -> None:
        for id in ids:
            place = {"sku": "pen", "count": 1, "cents": sums[id], "tz": "UTC"}
            answered[shop.post(f"/ingress/shop/order/{id}?type=shop/place", place, f"place-{id}")] += 1

    mails = f"--egress=shop/mails={tmp_path / 'mails.jsonl'}"
    try:
        with Killable(tmp_path, ORDERS, mails, env={"BANK": f"http://127.0.0.1:{bank.server_address[1]}"}) as shop:
            ids = list(sums)
            clients = [functools.partial(order, shop, ids[at::4]) for at in range(4)]
            kill_at = [ORDERS_A_LIFE * kill + 2 for kill in range(kills)]
            run_under_kills(shop, clients, approver, answered, kill_at, lambda: _settled(tmp_path, sums), chance)
    finally:
        bank.shutdown()
        bank.server_close()

    orders = dict(read_entities(tmp_path / "store.db", Order))
    assert Counter(answered) == {202: len(sums)}
    assert {id: order.state for id, order in orders.items()} == dict.fromkeys(sums, "paid")
    assert set(bank.charges.values()) == set(sums.items())
    ((_, stock),) = read_entities(tmp_path / "store.db", Stock)
    assert stock.left == 100 - len(sums)
    assert approver.approved == {id for id, cents in sums.items() if cents > 100_00}
    assert len(bank.charges) == len(sums)  # an order that was charged under two keys has paid twice


def _settled(folder: Path, sums: dict[str, int]) -> bool:
    found = dict(read_entities(folder / "store.db", Order))
    return len(found) == len(sums) and all(order.state == "paid" for order in found.values())


pytestmark = pytest.mark.timeout(300)
