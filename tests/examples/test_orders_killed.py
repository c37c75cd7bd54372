"""The orders example under kills: each order is paid once or not at all, and the stock is what was not sold."""

from __future__ import annotations

import functools
import json
import random
import threading
from collections import Counter
from pathlib import Path

import pytest
from orders import Order, Stock
from payments import Bank

from statefun_actors.admin import read_entities
from tests.crash.killable import DEADLINE, Killable, wait_for

ORDERS = Path(__file__).parents[2] / "examples" / "orders" / "orders.py"
ORDERS_A_LIFE = 3


def links(folder: Path) -> dict[str, str]:
    """The link in the mail about each order that waits for a person."""
    text = (folder / "mails.jsonl").read_text() if (folder / "mails.jsonl").exists() else ""
    mails = [json.loads(line)["value"] for line in text.splitlines(keepends=True) if line.endswith("\n")]
    return {mail["order"]: mail["link"] for mail in mails if mail["link"]}


@pytest.mark.parametrize("kills", [20, pytest.param(50, marks=pytest.mark.slow)])
def test_kills_leave_the_money_right(tmp_path: Path, kills: int) -> None:
    bank = Bank(0, failures=0.3, slowness=0.02)
    threading.Thread(target=bank.serve_forever, daemon=True).start()
    chance = random.Random(1)
    sums = {f"o{number}": chance.choice([10_00, 50_00, 500_00]) for number in range(ORDERS_A_LIFE * (kills + 1))}
    answered: Counter[int] = Counter()
    approved: set[str] = set()
    over = threading.Event()

    def order(shop: Killable, ids: list[str]) -> None:
        for id in ids:
            place = {"sku": "pen", "count": 1, "cents": sums[id], "tz": "UTC"}
            answered[shop.post(f"/ingress/shop/order/{id}?type=shop/place", place, f"place-{id}")] += 1

    def approve(shop: Killable) -> None:
        while not over.is_set():
            for id, link in links(shop.folder).items():
                if id not in approved:
                    status = shop.post(f"{link}?type=shop/approval", {"approved": True}, f"approve-{id}")
                    assert status == 202
                    approved.add(id)
            over.wait(0.05)

    mails = f"--egress=shop/mails={tmp_path / 'mails.jsonl'}"
    try:
        with Killable(tmp_path, ORDERS, mails, env={"BANK": f"http://127.0.0.1:{bank.server_address[1]}"}) as shop:
            ids = list(sums)
            threads = [threading.Thread(target=order, args=(shop, ids[at::4])) for at in range(4)]
            threads.append(threading.Thread(target=approve, args=(shop,)))
            for thread in threads:
                thread.start()
            for kill in range(kills):
                # Spread over the orders: each life takes some, however slow the machine is.
                wait_for(functools.partial(_answered, answered, ORDERS_A_LIFE * kill + 2))
                over.wait(chance.uniform(0.0, 0.3))
                shop.kill()
                shop.start()
            for thread in threads[:4]:
                thread.join(DEADLINE)
            wait_for(lambda: _settled(tmp_path, sums))
            over.set()
            threads[4].join(DEADLINE)
            assert shop.stop() == 0
    finally:
        over.set()
        bank.shutdown()
        bank.server_close()

    orders = dict(read_entities(tmp_path / "store.db", Order))
    assert Counter(answered) == {202: len(sums)}
    assert {id: order.state for id, order in orders.items()} == dict.fromkeys(sums, "paid")
    assert set(bank.charges.values()) == set(sums.items())
    ((_, stock),) = read_entities(tmp_path / "store.db", Stock)
    assert stock.left == 100 - len(sums)
    assert approved == {id for id, cents in sums.items() if cents > 100_00}
    assert len(bank.charges) == len(sums)  # an order that was charged under two keys has paid twice


def _answered(answered: Counter[int], count: int) -> bool:
    return sum(answered.values()) >= count


def _settled(folder: Path, sums: dict[str, int]) -> bool:
    found = dict(read_entities(folder / "store.db", Order))
    return len(found) == len(sums) and all(order.state == "paid" for order in found.values())


pytestmark = pytest.mark.timeout(300)
