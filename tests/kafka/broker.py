"""A Kafka broker of the tests' own: one node, on the loopback, in a folder that goes away with it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from statefun_actors.cluster.leash import leashed
from statefun_actors.cluster.ports import ReservedPort

START_SECONDS: Final = 60.0
_CLUSTER: Final = "MkU3OEVBNTcwNTJENDM2Qk"  # any 16 bytes, in base64
_FLAGS: Final = (
    "-Xms64m",
    "-Xmx192m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",  # short runs: better compiled code would never pay
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
)
_PROPERTIES: Final = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={folder}
auto.create.topics.enable=false
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.max.timeout.ms=900000
group.initial.rebalance.delay.ms=0
num.network.threads=1
num.io.threads=2
num.recovery.threads.per.data.dir=1
log.cleaner.enable=false
broker.session.timeout.ms=1500
broker.heartbeat.interval.ms=400
"""


class BrokerError(Exception):
    """The broker does not start; the text is what it says."""


class Broker:
    """Started by :meth:`start`, with what it held when it was stopped. *jars* are those of kafka_2.13."""

    def __init__(self, jars: Path) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="kafka-")
        self._port, self._controller = ReservedPort(), ReservedPort()
        self.address: Final = f"127.0.0.1:{self._port.number}"
        self._jars = jars
        self._process: subprocess.Popen[bytes] | None = None
        self._properties = Path(self._folder.name) / "server.properties"
        self._log = Path(self._folder.name) / "broker.log"
        self._properties.write_text(
            _PROPERTIES.format(
                port=self._port.number, controller=self._controller.number, folder=Path(self._folder.name) / "data"
            )
        )
        self._formatted = False

    def start(self) -> None:
        """Return once it serves.

        Raises:
            BrokerError: it ended, or took longer than START_SECONDS.
        """
        if not self._formatted:
            format = self._command("kafka.tools.StorageTool", "format", "-t", _CLUSTER, "-c", str(self._properties))
            done = subprocess.run(format, check=False, capture_output=True, text=True, timeout=START_SECONDS)
            if done.returncode != 0:
                raise BrokerError(done.stdout + done.stderr)
            self._formatted = True
        with self._log.open("ab") as log:
            command = leashed(self._command("kafka.Kafka", str(self._properties)), os.getpid())
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        admin = AdminClient({"bootstrap.servers": self.address, "log_level": 0, "reconnect.backoff.max.ms": 100})
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(KafkaException):
                if admin.list_topics(timeout=0.5).brokers:
                    return
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise BrokerError(self._log.read_text(errors="replace")[-4_000:])

    def stop(self) -> None:
        """Have it end in good order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def _end(self, by: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(by)
            self._process.wait(START_SECONDS)
            self._process = None

    def close(self) -> None:
        self.kill()
        self._port.release()
        self._controller.release()
        self._folder.cleanup()

    def _command(self, main: str, *arguments: str) -> Sequence[str]:
        return ["java", *_FLAGS, "-cp", f"{self._jars}/*", main, *arguments]
