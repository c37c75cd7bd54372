"""A StateFun cluster on this machine: an endpoint, a JobManager, TaskManagers and, optionally, a Kafka broker.

A TaskManager or an endpoint that dies is replaced: Flink recovers from its last checkpoint, as on any cluster. The
JobManager and the broker are not replaced: their state would be lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import attrs

from statefun_actors.cluster.broker_log import broker_log, kafka_cluster_id, new_kafka_cluster_id
from statefun_actors.cluster.configuration import FlinkSettings, KafkaSettings
from statefun_actors.cluster.errors import ClusterLateError, JobFailsError
from statefun_actors.cluster.flink_api import FlinkRest
from statefun_actors.cluster.folder_lock import lock_folder
from statefun_actors.cluster.job_news import JobNews
from statefun_actors.cluster.jvm import FlinkPrograms, Program
from statefun_actors.cluster.process import Child
from statefun_actors.cluster.reserved_ports import ReservedPort
from statefun_actors.cluster.states import checkpoints_in, clear_for_new_run
from statefun_actors.deploy import Module, write_module

START_SECONDS: Final = 240.0
"""Timeout of a start, for busy machines; 10 seconds are usual."""
_STOP_SECONDS: Final = 8.0
_DUMP_SECONDS: Final = 120.0
_SOON: Final = 10.0
"""Seconds: a process that dies earlier, several times in a row, has a permanent fault."""
_TRIES: Final = 3
_HEARTBEAT_MS: Final = 5_000
_DUMPING_HEARTBEAT_MS: Final = 120_000
"""A JVM does nothing else while it dumps its class data."""


@attrs.frozen(kw_only=True)
class EndpointProgram:
    """The process that serves the functions: its command, standard input, inherited descriptors and URL."""

    command: Sequence[str]
    data: bytes
    descriptors: Sequence[int]
    url: str


@attrs.frozen(kw_only=True)
class ClusterOptions:
    """``folder`` keeps Kafka's log between runs, and the logs of this run. ``kafka=None`` starts no broker.

    ``settings`` are further keys of flink-conf.yaml; they win over the cluster's own.
    """

    name: str
    folder: Path
    flink: FlinkPrograms
    kafka: Program | None
    parallelism: int = 1
    task_managers: int = 1
    checkpoint_ms: int = 1_000
    from_savepoint: Path | None = None
    settings: Mapping[str, object] = attrs.field(factory=dict)


class Cluster:
    """One cluster; it runs between :meth:`start` and :meth:`stop`, which must be called after failures, too.

    Raises:
        FolderInUseError: another cluster uses the folder.
    """

    def __init__(self, options: ClusterOptions) -> None:
        self._options = options
        self.logs = options.folder / "logs"
        self.checkpoints = checkpoints_in(options.folder).absolute() / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"
        """The folder of this run's checkpoints, which stay when it ends."""
        options.folder.mkdir(parents=True, exist_ok=True)
        self._lock = lock_folder(options.folder)
        self._rpc, self._rest_port, self._broker_port, self._controller = (ReservedPort() for _ in range(4))
        self.kafka_id = kafka_cluster_id(options.folder) or new_kafka_cluster_id()
        """The id of the broker's Kafka cluster."""
        self.rest = FlinkRest(self.url)
        self._endpoint: EndpointProgram | None = None
        self._children: dict[str, Child] = {}
        self._deaths: dict[str, int] = {}

    @property
    def url(self) -> str:
        """The URL of Flink's web page and REST interface."""
        return self._rest_port.url

    @property
    def kafka_address(self) -> str:
        return f"127.0.0.1:{self._broker_port.number}"

    @property
    def is_first(self) -> bool:
        """Whether it dumps class data, with which later clusters start sooner."""
        return bool(self._dumping())

    @property
    def pids(self) -> Mapping[str, int]:
        """The process ids of the running processes, by name."""
        return {name: child.pid for name, child in self._children.items()}

    # --- starting

    async def start(self, module: Module, endpoint: EndpointProgram | None) -> None:
        """Return when every task of the job runs. *module* has the local URLs of the endpoint and the broker.

        Without an *endpoint*, the endpoints of *module* must be running already.

        Raises:
            ProcessEndedError: a process ended during the start.
            JobFailsError: the job failed repeatedly.
            ClusterLateError: the start timed out.
        """
        options = self._options
        self._endpoint = endpoint
        flink = options.folder / "flink"
        resumed = () if options.from_savepoint is None else (options.from_savepoint,)
        clear_for_new_run(options.folder, self.checkpoints, *resumed)
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        (options.folder / "module.yaml").write_text(write_module(module), encoding="utf-8")
        FlinkSettings(
            name=options.name,
            folder=flink.absolute(),
            checkpoints=self.checkpoints,
            module=(options.folder / "module.yaml").absolute(),
            rpc_port=self._rpc.number,
            rest_port=self._rest_port.number,
            parallelism=options.parallelism,
            task_managers=options.task_managers,
            checkpoint_ms=options.checkpoint_ms,
            heartbeat_ms=_DUMPING_HEARTBEAT_MS if self._dumping() else _HEARTBEAT_MS,
            from_savepoint=None if options.from_savepoint is None else options.from_savepoint.absolute().as_uri(),
            more=options.settings,
        ).write(flink / "conf")
        if options.kafka is not None:
            await self._start_broker(options.kafka, module)
        if endpoint is not None:
            await self._start_child("Endpoint")
        await self._start_child("JobManager")
        if options.kafka is not None:  # its topics must exist before the job reads them
            await self._children["Kafka"].logged("ready", START_SECONDS)
        for number in range(options.task_managers):
            await self._start_child(f"TaskManager {number + 1}")
        await self._running()
        await asyncio.gather(*(self._dump(name, program) for name, program in self._dumping().items()))

    async def _start_broker(self, program: Program, module: Module) -> None:
        folder = self._options.folder / "kafka"
        settings = KafkaSettings(
            folder=broker_log(self._options.folder).absolute(),
            port=self._broker_port.number,
            controller_port=self._controller.number,
        )
        settings.write(folder / "server.properties")
        topics = dict.fromkeys(topic.topic for ingress in module.kafka_ingresses for topic in ingress.topics)
        command = program.command(
            str(folder / "server.properties"), str(settings.folder), settings.address, self.kafka_id, *topics
        )
        self._children["Kafka"] = await Child.start("Kafka", command, self.logs / "kafka.log")

    async def _start_child(self, name: str) -> None:
        conf = (self._options.folder / "flink" / "conf").absolute()
        log = self.logs / f"{name.lower().replace(' ', '-')}.log"
        logging = f"-Dlog4j.configurationFile=file:{conf / 'log4j.properties'}"
        if name == "Endpoint":
            endpoint = self._endpoint
            assert endpoint is not None
            child = await Child.start(name, endpoint.command, log, descriptors=endpoint.descriptors, data=endpoint.data)
        elif name == "JobManager":
            program = _with_flag(self._options.flink.job_manager, logging)
            child = await Child.start(name, program.command(str(conf)), log)
        else:
            program = _with_flag(self._options.flink.task_manager, logging)
            identity = f"taskmanager.resource-id={name.replace(' ', '-').lower()}-{time.monotonic_ns()}"
            child = await Child.start(name, program.command("--configDir", str(conf), "-D", identity), log)
        self._children[name] = child

    async def _running(self) -> None:
        until = time.monotonic() + START_SECONDS
        while True:
            await self._mend()
            job = await self.rest.job()
            if job is not None and job.running:
                return
            trouble = None if job is None else await self.rest.trouble(job)
            if trouble is not None and trouble.count >= _TRIES:
                raise JobFailsError(trouble.count, trouble.cause, str(self._children["JobManager"].log))
            if time.monotonic() > until:
                why = self._children["JobManager"].tail() if trouble is None else trouble.cause
                raise ClusterLateError("the job to run", START_SECONDS, why)
            await self._something(0.2)

    def _dumping(self) -> dict[str, Program]:
        """The programs that dump their class data, by name."""
        programs = {
            "JobManager": self._options.flink.job_manager,
            "TaskManager 1": self._options.flink.task_manager,
            "Kafka": self._options.kafka,
        }
        return {name: program for name, program in programs.items() if program is not None and program.archives}

    async def _dump(self, name: str, program: Program) -> None:
        """Let a JVM dump class data for later starts. A failure is ignored."""
        made = program.archive.with_name(f"{program.archive.stem}-{os.getpid()}.making")
        command = ["jcmd", str(self._children[name].pid), "VM.cds", "dynamic_dump", str(made)]
        with contextlib.suppress(OSError, TimeoutError):
            dump = await Child.start("jcmd", command, self.logs / "class-data.log")
            async with asyncio.timeout(_DUMP_SECONDS):
                await asyncio.wait([dump.ended])
            made.replace(program.archive)

    # --- running

    async def watch(self, tick: float = 1.0) -> AsyncIterator[str]:
        """Yield a line for each event: a replaced process, a job that fails and recovers.

        Raises:
            ProcessEndedError: a process that can't be replaced has ended.
        """
        news = JobNews()
        while True:
            for name in await self._mend():
                yield f"{name} ended, and was started again (process {self._children[name].pid})."
            job = await self.rest.job()
            trouble = None if job is None else await self.rest.trouble(job)
            running = job is not None and job.running
            if (line := news.line(trouble, running=running, now=time.monotonic())) is not None:
                yield line
            await self._something(tick)

    async def _something(self, seconds: float) -> None:
        """Return when a process ends, or after *seconds*."""
        waiting = [child.ended for child in self._children.values()]
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)

    async def _mend(self) -> list[str]:
        """Restart processes that have ended; return their names."""
        ended = [(name, child) for name, child in self._children.items() if child.has_ended]
        for name, child in ended:
            soon = time.monotonic() - child.started < _SOON
            self._deaths[name] = self._deaths.get(name, 0) + 1 if soon else 1
            if name in {"JobManager", "Kafka"} or self._deaths[name] >= _TRIES:
                raise child.error()
            await self._start_child(name)
        return [name for name, _ in ended]

    # --- stopping

    async def stop(self) -> None:
        """Stop all processes, and wait until they have ended."""
        await asyncio.gather(*(child.stop(_STOP_SECONDS) for child in self._children.values()))
        self._children.clear()
        self.close()

    def close(self) -> None:
        """Release the folder and the ports of a cluster that was never started; :meth:`stop` calls it."""
        for port in (self._rpc, self._rest_port, self._broker_port, self._controller):
            port.release()
        os.close(self._lock)

    def kill(self) -> None:
        """Kill all processes at once; signal handlers may call it."""
        for child in self._children.values():
            child.kill()


def _with_flag(program: Program, flag: str) -> Program:
    return attrs.evolve(program, flags=[*program.flags, flag])
