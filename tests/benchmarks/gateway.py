"""A round trip through the gateway, next to Kafka alone: ``python -m tests.benchmarks.gateway``.

One StateFun 3.3.0 job and one endpoint. A message at a time, alternately: a POST with ``?wait=`` to ``statefun-actors
gateway``, whose answer is the reply; and the same message written by a producer to a topic of the job, whose handler
writes a record that a consumer reads. Both change the state of an entity. So both go through the job in the same way,
and the difference is the gateway with its envelopes. A third one, with an Idempotency-Key, has no aim: its message goes
through one more function.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Final

from confluent_kafka import OFFSET_END, Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from statefun_actors.cli.module.requirements import served_by
from statefun_actors.cluster import Cluster, ClusterOptions, flink_programs, kafka_program
from statefun_actors.cluster.leash import leashed
from statefun_actors.deploy import Wanted, WantedTopic, planned_module, write_module
from statefun_actors.dispatch import Application
from statefun_actors.settings import Settings
from tests.benchmarks.figures import Figure, needed, parser_of, report
from tests.benchmarks.http import Server
from tests.benchmarks.peers.asked import OUT, Account
from tests.benchmarks.peers.installed import flink_and_kafka
from tests.gateway.session import GatewayProcess

APP: Final = "tests.benchmarks.peers.asked"
MOST: Final = 1.5
"""Times the median of Kafka alone."""
WARM_UP: Final = 150
SECONDS: Final = 30.0
IN: Final = "bare.in"
SETTINGS: Final = {"execution.buffer-timeout": "1 ms"}
"""By default Flink holds records back for up to 100 ms, several times on the way: nothing else would be seen."""
MESSAGE: Final = b'{"amount":1}'


class Bare:
    """A producer and a consumer, as quick as they can be."""

    def __init__(self, broker: str) -> None:
        client: dict[str, str | int | float | bool] = {"bootstrap.servers": broker, "log_level": 0}
        self._producer = Producer({**client, "linger.ms": 0, "enable.idempotence": True})
        self._consumer = Consumer({**client, "group.id": "bare", "enable.auto.commit": False})
        self._consumer.assign([TopicPartition(OUT, 0, OFFSET_END)])
        self._consumer.poll(3.0)  # it begins at the end, so it has to have begun

    def ask(self) -> None:
        """Write a message, and read the record that follows from it."""
        self._producer.produce(IN, MESSAGE, "bare")
        self._producer.poll(0)
        until = time.monotonic() + SECONDS
        while (record := self._consumer.poll(1.0)) is None or record.error() is not None:
            assert time.monotonic() < until, "no record came"

    def close(self) -> None:
        self._producer.flush(SECONDS)
        self._consumer.close()


class Asking:
    """A connection to the gateway."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=SECONDS)

    def ask(self) -> None:
        self._ask({})

    def ask_once(self) -> None:
        """:meth:`ask`, under a key."""
        self._ask({"Idempotency-Key": uuid.uuid4().hex})

    def _ask(self, headers: dict[str, str]) -> None:
        path = "/ingress/bench/account/asked?wait=30s"
        self._connection.request("POST", path, MESSAGE, {"Content-Type": "application/vnd.bench/ask", **headers})
        response = self._connection.getresponse()
        body = response.read()
        assert response.status == 200, (response.status, body)

    def close(self) -> None:
        self._connection.close()


def seconds(call: Callable[[], None]) -> float:
    before = time.perf_counter()
    call()
    return time.perf_counter() - before


async def measured(folder: Path, rounds: int, messages: int) -> dict[str, list[float]]:
    """The median round trip of each round in milliseconds, by what was measured."""

    def tell(line: str) -> None:
        print(line, file=sys.stderr)

    cluster = Cluster(
        ClusterOptions(
            name="gateway", folder=folder, flink=flink_programs(tell), kafka=kafka_program(tell), settings=SETTINGS
        )
    )
    serve = [sys.executable, "-m", "statefun_actors", "serve", APP, "--bind", "127.0.0.1:0"]
    serve += ["--answers-topics", "bench.gateway.answers"]
    server = Server(*leashed(serve, os.getpid()))
    closing: list[Callable[[], None]] = [server.close]
    try:
        wanted = Wanted(
            url=f"http://{server.host}:{server.port}",
            kafka=cluster.kafka_address,
            name="bench",
            topics=[WantedTopic(IN, ["bench/account"], "bench/bare")],
            delivery="at-least-once",
            gateway=True,
        )
        module = planned_module(served_by(Application(Account), Settings()), wanted)
        file = folder / "gateway.yaml"
        file.write_text(write_module(module), encoding="utf-8")
        await cluster.start(module, None)
        admin = AdminClient({"bootstrap.servers": cluster.kafka_address, "log_level": 0})
        admin.create_topics([NewTopic(OUT, 1, 1)])[OUT].result(SECONDS)
        process = GatewayProcess(file, app=APP)
        closing.append(process.close)
        bare, asking = Bare(cluster.kafka_address), Asking(process.url)
        closing += [bare.close, asking.close]
        calls = {"Kafka alone": bare.ask, "gateway": asking.ask, "gateway, with a key": asking.ask_once}
        for _ in range(WARM_UP):
            for call in calls.values():
                call()
        found: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(rounds):
            taken: dict[str, list[float]] = {name: [] for name in calls}
            for _ in range(messages):
                for name, call in calls.items():
                    taken[name].append(seconds(call) * 1000)
            for name, times in taken.items():
                found[name].append(median(times))
        return found
    finally:
        for close in reversed(closing):
            close()
        await cluster.stop()


def figures(found: dict[str, list[float]]) -> list[Figure]:
    """The figures. Prints the medians."""
    for name, times in found.items():
        print(f"{name:22} p50 of each round in ms: {_shown(times)}")
    return [
        Figure(
            name="a round trip through the gateway, p50",
            ours=found["gateway"],
            peer="Kafka, Flink, Kafka",
            theirs=found["Kafka alone"],
            aim=MOST,
            at_least=False,
        )
    ]


def _shown(times: Sequence[float]) -> str:
    return ", ".join(f"{each:.1f}" for each in times)


def main() -> None:
    options = parser_of(__doc__)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--messages", type=int, default=150, help="of each kind in each round")
    chosen = options.parse_args()
    needed("HTTP, gateway, Kafka, Flink, and back", chosen, flink_and_kafka)
    with tempfile.TemporaryDirectory(prefix="gateway-") as folder:
        found = asyncio.run(measured(Path(folder), chosen.rounds, chosen.messages))
    report(figures(found), chosen)


if __name__ == "__main__":
    main()
