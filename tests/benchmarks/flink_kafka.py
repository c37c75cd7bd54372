"""From Kafka over Flink to an endpoint and back, next to Apache's SDK: ``python -m tests.benchmarks.flink_kafka``.

One StateFun 3.3.0 job reads three topics, one for each peer: ``statefun-actors serve``, aiohttp with Apache's SDK as
pip installs it, and the same with replies held back by the rule and the time of ``serve --linger``. An account adds
each message to its state and writes a record with the balance. The peers take turns on the same TaskManager: everything
is produced at once, and the clock stops when the last record is read back. Each turn has keys of its own, and each of
them must have received every balance from 1 to its count, once.

The TaskManager compiles with C1 only, Kafka's producer in it lingers 20 ms, 512 messages are under way at a time,
egress at-least-once, the transport the asynchronous one.

``--busy`` runs two processes next to it that only compute, as other work on both cores does.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import attrs
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from google.protobuf.duration_pb2 import Duration

from statefun_actors.cluster import Cluster, ClusterOptions, flink_programs, kafka_program
from statefun_actors.cluster.leash import leashed
from statefun_actors.deploy import EndpointComponent, KafkaEgress, KafkaIngress, Module, Topic
from tests.benchmarks.figures import Figure, needed, parser_of, report
from tests.benchmarks.http import Server, cpu_seconds
from tests.benchmarks.official_sdk import python_with_sdk
from tests.benchmarks.peers.installed import flink_and_kafka

OURS, THEIRS, DELAYED = "ours", "theirs", "delayed"
PEERS: Final = (THEIRS, DELAYED, OURS)
NAMES: Final = {OURS: "serve", THEIRS: "aiohttp + SDK-pip", DELAYED: "the same, delayed"}
FEW, MANY = (10, 100), 10_000
WARM_UP: Final = 3_000
LINGER_SECONDS: Final = 0.02
FASTER: Final = 2.0
"""Times the messages/s of theirs."""
CHEAPER: Final = 3.0
"""Times less of a processor for a message, at many keys."""
WAIT_SECONDS: Final = 300.0
DURATION: Final = "type.googleapis.com/google.protobuf.Duration"
PROCESSES: Final = ("endpoint", "TaskManager 1", "JobManager", "Kafka")


@attrs.frozen(kw_only=True)
class Turn:
    """``cpu`` is seconds of each process."""

    messages: int
    seconds: float
    requests: int
    cpu: Mapping[str, float]

    @property
    def rate(self) -> float:
        return self.messages / self.seconds

    @property
    def cost(self) -> float:
        """Microseconds of a processor that a message costs the endpoint."""
        return self.cpu["endpoint"] / self.messages * 1e6


class Peer:
    """One peer, its two topics, and the Kafka clients that write its input and read its output."""

    def __init__(self, name: str, server: Server, broker: str, pids: Mapping[str, int]) -> None:
        self._name, self._server, self._pids = name, server, pids
        client: dict[str, str | int | float | bool] = {"bootstrap.servers": broker, "log_level": 0}
        self._producer = Producer({**client, "linger.ms": 5})
        self._consumer = Consumer(
            {**client, "group.id": name, "enable.auto.commit": False, "isolation.level": "read_committed"}
        )
        self._consumer.assign([TopicPartition(f"{name}.out", 0, OFFSET_BEGINNING)])
        self._requests = 0

    def turn(self, turn: str, keys: int, messages: int) -> Turn:
        """Send *messages* to *keys* of their own, and read back the results.

        Raises:
            AssertionError: a balance is missing, or was written twice; it takes too long.
        """
        expected = {f"{turn}-{key}": messages // keys + (key < messages % keys) for key in range(keys)}
        ids, one = list(expected), Duration(seconds=1).SerializeToString()
        before, start = self._cpu(), time.perf_counter()
        for number in range(messages):
            self._producer.produce(f"{self._name}.in", one, ids[number % keys])
        assert self._producer.flush(WAIT_SECONDS) == 0, "Kafka does not take the messages"
        records = self._read(messages, start + WAIT_SECONDS)
        seconds, after = time.perf_counter() - start, self._cpu()
        written = [(key.decode(), Duration.FromString(value)) for key, value in records]
        balances = Counter((key, value.seconds) for key, value in written)
        assert balances == Counter((key, n + 1) for key, count in expected.items() for n in range(count)), (
            f"{self._name} lost or repeated messages"
        )
        requests = max(value.nanos for _, value in written)
        done = requests - self._requests
        self._requests = requests
        return Turn(
            messages=messages, seconds=seconds, requests=done, cpu={name: after[name] - before[name] for name in after}
        )

    def close(self) -> None:
        self._consumer.close()

    def _read(self, count: int, until: float) -> list[tuple[bytes, bytes]]:
        found: list[tuple[bytes, bytes]] = []
        while len(found) < count:
            assert time.perf_counter() < until, f"{self._name} wrote {len(found)} of {count} balances"
            for message in self._consumer.consume(1_000, 0.02):
                assert message.error() is None, message.error()
                key, value = message.key(), message.value()
                assert isinstance(key, bytes), key
                assert value is not None
                found.append((key, value))
        return found

    def _cpu(self) -> dict[str, float]:
        return {"endpoint": self._server.cpu_seconds(), **{name: cpu_seconds(pid) for name, pid in self._pids.items()}}


def started(name: str, linger: float) -> Server:
    """The endpoint of a peer. It ends with this process, however that ends."""
    if name == OURS:
        app = "tests.benchmarks.peers.counted:Account"
        command = [sys.executable, "-m", "statefun_actors", "serve", app, "--bind", "127.0.0.1:0"]
        command += ["--linger", f"{linger}s"]
    else:
        command = [str(python_with_sdk("SDK-pip")), "-m", "tests.benchmarks.peers.sdk", "aiohttp"]
        command += [str(linger)] if name == DELAYED else []
    return Server(*leashed(command, os.getpid()))


def module(urls: Mapping[str, str], broker: str, max_batch: int) -> Module:
    """Each peer's topic leads to its own endpoint."""
    parts: list[EndpointComponent | KafkaIngress | KafkaEgress] = [
        KafkaEgress(id="bank/receipts", address=broker, delivery="at-least-once", properties={"linger.ms": "20"})
    ]
    for peer, url in urls.items():
        topic = Topic(topic=f"{peer}.in", value_type=DURATION, targets=[f"{peer}/account"])
        parts += [
            EndpointComponent(functions=f"{peer}/account", url=url, max_batch=max_batch),
            KafkaIngress(id=f"{peer}/in", address=broker, topics=[topic], group=peer, startup="earliest"),
        ]
    return Module(components=parts)


