"""One run of ``statefun-actors flink``: starts the cluster, watches it, and stops it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from pathlib import Path
from typing import Final

import attrs
import click

from statefun_actors.cli.flink.causes import explanation
from statefun_actors.cli.flink.facts import remove_facts, write_facts
from statefun_actors.cli.flink.kafka_clusters import local_cluster, made_topics
from statefun_actors.cli.flink.other_endpoints import OtherEndpoint, other_endpoints, watch_endpoints
from statefun_actors.cli.flink.saved_files import keep_savepoint, note_application, note_kafka
from statefun_actors.cli.logs import LogOptions
from statefun_actors.cli.output import echo
from statefun_actors.cli.serve.endpoint_log import EndpointLog
from statefun_actors.cli.serve.endpoint_process import endpoint_program
from statefun_actors.cli.signals import STOP_SIGNALS, Stop, stop_signals
from statefun_actors.cluster import (
    Cluster,
    ClusterOptions,
    EndpointProgram,
    JobFailsError,
    ProcessEndedError,
    SavepointError,
    flink_programs,
    kafka_program,
    last_state,
    take_savepoint,
)
from statefun_actors.connectors import in_thread
from statefun_actors.deploy import Lock, Module, TopicIds
from statefun_actors.errors import StatefunActorsError
from statefun_actors.http import Listener
from statefun_actors.settings import Settings
from statefun_actors.text import one_line

_LOOK_SECONDS: Final = 0.25
"""Seconds between two reads of the endpoint's log."""


@attrs.frozen(kw_only=True)
class FlinkRun:
    """The options of a run. ``module_at`` makes a module.yaml for the URL of an endpoint and a broker's address."""

    app: str
    name: str
    settings: Settings
    logs: LogOptions
    """Arguments of the endpoint."""
    listener: Listener
    module_at: Callable[[str, str | None], Module]
    typenames: Sequence[str]
    states: Lock
    folder: Path
    kafka: bool
    clusters: Mapping[str, str]
    """The ids of the Kafka clusters, by component, as far as they are known without the local broker."""
    topics: TopicIds
    """The ids of the topics that are read, as far as they are known before the start."""
    parallelism: int
    task_managers: int
    checkpoint_ms: int
    savepoint: Path | None
    from_savepoint: Path | None


def run_flink(run: FlinkRun) -> int:
    """Run it until Ctrl-C or SIGTERM; return the exit code."""
    try:
        with _stopped_by_signals(), _Status() as status:
            options = ClusterOptions(
                name=run.name,
                folder=run.folder,
                flink=flink_programs(lambda jar: status.show(f"Fetching Flink by Maven, once: {jar}")),
                kafka=kafka_program(lambda jar: status.show(f"Fetching Kafka by Maven, once: {jar}"))
                if run.kafka
                else None,
                parallelism=run.parallelism,
                task_managers=run.task_managers,
                checkpoint_ms=run.checkpoint_ms,
                from_savepoint=run.from_savepoint,
            )
        return asyncio.run(_run(run, Cluster(options)))
    except StatefunActorsError as error:
        hint = _how_to_resume(run) if isinstance(error, ProcessEndedError) else ""
        raise click.ClickException(f"{error}{hint}") from error
    except OSError as error:  # a full disk, or a folder or a cache of another user
        raise click.ClickException(
            f"{error.filename or run.folder} can't be used: {error.strerror or error}."
        ) from error
    except _Stopped as stopped:
        return 128 + stopped.signal
    except KeyboardInterrupt:  # before the handlers of signals were installed
        return 130
    finally:
        run.listener.close()


def _how_to_resume(run: FlinkRun) -> str:
    """A line that says how the next run goes on, if it can; empty otherwise."""
    kept = last_state(run.folder, run.savepoint)
    return "" if kept is None else f"\nStart it again with --resume: it goes on from {kept}."


class _Stopped(BaseException):
    """A signal other than that of Ctrl-C during a fetch: it ends the fetch as Ctrl-C does, and cleans up."""

    def __init__(self, signal: int) -> None:
        super().__init__(signal)
        self.signal = signal


