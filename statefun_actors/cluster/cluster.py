"""A StateFun cluster on this machine: an endpoint, a JobManager, TaskManagers and, where wanted, a Kafka broker.

A TaskManager or an endpoint that dies is replaced: Flink goes on from its last checkpoint, as it would anywhere. The
JobManager and the broker are not: nobody keeps what they know.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import attrs

from statefun_actors.cluster.configuration import FlinkSettings, KafkaSettings
from statefun_actors.cluster.errors import ClusterLateError, FolderInUseError, JobFailsError, SavepointError
from statefun_actors.cluster.flink_api import FlinkRest, Job
from statefun_actors.cluster.jvm import FlinkPrograms, Program
from statefun_actors.cluster.ports import ReservedPort
from statefun_actors.cluster.process import Child
from statefun_actors.cluster.states import checkpoints_in, clear_for_new_run
from statefun_actors.deploy import Module, write_module

START_SECONDS: Final = 240.0
"""For everything to run, on a busy machine; 10 is usual."""
_STOP_SECONDS: Final = 8.0
_DUMP_SECONDS: Final = 120.0
_SAVEPOINT_SECONDS: Final = 120.0
_SOON: Final = 10.0
"""Seconds: a process that dies before that, several times in a row, dies of something that stays."""
_TRIES: Final = 3
_HEARTBEAT_MS: Final = 5_000
_DUMPING_HEARTBEAT_MS: Final = 120_000
"""A JVM does nothing else while it leaves its class data."""


@attrs.frozen(kw_only=True)
class EndpointProgram:
    """The process that serves the functions: its command, what it reads from its input, what it inherits, its URL."""

    command: Sequence[str]
    data: bytes
    descriptors: Sequence[int]
    url: str


@attrs.frozen(kw_only=True)
class ClusterOptions:
    """``folder`` keeps Kafka's log from one run to the next, and the logs of this one. ``kafka=None`` is no broker.

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
    """One cluster; it runs between :meth:`start` and :meth:`stop`, which must be called however it went.

    Raises:
        FolderInUseError: another one works in the folder.
    """

    def __init__(self, options: ClusterOptions) -> None:
        self._options = options
        self.logs = options.folder / "logs"
        self.checkpoints = checkpoints_in(options.folder).absolute() / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"
        """Where this run keeps its checkpoints, which stay when it ends."""
        options.folder.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(options.folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise FolderInUseError(str(options.folder)) from None
        self._rpc, self._rest_port, self._broker_port, self._controller = (ReservedPort() for _ in range(4))
        self.rest = FlinkRest(self.url)
        self._endpoint: EndpointProgram | None = None
        self._children: dict[str, Child] = {}
        self._deaths: dict[str, int] = {}

    @property
    def url(self) -> str:
        """Of Flink's web page and REST interface."""
        return self._rest_port.url

    @property
    def kafka_address(self) -> str:
        return f"127.0.0.1:{self._broker_port.number}"

    @property
    def is_first(self) -> bool:
        """Whether it leaves class data by which later ones start sooner."""
        return bool(self._dumping())

    @property
    def pids(self) -> Mapping[str, int]:
        """The processes that run now, by name."""
        return {name: child.pid for name, child in self._children.items()}

    # --- starting

    async def start(self, module: Module, endpoint: EndpointProgram | None) -> None:
        """Return when every task of the job runs. *module* leads to the endpoint and to the broker as they are here.

        Without an *endpoint* those of *module* are someone else's to run.

        Raises:
            ProcessEndedError: something ended before that.
            JobFailsError: the job did, again and again.
            ClusterLateError: it took too long.
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
        if options.kafka is not None:  # its topics must be there before the job looks for them
            await self._children["Kafka"].said("ready", START_SECONDS)
        for number in range(options.task_managers):
            await self._start_child(f"TaskManager {number + 1}")
        await self._running()
        await asyncio.gather(*(self._dump(name, program) for name, program in self._dumping().items()))

    async def _start_broker(self, program: Program, module: Module) -> None:
        folder = self._options.folder / "kafka"
        settings = KafkaSettings(
            folder=(folder / "log").absolute(), port=self._broker_port.number, controller_port=self._controller.number
        )
        settings.write(folder / "server.properties")
        topics = dict.fromkeys(topic.topic for ingress in module.kafka_ingresses for topic in ingress.topics)
        command = program.command(str(folder / "server.properties"), str(settings.folder), settings.address, *topics)
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
        """What is to leave its class data, by name."""
        programs = {
            "JobManager": self._options.flink.job_manager,
            "TaskManager 1": self._options.flink.task_manager,
            "Kafka": self._options.kafka,
        }
        return {name: program for name, program in programs.items() if program is not None and program.archives}

    async def _dump(self, name: str, program: Program) -> None:
        """Have a JVM leave class data for those after it. Whether it does is of no importance."""
        made = program.archive.with_name(f"{program.archive.stem}-{os.getpid()}.making")
        command = ["jcmd", str(self._children[name].pid), "VM.cds", "dynamic_dump", str(made)]
        with contextlib.suppress(OSError, TimeoutError):
            dump = await Child.start("jcmd", command, self.logs / "class-data.log")
            async with asyncio.timeout(_DUMP_SECONDS):
                await asyncio.wait([dump.ended])
            made.replace(program.archive)

    # --- running

    async def watch(self, tick: float = 1.0) -> AsyncIterator[str]:
        """A line for whatever happens, as it happens: processes that are replaced, a job that fails and goes on.

        Raises:
            ProcessEndedError: one that can't be replaced has ended.
        """
        failures, down, last = 0, False, ""
        while True:
            for name in await self._mend():
                yield f"{name} ended, and was started again (process {self._children[name].pid})."
            job = await self.rest.job()
            trouble = None if job is None else await self.rest.trouble(job)
            if trouble is not None and trouble.count > failures:
                failures, down = trouble.count, True
                if (cause := trouble.kind) != last:  # one that fails again and again says so once
                    last = cause
                    yield f"The job failed, and Flink starts it again from its last checkpoint: {trouble.cause}"
            elif down and job is not None and job.running:
                down = False
                yield "The job runs again."
            await self._something(tick)

    async def _something(self, seconds: float) -> None:
        """Return when a process ends, or after *seconds*."""
        waiting = [child.ended for child in self._children.values()]
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)

    async def _mend(self) -> list[str]:
        """Start again what has ended; its names."""
        ended = [(name, child) for name, child in self._children.items() if child.has_ended]
        for name, child in ended:
            soon = time.monotonic() - child.started < _SOON
            self._deaths[name] = self._deaths.get(name, 0) + 1 if soon else 1
            if name in {"JobManager", "Kafka"} or self._deaths[name] >= _TRIES:
                raise child.error()
            await self._start_child(name)
        return [name for name, _ in ended]

    # --- stopping

    async def savepoint(self, folder: Path) -> Path:
        """Stop the job; the path of the savepoint that it leaves in *folder*, an absolute path.

        Raises:
            SavepointError: it leaves none.
        """
        job: Job | None = await self.rest.job()
        if job is None or not job.running:
            raise SavepointError("the job does not run, so it can't take a savepoint.")
        try:
            return await self.rest.stop_with_savepoint(job, folder, _SAVEPOINT_SECONDS)
        except TimeoutError:
            raise SavepointError(f"the job left no savepoint within {_SAVEPOINT_SECONDS:g} s.") from None

    async def stop(self) -> None:
        """End everything, and wait for that."""
        await asyncio.gather(*(child.stop(_STOP_SECONDS) for child in self._children.values()))
        self._children.clear()
        self.close()

    def close(self) -> None:
        """Give up the folder and the ports of one that was never started; :meth:`stop` does."""
        for port in (self._rpc, self._rest_port, self._broker_port, self._controller):
            port.release()
        os.close(self._lock)

    def kill(self) -> None:
        """End everything at once, from a signal handler, too."""
        for child in self._children.values():
            child.kill()


def _with_flag(program: Program, flag: str) -> Program:
    return attrs.evolve(program, flags=[*program.flags, flag])
