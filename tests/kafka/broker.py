"""A Kafka broker of the tests' own: one node, on the loopback, in a folder that goes away with it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from statefun_actors.cluster.jvm import Program
from statefun_actors.cluster.leash import leashed
from statefun_actors.cluster.reserved_ports import ReservedPort

START_SECONDS: Final = 180.0
"""For a broker to serve; 3 are usual."""
DUMP_SECONDS: Final = 120.0
CLUSTER: Final = "c3RhdGVmdW4tYWN0b3JzIQ"
"""The id of its Kafka cluster: any 16 bytes."""
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
metadata.max.idle.interval.ms=0
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=true
"""
REPLACED_SOON: Final = """\
broker.session.timeout.ms=2500
broker.heartbeat.interval.ms=400
"""
"""A broker that was killed starts again once its controller no longer waits for it. It idles at twice the cost."""


class BrokerError(Exception):
    """The broker does not start; the text is its output."""


class Broker:
    """Started by :meth:`start`, with its earlier log.

    Args:
        program: the broker of a local cluster.
        more: further lines of its properties.
    """

    def __init__(self, program: Program, more: str = "") -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="kafka-")
        self._port, self._controller = ReservedPort(), ReservedPort()
        self.address: Final = f"127.0.0.1:{self._port.number}"
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        self._properties = Path(self._folder.name) / "server.properties"
        self._log = Path(self._folder.name) / "broker.log"
        self._properties.write_text(
            _PROPERTIES.format(
                port=self._port.number, controller=self._controller.number, folder=Path(self._folder.name) / "data"
            )
            + more
        )

    def start(self) -> None:
        """Return once it serves.

        Raises:
            BrokerError: it ended, or took longer than START_SECONDS.
        """
        with self._log.open("ab") as log:
            command = self._program.command(str(self._properties), f"{self._folder.name}/data", self.address, CLUSTER)
            self._process = subprocess.Popen(
                leashed(command, os.getpid()), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        admin = AdminClient({"bootstrap.servers": self.address, "log_level": 0, "reconnect.backoff.max.ms": 100})
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(KafkaException):
                if admin.list_topics(timeout=0.5).brokers:
                    return
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise BrokerError(self._log.read_text(errors="replace")[-4_000:])

    def leave_class_data(self) -> None:
        """Make the class data with which later brokers start twice as fast, if there is none. A failure is ignored."""
        if self._process is None or not self._program.archives:
            return
        made = self._program.archive.with_name(f"tests-{os.getpid()}.making")
        dump = ["jcmd", str(self._process.pid), "VM.cds", "dynamic_dump", str(made)]
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            subprocess.run(dump, check=True, capture_output=True, timeout=DUMP_SECONDS)
            made.replace(self._program.archive)

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