@contextlib.contextmanager
def _stopped_by_signals() -> Generator[None]:
    def stop(number: int, _: object) -> None:
        raise _Stopped(number)

    before = {
        number: signal.signal(number, stop) for number in STOP_SIGNALS if signal.getsignal(number) == signal.SIG_DFL
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def _run(run: FlinkRun, cluster: Cluster) -> int:
    log = cluster.logs / "endpoint.log"
    log.unlink(missing_ok=True)  # from a killed run, as are the facts
    remove_facts(run.folder)
    with stop_signals([cluster.kill]) as stop:
        reporting = [asyncio.create_task(_report_messages(log))]
        try:
            endpoint = endpoint_program(run.app, run.settings, run.logs, run.listener)
            module = run.module_at(endpoint.url, cluster.kafka_address if run.kafka else None)
            clusters = {**run.clusters, **(local_cluster(module, cluster.kafka_id) if run.kafka else {})}
            if others := other_endpoints(module, endpoint.url):
                reporting.append(asyncio.create_task(_report_endpoints(others)))
            with _Status() as status:
                note_application(cluster.checkpoints, run.states, module, clusters, run.topics)
                if run.kafka:
                    reporting.append(asyncio.create_task(_note_topics(run, cluster, module, clusters)))
                status.show("Starting the cluster" + (" (the first time takes longer)" if cluster.is_first else ""))
                await _unless(stop, _start(cluster, module, endpoint))
            if stop.wanted.is_set():
                return 128 + int(stop.signal or 0)
            locations = _announce(run, cluster, module, endpoint)
            await _unless(stop, _watch(run.folder, cluster, module, locations, reporting))
            return await _leave_savepoint(run, cluster)
        finally:
            remove_facts(run.folder)
            echo("Stopping. Repeat to stop at once.", err=True)
            for each in reporting:
                each.cancel()
            await cluster.stop()


async def _unless(stop: Stop, work: Coroutine[object, object, None]) -> None:
    """Run *work* until it ends, or until *stop* is requested."""
    task = asyncio.create_task(work)
    wanted = asyncio.create_task(stop.wanted.wait())
    await asyncio.wait([task, wanted], return_when=asyncio.FIRST_COMPLETED)
    for each in (task, wanted):
        each.cancel()
    await asyncio.wait([task, wanted])
    if not task.cancelled():
        task.result()


async def _start(cluster: Cluster, module: Module, endpoint: EndpointProgram) -> None:
    try:
        await cluster.start(module, endpoint)
    except JobFailsError as error:
        await _explain(error.cause, module)
        raise


async def _explain(cause: str, module: Module) -> None:
    if (meaning := await in_thread("statefun-actors explaining", lambda: explanation(cause, module))) is not None:
        echo(meaning, err=True)


async def _watch(
    folder: Path,
    cluster: Cluster,
    module: Module,
    locations: dict[str, object],
    reporting: list[asyncio.Task[None]],
) -> None:
    async for line in cluster.watch():
        write_facts(folder, {**locations, "pids": dict(cluster.pids)})
        echo(line, err=True)
        reporting.append(asyncio.create_task(_explain(line, module)))  # it may take long; processes are watched


async def _note_topics(run: FlinkRun, cluster: Cluster, module: Module, clusters: Mapping[str, str | None]) -> None:
    topics = await made_topics(module, run.folder)
    try:
        note_kafka(cluster.checkpoints, clusters, topics)
    except OSError as error:
        why = error.strerror or error
        echo(f"Warning: the ids of topics can't be noted, so no later run checks them: {why}.", err=True)


async def _report_messages(log: Path) -> None:
    """Print errors of messages. Flink reports them after minutes only, and without the cause."""
    endpoint = EndpointLog(log)
    while True:
        for line in endpoint.news():
            echo(line, err=True)
        await asyncio.sleep(_LOOK_SECONDS)


async def _report_endpoints(others: Sequence[OtherEndpoint]) -> None:
    async for line in watch_endpoints(others):
        echo(line, err=True)


async def _leave_savepoint(run: FlinkRun, cluster: Cluster) -> int:
    if run.savepoint is None:
        return 0
    echo("Taking a savepoint.", err=True)
    try:
        place = await take_savepoint(cluster.url, run.savepoint.absolute(), stop=True)
        keep_savepoint(run.folder, cluster.checkpoints, place)
    except SavepointError as error:
        echo(f"Error: {error}", err=True)
        return 1
    echo(f"Savepoint  {place}")
    return 0


def _announce(run: FlinkRun, cluster: Cluster, module: Module, endpoint: EndpointProgram) -> dict[str, object]:
    """Print the URLs and folders, and return them for programs."""
    topics = sorted({topic.topic for ingress in module.kafka_ingresses for topic in ingress.topics})
    facts: dict[str, object] = {
        "flink": cluster.url,
        "endpoint": endpoint.url,
        "kafka": cluster.kafka_address if run.kafka else None,
        "topics": topics,
        "module": str((run.folder / "module.yaml").absolute()),
        "checkpoints": str(cluster.checkpoints),
        "logs": str(cluster.logs.absolute()),
        "pids": dict(cluster.pids),
    }
    write_facts(run.folder, facts)
    echo(f"Endpoint   {endpoint.url}/statefun   {', '.join(run.typenames)}")
    if run.kafka:
        echo(f"Kafka      {cluster.kafka_address}   {', '.join(topics) or 'no topics'}")
    echo(f"Module     {run.folder / 'module.yaml'}")
    echo(f"Logs       {cluster.logs}")
    echo(f"Flink      {cluster.url}   Ctrl-C stops everything.")
    return facts


class _Status:
    """The progress: on a terminal one line that changes, elsewhere a line for each step."""

    def __init__(self) -> None:
        self._shown = ""
        self._exits = contextlib.ExitStack()
        self._status: Callable[[str], None] | None = None

    def __enter__(self) -> _Status:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.text import Text

            status = Console(stderr=True).status("")
            self._exits.enter_context(status)
            self._status = lambda text: status.update(Text(one_line(text)))  # not markup
        return self

    def __exit__(self, *_: object) -> None:
        self._exits.close()

    def show(self, text: str) -> None:
        if self._status is not None:
            self._status(text)
        elif (what := text.partition(":")[0]) != self._shown:
            self._shown = what
            echo(f"{what}.", err=True)
