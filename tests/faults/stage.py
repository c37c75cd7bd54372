"""All processes of a run under faults: broker, endpoint behind a proxy, ``statefun-actors flink``; and its load."""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
import time
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Final

from click.testing import CliRunner
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from statefun_actors.cli import main
from statefun_actors.cluster.reserved_ports import ReservedPort
from statefun_actors.deploy import read_module
from tests.cluster.command import FlinkCommand, started
from tests.faults.app import FOLDER, LETTERS, TOLD, TRACE
from tests.faults.orders import Sent
from tests.faults.proxy import Proxy
from tests.flink.served import ServedApp
from tests.kafka.session import new_broker

APP: Final = Path(__file__).with_name("app.py")
WAIT_SECONDS: Final = 240.0
"""For anything that must come about. A failing endpoint is called again up to a minute after it is well again."""
_PARTITIONS: Final = 2


class Stage:
    """Started and ended by ``with``; the job runs once :meth:`run` was called.

    The job is a mixed one: ``flink`` serves ``faults/ledger``, an endpoint with two workers behind a proxy the rest.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.savepoints = folder, folder / "savepoints"
        os.environ[FOLDER] = str(folder)
        self._closing = contextlib.ExitStack()
        self._job = contextlib.ExitStack()
        self.broker = new_broker()
        self._closing.callback(self.broker.close)
        self._closing.callback(self._job.close)
        self._port = ReservedPort()
        self._closing.callback(self._port.release)
        self.proxy = Proxy(self._port.number)
        self._closing.callback(self.proxy.close)
        self.endpoint = ServedApp(APP, self._port.number, "--workers", "2")
        self._closing.callback(self.endpoint.close)
        self.told = Told(self.broker.address)
        self.flink: FlinkCommand

    def __enter__(self) -> Stage:
        try:
            self.broker.start()
            self._write_module()
            self.endpoint.start()
            self.told.start()
            self._closing.callback(self.told.close)
            self.run()
        except BaseException:
            self._closing.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def run(self, *options: str, parallelism: int = 2) -> None:
        """Run the job, after the one that ran before has ended."""
        self._job.close()
        self.flink = self._job.enter_context(
            started(
                f"{APP}:Ledger", "--module", str(self._module), "--checkpoint-interval", "1s",
                "--parallelism", str(parallelism), "--task-managers", "2", "--savepoint", str(self.savepoints),
                *options,
                folder=self.folder / "cluster",
            )
        )  # fmt: skip

    @property
    def handled(self) -> int:
        """How often an order was handled, also if that was undone later."""
        trace = self.folder / TRACE
        return trace.stat().st_size if trace.exists() else 0

    def produce(self, records: Iterable[Sent], seconds: float = 0.0) -> None:
        """Return once the broker has *records*, which are written evenly over *seconds*."""
        sent = list(records)
        producer = Producer({"bootstrap.servers": self.broker.address, "log_level": 0, "linger.ms": 2})
        begun = time.monotonic()
        for number, (topic, key, value) in enumerate(sent):
            if (ahead := begun + seconds * number / len(sent) - time.monotonic()) > 0:
                producer.poll(ahead)
            producer.produce(topic, value, key)
        assert producer.flush(WAIT_SECONDS) == 0, "the broker does not take records"

    @contextlib.contextmanager
    def producing(self, records: Iterable[Sent], seconds: float) -> Generator[None]:
        """:meth:`produce` while the block runs, and until it is done."""
        thread = threading.Thread(target=self.produce, args=(list(records), seconds))
        thread.start()
        try:
            yield
        finally:
            thread.join()

    def letters(self) -> int:
        """The number of dead letters."""
        consumer = Consumer({"bootstrap.servers": self.broker.address, "group.id": "letters", "log_level": 0})
        with contextlib.closing(consumer):
            places = [TopicPartition(LETTERS, number) for number in range(_PARTITIONS)]
            return sum(consumer.get_watermark_offsets(place, timeout=WAIT_SECONDS)[1] for place in places)

    def _write_module(self) -> None:
        self._module = self.folder / "module.yaml"
        arguments = ["--url", self.proxy.url, "--kafka", self.broker.address, "--all-topics", "--call-timeout", "40s"]
        # An endpoint for each function: flink makes that of the ledger its own.
        arguments += ["--per-function", "--transport", "pool_size=128"]
        self._module.write_text(CliRunner().invoke(main, ["module", str(APP), *arguments]).stdout)
        names = {topic.topic for ingress in read_module(self._module).kafka_ingresses for topic in ingress.topics}
        admin = AdminClient({"bootstrap.servers": self.broker.address, "log_level": 0})
        new = [NewTopic(name, _PARTITIONS, 1) for name in sorted({*names, TOLD, LETTERS})]
        for made in admin.create_topics(new).values():
            made.result(WAIT_SECONDS)


class Told:
    """The committed records of the application, as they arrive."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._read, name="told", daemon=True)
        self._records: list[tuple[str, bytes]] = []
        self._times: list[float] = []
        self._arrived = threading.Condition()

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._thread.join()

    def of(self, run: str) -> list[tuple[str, bytes]]:
        """The records, key and value, of entities whose ids begin with *run*."""
        return [(key, value) for key, value in tuple(self._records) if key.startswith(run)]

    def wait(self, run: str, count: int) -> None:
        """Return once there are *count* records of *run*."""
        with self._arrived:
            came = self._arrived.wait_for(lambda: len(self.of(run)) >= count, WAIT_SECONDS)
        assert came, f"{len(self.of(run))} of {count} records of {run} came within {WAIT_SECONDS:g} s"

    def silence(self, since: float) -> float:
        """The longest time without a record after *since*, in seconds."""
        times = [since, *(each for each in tuple(self._times) if each > since)]
        return max((later - earlier for earlier, later in itertools.pairwise(times)), default=0.0)

    def _read(self) -> None:
        consumer = Consumer({
            "bootstrap.servers": self._address, "group.id": "told", "enable.auto.commit": False,
            "isolation.level": "read_committed", "reconnect.backoff.max.ms": 200, "log_level": 0,
        })  # fmt: skip
        with contextlib.closing(consumer):
            consumer.assign([TopicPartition(TOLD, number, OFFSET_BEGINNING) for number in range(_PARTITIONS)])
            while not self._closing.is_set():
                for message in consumer.consume(1_000, 0.1):
                    if message.error() is not None:
                        continue
                    with self._arrived:
                        self._records.append(((message.key() or b"").decode(), message.value() or b""))
                        self._times.append(time.monotonic())
                        self._arrived.notify_all()
