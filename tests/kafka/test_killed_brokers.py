"""A broker that is down at the start, is killed, and stays away for long: those that read and write go on."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import Final

import attrs
import pytest

from statefun_actors.connectors.kafka import EgressDownError, RecordProducer
from statefun_actors.connectors.kafka.record_writer import Record
from statefun_actors.connectors.kafka.transactions import Transactions
from statefun_actors.deploy import KafkaEgress
from statefun_actors.engine import Lineage
from tests.cli.commands import DEADLINE, started, wait_until, without_times
from tests.cli.fork_server import fork_server
from tests.kafka.modules import by_key, deposit, write_app, write_module
from tests.kafka.outage import Outages, Stage
from tests.kafka.runs import add, ingress, running
from tests.kafka.session import new_broker
from tests.kafka.topics import Topics
from tests.kafka.waiting import until

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.xdist_group(__name__),  # a broker of its own
]

LONG: Final = 11.0
"""Seconds: longer than a request to a broker may take."""


class Scenarios:
    """All that happens at *address*, through *outages*; files are in *folder*."""

    def __init__(self, outages: Outages, address: str, folder: Path) -> None:
        self._outages, self._address, self._folder = outages, address, folder

    async def _stage(self, stage: Stage) -> None:
        await asyncio.to_thread(self._outages.wait_for, stage)

    def run_module(self, delivery: str) -> None:
        topics, keys, count = Topics(self._address, delivery), 20, 3_400
        deposits = [(f"k{number % keys}", deposit(number)) for number in range(count)]
        folder = self._folder / delivery
        folder.mkdir()
        write_app(folder, delivery)
        write_module(folder, self._address, topics.name("in"), "--delivery", delivery)
        with started("run", "app.py", "--module", "module.yaml", folder=folder) as process:
            assert process.stderr is not None
            expected = {
                "Running bank/account; state in .statefun/app.db. Ctrl-C stops.\n",
                "WARNING statefun_actors.kafka: "
                f"Kafka ingress app/messages: no broker of {self._address} can be reached; retrying\n",
            }
            if delivery == "exactly-once":  # which asks at the start how far its records have come
                expected |= {
                    "WARNING statefun_actors.engine: "
                    f"egress {name} can't be written, its records are kept: no broker of {self._address} can "
                    "be reached\n"
                    for name in ("bank/dead", "bank/receipts")
                }
            assert {without_times(process.stderr.readline()) for _ in expected} == expected

            self._outages.wait_for(Stage.UP)
            out = topics.make("out", partitions=3)
            topics.make("dead")
            name = topics.make(partitions=2)
            self._outages.wait_for(Stage.SOON_KILLED)
            topics.write(name, deposits[:3_000])
            wait_until(lambda: topics.size(out) > 100, "records go through")

            self._outages.wait_for(Stage.AGAIN)
            topics.write(name, deposits[3_000:])

            found = by_key(topics.read(out, count))
            if delivery == "at-least-once":
                found = {key: list(dict.fromkeys(values)) for key, values in found.items()}
            process.send_signal(signal.SIGTERM)
            assert process.wait(DEADLINE) == 0
        each = count // keys
        assert found == {f"k{k}": [f"{n + 1} {k + n * keys}" for n in range(each)] for k in range(keys)}

    async def read(self) -> None:
        topics, log = Topics(self._address, "read"), Lines("Kafka ingress kafka/in: ")
        name = topics.name("in")
        with log:
            async with running(ingress(self._address, name, group="read")) as run:
                unreachable = f"no broker of {self._address} can be reached; retrying"
                await run.until(lambda: log.lines)
                assert log.lines == [unreachable]

                await self._stage(Stage.UP)
                await run.until(lambda: f"there is no topic '{name}'; waiting for it" in log.lines)
                await asyncio.to_thread(topics.make)
                await asyncio.to_thread(topics.write, name, [("ada", add(1))])
                await run.until(lambda: run.amounts("ada") == [1])

                await self._stage(Stage.AGAIN)
                await asyncio.to_thread(topics.write, name, [("ada", add(2))])
                await run.until(lambda: run.amounts("ada") == [1, 2])

                await self._stage(Stage.GONE)
                stopping = time.monotonic()

        assert time.monotonic() - stopping < 10, "a stop waits for brokers that are not there"

    async def note(self) -> None:
        topics, log = Topics(self._address, "noted"), Lines("Kafka ingress kafka/noted: ")
        await self._stage(Stage.AGAIN)
        name = await asyncio.to_thread(topics.make)

        def until_noted(offset: int) -> None:
            wait_until(lambda: topics.noted("group", name) == {0: offset}, "it is noted")

        with log:
            async with running(
                attrs.evolve(ingress(self._address, name, group=topics.name("group")), id="kafka/noted")
            ) as run:
                await self._stage(Stage.SOON_GONE)
                await asyncio.to_thread(topics.write, name, [("ada", add(1))])
                await asyncio.to_thread(until_noted, 1)
                await asyncio.to_thread(topics.write, name, [("ada", add(2))])  # it is noted a second later
                await run.until(lambda: run.amounts("ada") == [1, 2])
                await self._stage(Stage.GONE)
                with pytest.raises(AssertionError, match="did not come"):
                    await run.until(lambda: any("can't be committed" in line for line in log.lines), LONG)

                await self._stage(Stage.BACK)
                await asyncio.to_thread(until_noted, 2)

    async def idle(self) -> None:
        producer = RecordProducer("gateway", self._address, {}, Topics(self._address, "idle").name("in"))
        downs: list[str | None] = []
        producer.start()
        for stage in (Stage.DOWN, Stage.UP, Stage.GONE, Stage.BACK):
            await self._stage(stage)
            await until(lambda: (producer.down is None) == (stage in {Stage.UP, Stage.BACK}))  # noqa: B023 - at once
            downs.append(producer.down)
        await asyncio.to_thread(producer.close)

        nobody = f"no broker of {self._address}"
        assert downs == [f"{nobody} has answered yet", None, f"{nobody} can be reached", None]

    def write(self, *, begins_anew: bool) -> None:
        self._outages.wait_for(Stage.UP)
        topics = Topics(self._address, f"written-{begins_anew}")
        more = {"metadata.recovery.strategy": "rebootstrap"} if begins_anew else {}
        to, name, id = (
            KafkaEgress(id="kafka/out", address=self._address, delivery="exactly-once", properties=more),
            topics.make("out"),
            topics.name("id"),
        )
        writer = Transactions(to, id, Lineage.read(None))
        writer.write([Record(1, name, None, b"before")], 1)

        self._outages.wait_for(Stage.AGAIN)
        if begins_anew:  # the client would wait for ever
            with pytest.raises(EgressDownError) as caught:
                writer.write([Record(2, name, None, b"after")], 2)
            assert str(caught.value) == f"no broker of {self._address} takes how far its group has come"
            writer = Transactions(to, id, Lineage.read(None))
        writer.write([Record(2, name, None, b"after")], 2)

        assert writer.through == (1 if begins_anew else -1)
        assert [record.value() for record in topics.read(name, 2)] == [b"before", b"after"]


class Lines(logging.Handler):
    """What follows *start* in the lines of the log that begin with it, while a block runs."""

    def __init__(self, start: str) -> None:
        super().__init__()
        self._start = start
        self.lines: list[str] = []

    def __enter__(self) -> None:
        logging.getLogger("statefun_actors").addHandler(self)

    def __exit__(self, *_: object) -> None:
        logging.getLogger("statefun_actors").removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text.startswith(self._start):
            self.lines.append(text.removeprefix(self._start))


@pytest.fixture(scope="module")
def outages(tmp_path_factory: pytest.TempPathFactory) -> Generator[Outages]:
    """Have been; with the results of all scenarios."""
    broker = new_broker()
    found = Outages(broker)
    scenarios = Scenarios(found, broker.address, tmp_path_factory.mktemp("outages"))
    fork_server()  # here, and not in one of the threads
    try:
        found.run(
            {
                "exactly-once": partial(scenarios.run_module, "exactly-once"),
                "at-least-once": partial(scenarios.run_module, "at-least-once"),
                "read": lambda: asyncio.run(scenarios.read()),
                "note": lambda: asyncio.run(scenarios.note()),
                "idle": lambda: asyncio.run(scenarios.idle()),
                "goes on": partial(scenarios.write, begins_anew=False),
                "begins anew": partial(scenarios.write, begins_anew=True),
            }
        )
        yield found
    finally:
        broker.close()


@pytest.mark.parametrize("delivery", ["exactly-once", "at-least-once"])
def test_a_run_goes_on_after_a_broker_was_down_at_the_start_and_killed_while_records_go_through(
    outages: Outages, delivery: str
) -> None:
    outages.result(delivery)


def test_an_ingress_goes_on_and_its_stop_does_not_wait_for_a_broker_that_is_not_there(outages: Outages) -> None:
    outages.result("read")


def test_how_far_it_has_come_is_noted_after_an_outage_longer_than_any_request_may_take(outages: Outages) -> None:
    outages.result("note")


def test_one_that_writes_nothing_knows_whether_brokers_are_there(outages: Outages) -> None:
    outages.result("idle")


@pytest.mark.parametrize("writer", ["goes on", "begins anew"])
def test_after_a_broker_was_killed_that_keeps_how_far_its_records_have_come_an_egress_goes_on(
    outages: Outages, writer: str
) -> None:
    outages.result(writer)
