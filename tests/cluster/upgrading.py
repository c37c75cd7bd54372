"""What the clusters of test_upgrades have in common: the application before and after, and fields that are refused."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Final

import attrs
from click.testing import CliRunner

from statefun_actors.cli import main
from tests.cluster.command import FlinkCommand, started
from tests.cluster.shop import FIRST, Shop
from tests.faults.app import TOLD
from tests.faults.orders import Orders

ORDERS_APP: Final = Path(__file__).parents[1] / "faults" / "app.py"
ORDERS: Final = Orders(customers=20, each=12)

SECOND = """
    count: int = persisted(default=0, name="total")
    items: list[str] = persisted(factory=list)
    owner: str | None = persisted(default=None)
    page: str = persisted(default="", expire_after_write=timedelta(milliseconds=1))
    login: str = persisted(default="", expire_after_call=timedelta(days=9))
"""
NEW_CLASS = """

class Audit(Entity, typename="audit/log", on_failure=DeadLetter("shop/dead-letters")):
    @handles(Add)
    def add(self, message: Add) -> None:
        self.send_egress("shop/told", message)  # not a record
"""
ANOTHER_TYPE = SECOND.replace('int = persisted(default=0, name="total")', 'str = persisted(default="", name="total")')
EXPIRING = SECOND.replace("factory=list", "factory=list, expire_after_write=timedelta(days=1)")
UPGRADE = (SECOND, "self.count += 1; self.items.append(message.what); self.owner = self.id", NEW_CLASS)


EXPIRES: Final = """
    page: str = persisted(default="", expire_after_write=timedelta(days=1))
    login: str = persisted(default="", expire_after_write=timedelta(days=1))
"""
"""Fields that expire at another time after the upgrade: one has expired then, the other one has not."""
BEFORE: Final = "'page': 'set', 'login': 'set'}"
AFTER: Final = "'page': '', 'login': 'set'}"


@attrs.frozen
class Refusal:
    """Fields that Flink refuses to resume with: the reason in the lock's words, and Flink's own error."""

    fields: str
    reason: str
    error: str


REFUSALS: Final = {
    "another type": Refusal(
        ANOTHER_TYPE,
        "state 'total' was io.statefun.types/long and is io.statefun.types/string now",
        "RemoteValueTypeMismatchException: Previous type was: TypeName(io.statefun.types, long)",
    ),
    "a time to live": Refusal(
        EXPIRING,
        "state 'items' was never expiring and is after-write 1d now",
        "StateMigrationException: The new state serializer",
    ),
}


@attrs.frozen
class Killed:
    """What was seen of the first cluster: a TaskManager and an endpoint were killed, and it ended with a savepoint.

    It ended right after the states of the orders were asked for: it may have told some, the next cluster tells the
    others. ``before`` and ``after`` are the process ids before and after the kills.
    """

    before: dict[str, int]
    after: dict[str, int]
    code: int
    output: list[str]
    said: str


def refuse(flink: FlinkCommand, shop: Shop, refusal: Refusal, item: str) -> None:
    """Serve fields that Flink refuses at *item*, the first message of the class in this run; then the right ones."""
    serve(flink, shop, refusal.fields, "self.owner = 'new'")
    shop.add(flink, item)
    flink.until_logged(refusal.error)
    serve(flink, shop, *UPGRADE[:2])


def serve(flink: FlinkCommand, shop: Shop, fields: str, code: str) -> None:
    """Kill the endpoint, and have the next one serve these fields."""
    before = flink.pids["Endpoint"]
    shop.write(fields, code, NEW_CLASS)
    os.kill(before, signal.SIGKILL)
    flink.until(lambda: flink.pids["Endpoint"] != before, "another endpoint")


def run_first(shop: Shop) -> tuple[Killed, Path]:
    """Run a cluster with the module.yaml of another one, through kills; and a savepoint that it takes meanwhile."""
    handle = "self.total += 1; self.items.append(message.what); self.note = 'noted'; self.page = self.login = 'set'"
    app, *options = shop.arguments(FIRST + EXPIRES, handle)
    module = shop.savepoints.with_name("elsewhere.yaml")
    far = ("--url", "http://shop.example:8000", "--kafka", "kafka.example:9092")
    made = CliRunner().invoke(main, ["module", app, *far, "--all-topics", "--per-function", "--gateway"])
    module.write_text(made.stdout, encoding="utf-8")
    options += ["--module", str(module), "--savepoint", str(shop.savepoints)]
    sent = list(ORDERS.sent())
    third = len(sent) // 3
    with started(app, *options, folder=shop.cluster) as flink:
        before = dict(flink.pids)
        shop.add(flink, "x", "y")
        shop.told(flink, 2)
        with flink.consumed(TOLD) as told:
            flink.produce(sent[:third])
            flink.until(lambda: len(told.read()) > ORDERS.customers, "the first records")
            os.kill(before["TaskManager 1"], signal.SIGKILL)
            flink.produce(sent[third : 2 * third])
            flink.until(lambda: flink.pids["TaskManager 1"] != before["TaskManager 1"], "another TaskManager")
            os.kill(before["Endpoint"], signal.SIGKILL)
            flink.produce(sent[2 * third :])
            flink.until(lambda: len(told.read()) >= ORDERS.told, "all records")
        flink.until(lambda: "The job runs again." in flink.said, "the job to run again")
        live = shop.savepoint(flink, shop.savepoints.with_name("live"))
        # A cart that is handled first thing in the next run would have Flink take its fields before `refuse` does.
        shop.add(flink, "z")
        shop.told(flink, 3)
        after = dict(flink.pids)
        flink.produce(ORDERS.reports())
        code, output = flink.stop()
    return Killed(before, after, code, output.splitlines(), flink.said), live
