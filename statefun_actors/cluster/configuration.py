"""The settings files of Flink and Kafka."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import attrs

_LOG4J: Final = """\
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = console
appender.console.name = console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %-5p %c{1} - %m%n%xEx
logger.kafka.name = org.apache.kafka
logger.kafka.level = WARN
logger.akka.name = akka
logger.akka.level = WARN
"""


@attrs.frozen(kw_only=True)
class FlinkSettings:
    """``folder`` is for temporary files, ``checkpoints`` for checkpoints, which stay after the job ends.

    ``from_savepoint`` is a URI or None. Times are milliseconds.

    ``more`` are further keys of flink-conf.yaml; they win over what is set here.
    """

    name: str
    folder: Path
    checkpoints: Path
    module: Path
    rpc_port: int
    rest_port: int
    parallelism: int
    task_managers: int
    checkpoint_ms: int
    heartbeat_ms: int
    from_savepoint: str | None
    more: Mapping[str, object]

    def write(self, conf: Path) -> None:
        """Write flink-conf.yaml and log4j.properties to the folder *conf*."""
        conf.mkdir(parents=True, exist_ok=True)
        lines = "".join(f"{key}: {value}\n" for key, value in self._settings().items())
        (conf / "flink-conf.yaml").write_text(lines, encoding="utf-8")
        (conf / "log4j.properties").write_text(_LOG4J, encoding="utf-8")

    def _settings(self) -> dict[str, object]:
        slots = -(-self.parallelism // self.task_managers)
        return {
            "jobmanager.rpc.address": "127.0.0.1",
            "jobmanager.rpc.port": self.rpc_port,
            "jobmanager.bind-host": "127.0.0.1",
            "taskmanager.host": "127.0.0.1",
            "taskmanager.bind-host": "127.0.0.1",
            "rest.address": "127.0.0.1",
            "rest.bind-address": "127.0.0.1",
            "rest.port": self.rest_port,
            "web.submit.enable": "false",
            "parallelism.default": self.parallelism,
            "taskmanager.numberOfTaskSlots": slots,
            "taskmanager.cpu.cores": slots,
            # What StateFun needs.
            "statefun.flink-job-name": self.name,
            "statefun.remote.module-name": self.module.as_uri(),
            "classloader.parent-first-patterns.additional": (
                "org.apache.flink.statefun;org.apache.kafka;com.google.protobuf"
            ),
            "pipeline.auto-generate-uids": "false",
            "execution.savepoint.ignore-unclaimed-state": "true",
            **({} if self.from_savepoint is None else {"execution.savepoint.path": self.from_savepoint}),
            # Failures: the job is always restarted, and the end of a process is noticed soon.
            "execution.checkpointing.mode": "EXACTLY_ONCE",
            "execution.checkpointing.interval": f"{self.checkpoint_ms}ms",
            "execution.checkpointing.max-concurrent-checkpoints": 1,
            "execution.checkpointing.timeout": "2min",
            "restart-strategy": "fixed-delay",
            "restart-strategy.fixed-delay.attempts": 2147483647,
            "restart-strategy.fixed-delay.delay": "500ms",
            "heartbeat.interval": 1_000,
            "heartbeat.timeout": self.heartbeat_ms,
            "slot.request.timeout": 300_000,
            "akka.ask.timeout": "60s",
            # A TaskManager that starts before the JobManager would wait 10 seconds before the next attempt.
            "cluster.registration.error-delay": 300,
            "cluster.registration.refused-registration-delay": 500,
            "cluster.registration.initial-timeout": 300,
            "cluster.registration.max-timeout": 2000,
            # Storage.
            "state.backend": "rocksdb",
            "state.backend.incremental": "true",
            "state.checkpoints.dir": self.checkpoints.as_uri(),
            "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
            "io.tmp.dirs": self.folder / "tmp",
            # Memory: a TaskManager that is started by hand needs every part of it.
            "jobmanager.memory.jvm-overhead.min": "64m",
            "taskmanager.memory.framework.heap.size": "96m",
            "taskmanager.memory.framework.off-heap.size": "64m",
            "taskmanager.memory.task.heap.size": "320m",
            "taskmanager.memory.task.off-heap.size": "96m",
            "taskmanager.memory.network.min": "48m",
            "taskmanager.memory.network.max": "48m",
            "taskmanager.memory.managed.size": f"{64 * slots}m",
            "taskmanager.memory.jvm-metaspace.size": "256m",
            "taskmanager.memory.jvm-overhead.min": "128m",
            "taskmanager.memory.jvm-overhead.max": "128m",
            **self.more,
        }


@attrs.frozen(kw_only=True)
class KafkaSettings:
    """A broker on the loopback that is its own controller; its log is in ``folder``."""

    folder: Path
    port: int
    controller_port: int

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def write(self, path: Path) -> None:
        """Write server.properties to *path*."""
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = "".join(f"{key}={value}\n" for key, value in self._settings().items())
        path.write_text(lines, encoding="utf-8")

    def _settings(self) -> dict[str, object]:
        controller = f"127.0.0.1:{self.controller_port}"
        return {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{controller}",
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.address}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": self.folder,
            "num.partitions": 4,
            "auto.create.topics.enable": "true",  # module.yaml does not list the topics of egresses
            "offsets.topic.num.partitions": 1,
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.num.partitions": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "transaction.max.timeout.ms": 900_000,
            "group.initial.rebalance.delay.ms": 0,
            "group.coordinator.rebalance.protocols": "classic",
            "num.network.threads": 1,
            "num.io.threads": 2,
            "num.recovery.threads.per.data.dir": 1,
            "log.cleaner.enable": "false",
            # Kafka makes the two indexes of each partition as large as they may get: 10 MiB by default. The
            # holes of such files are written out when the folder is copied: a GiB for 50 partitions.
            "log.index.size.max.bytes": 1 << 20,
            "metadata.max.idle.interval.ms": 0,  # the only controller needs no record that it is still there
        }