async def measured(
    servers: Mapping[str, Server], folder: Path, rounds: int, messages: int, max_batch: int, parallelism: int
) -> dict[tuple[int, str], list[Turn]]:
    """The turns, by the number of keys and the peer."""

    def tell(line: str) -> None:
        print(line, file=sys.stderr)

    settings = {"statefun.async.max-per-task": 512}
    cluster = Cluster(
        ClusterOptions(
            name="benchmark",
            folder=folder,
            flink=flink_programs(tell),
            kafka=kafka_program(tell),
            parallelism=parallelism,
            settings=settings,
        )
    )
    peers: dict[str, Peer] = {}
    try:
        urls = {name: f"http://{server.host}:{server.port}/statefun" for name, server in servers.items()}
        await cluster.start(module(urls, cluster.kafka_address, max_batch), None)
        admin = AdminClient({"bootstrap.servers": cluster.kafka_address, "log_level": 0})
        for made in admin.create_topics([NewTopic(f"{name}.out", 1, 1) for name in servers]).values():
            made.result(WAIT_SECONDS)
        for name, server in servers.items():
            peers[name] = Peer(name, server, cluster.kafka_address, cluster.pids)
            peers[name].turn("warm-up", WARM_UP // 3, WARM_UP)
        turns: dict[tuple[int, str], list[Turn]] = {(keys, name): [] for keys in (*FEW, MANY) for name in PEERS}
        order = list(turns.items())
        for number in range(rounds):
            for (keys, name), taken in order:
                taken.append(peers[name].turn(f"{number}-{keys}", keys, messages))
            order.reverse()  # so that no peer always comes first, when the TaskManager has compiled least
        return turns
    finally:
        for peer in peers.values():
            peer.close()
        await cluster.stop()


def figures(turns: Mapping[tuple[int, str], Sequence[Turn]]) -> list[Figure]:
    """The figures. Prints the table of turns."""
    print(f"{'keys':>6}  {'endpoint':18}{'messages/s':>11}{'requests':>10}{'batch':>7}{'µs/message':>12}   CPU seconds")
    for (keys, name), taken in turns.items():
        for turn in taken:
            cpu = ", ".join(f"{process.removesuffix(' 1')} {turn.cpu[process]:.2f}" for process in PROCESSES)
            print(
                f"{keys:6,}  {NAMES[name]:18}{turn.rate:11,.0f}{turn.requests:10,}{turn.messages / turn.requests:7.1f}"
                f"{turn.cost:12.0f}   {cpu}"
            )
    theirs = NAMES[THEIRS]
    return [
        *(
            Figure(
                name=f"serve under Flink, {keys:,} keys: messages/s",
                ours=[turn.rate for turn in turns[keys, OURS]],
                peer=theirs,
                theirs=[turn.rate for turn in turns[keys, THEIRS]],
                aim=FASTER,
            )
            for keys in (*FEW, MANY)
        ),
        Figure(
            name=f"serve under Flink, {MANY:,} keys: processor time of the peer",
            ours=[turn.cost for turn in turns[MANY, OURS]],
            peer=theirs,
            theirs=[turn.cost for turn in turns[MANY, THEIRS]],
            inverse=True,
            aim=CHEAPER,
        ),
    ]


def main() -> None:
    options = parser_of(__doc__)
    options.add_argument("--rounds", type=int, default=2)
    options.add_argument("--messages", type=int, default=40_000, help="of each turn")
    options.add_argument("--linger", type=float, default=LINGER_SECONDS, help="seconds, of serve and of the delayed")
    options.add_argument("--max-batch", type=int, default=1000, help="maxNumBatchRequests")
    options.add_argument("--parallelism", type=int, default=1, help="of the job")
    options.add_argument("--busy", action="store_true", help="with other work on two cores")
    chosen = options.parse_args()
    needed("Kafka, Flink, endpoint, Kafka", chosen, flink_and_kafka)
    servers: dict[str, Server] = {}
    others: list[subprocess.Popen[bytes]] = []
    computing = leashed([sys.executable, "-c", "while True: pass"], os.getpid())
    try:
        for name in PEERS:
            servers[name] = started(name, chosen.linger)
        if chosen.busy:
            others += [subprocess.Popen(computing) for _ in range(2)]
        with tempfile.TemporaryDirectory(prefix="flink-kafka-") as folder:
            sizes = (chosen.rounds, chosen.messages, chosen.max_batch, chosen.parallelism)
            turns = asyncio.run(measured(servers, Path(folder), *sizes))
    finally:
        for other in others:
            other.kill()
            other.wait()
        for server in servers.values():
            server.close()
    report(figures(turns), chosen)


if __name__ == "__main__":
    main()
