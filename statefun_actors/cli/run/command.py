"""``statefun-actors run``: an application on the embedded engine."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from click.core import ParameterSource

from statefun_actors.cli.logs import LogFormat, LogHandler, LogLevel, LogOptions, log_options, logging_to_stderr
from statefun_actors.cli.metrics_option import metrics_instruments, metrics_option
from statefun_actors.cli.output import echo
from statefun_actors.cli.run.listening import BIND, listening_at
from statefun_actors.cli.run.partitioning import read_partitions, refuse_other_systems, run_partitions
from statefun_actors.cli.settings_options import Written, settings_options
from statefun_actors.cli.store.place import STORE, app_files, default_store, refuse_wrong_uses
from statefun_actors.history import MOST_KEPT
from statefun_actors.settings import Settings
from statefun_actors.system import real_path
from statefun_actors.units import read_size

if TYPE_CHECKING:
    from statefun_actors.cli.loading import App
    from statefun_actors.cli.run.options import RunOptions
    from statefun_actors.cli.run.summary import Summary
    from statefun_actors.connectors import Target
    from statefun_actors.console import ConsoleMode
    from statefun_actors.dispatch import Application, Instrument


def _mapped(written: str | tuple[str, object]) -> tuple[str, Target]:
    from statefun_actors.cli.run.sinks import read_mapping

    return read_mapping(written)


_LOG_LEVEL: Final = "warning"
_FILE: Final = click.Path(dir_okay=False, path_type=Path)


@click.command
@click.argument("app", metavar="APP")
@click.option(
    "--input", "inputs", multiple=True, metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON lines to read, plain or gzip. Repeat it for several files; they are read one after another.",
)  # fmt: skip
@click.option("--until-idle", is_flag=True, help="End once everything is read and handled and nothing is due.")
@click.option(
    "--fire-timers", is_flag=True,
    help="With --until-idle: handle pending delayed messages too, in virtual time, without waiting for them. Ends when "
    "only recurring ones (send_every) are left.",
)  # fmt: skip
@click.option(
    "--bind", "binds", multiple=True, metavar="HOST:PORT",
    help="Address to listen at for messages over HTTP; port 0: a free port; none: no HTTP. Repeat it for several. "
    "Default: 127.0.0.1:8080, and none with --until-idle",
)  # fmt: skip
@click.option(
    "--token", metavar="TEXT", envvar="STATEFUN_ACTORS_TOKEN", show_envvar=True,
    help="Bearer token that HTTP clients must send. Required unless every --bind address is local.",
)  # fmt: skip
@click.option(
    "--console", type=click.Choice(["off", "read-only", "full"]), default="full", show_default=True,
    help="Pages for a browser at each --bind address. read-only: they show entities, failures, asks, timers and "
    "egress. full: they also change them. off: there are none.",
)  # fmt: skip
@click.option(
    "--store", type=STORE, metavar="FILE", help="The file for the state. Default: ./.statefun/<APP's name>.db"
)
@click.option(
    "--partitions", type=Written(read_partitions), metavar="N",
    help="Run N processes, to use several cores. Each entity is in one of them; the state is in a folder of N stores "
    "at the path of --store. Export and import change the number of a store.",
)  # fmt: skip
@click.option("--memory", is_flag=True, help="Keep state in memory only; it is lost when the run ends.")
@click.option(
    "--cache-bytes", type=Written(read_size), default="64M", show_default=True, metavar="SIZE",
    help="Cache for entities in use, such as 64M or 1G. The others stay in the store.",
)  # fmt: skip
@click.option(
    "--history", type=click.IntRange(0, MOST_KEPT), default=100, show_default=True, metavar="NUMBER",
    help="Messages of each entity that its history keeps, for the console and the command history; 0: nothing is "
    "recorded. If the engine is at its limit, messages may not be recorded, and the history says so.",
)  # fmt: skip
@click.option(
    "--egress", multiple=True, type=_mapped, metavar="NS/NAME=TARGET",
    help="The target of an egress: a file of JSON lines, each exactly once; - for standard output; or http(s)://..., "
    "one POST per record with an Idempotency-Key, retried until it succeeds; a refused record (400, 413, 415, 422) "
    "goes to the egress statefun-actors/refused-records. Records of an egress without a target stay in the store.",
)  # fmt: skip
@click.option(
    "--egress-backlog", type=click.IntRange(min=1), default=1_000_000, show_default=True, metavar="RECORDS",
    help="Maximum number of records waiting for targets; above it, the ingress is slowed down.",
)  # fmt: skip
@click.option(
    "--module", "module_file", type=_FILE, metavar="FILE",
    help="A module.yaml, as for Flink: its Kafka ingresses are read, and its Kafka egresses written, with the same "
    "guarantees. With --until-idle, topics are read to their end. An --egress overrides that of the file.",
)  # fmt: skip
@click.option(
    "--strict", is_flag=True,
    help="Don't start if a change of the classes would lose or ignore stored data, such as a renamed field or a "
    "removed class. Without it, that is a warning.",
)  # fmt: skip
@click.option(
    "--after-move", is_flag=True,
    help="Start although `export --to-kafka` has moved the store to a Flink job: only if that job was discarded.",
)  # fmt: skip
@click.option(
    "--skip-bad-lines", type=_FILE, metavar="FILE",
    help="Write invalid lines to this file, with the reason, instead of stopping at the first.",
)  # fmt: skip
@metrics_option
@click.option(
    "--reload", is_flag=True,
    help="Restart when a Python file of APP changes. State is kept; if the new code is invalid, the old code runs on.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
@click.option("--quiet", "-q", is_flag=True, help="No progress bar, no warnings and no summary; errors only.")
@log_options(_LOG_LEVEL)
@settings_options(Settings())
def run(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    app: str,
    inputs: tuple[Path, ...],
    until_idle: bool,
    fire_timers: bool,
    binds: tuple[str, ...],
    token: str | None,
    console: ConsoleMode,
    store: Path | None,
    partitions: int | None,
    memory: bool,
    cache_bytes: int,
    history: int,
    egress: tuple[tuple[str, Target], ...],
    egress_backlog: int,
    module_file: Path | None,
    strict: bool,
    after_move: bool,
    skip_bad_lines: Path | None,
    metrics: bool,
    reload: bool,
    as_json: bool,
    quiet: bool,
    log_level: LogLevel,
    log_format: LogFormat,
    settings: Settings,
) -> None:
    """Run an application on this machine, with its state in one SQLite file.

    APP is a module, a .py file or a folder, optionally followed by :name. Without a name, everything in it is
    run: Entity classes, activities and StatefulFunctions. Of a folder, its app.py is run.

    \b
      statefun-actors run app.py --input events.jsonl --until-idle

    A line of an input is {"to": "ns/name/id", "type": "typename", "value": ..., "after": "5s"}. The type may be omitted
    if the entity takes only one type; "after" is a delay: 500ms, 5s, 2m, 1h30m, 7d or PT5S.

    \b
      statefun-actors run app.py --module module.yaml

    The same over HTTP, answered when the message is stored; ?wait=5s waits for the reply:

    \b
      curl -X PUT 'localhost:8080/ingress/ns/name/id?type=typename&wait=5s' --json '{"cents": 5}'

    To continue a run that was stopped or killed, run it again: input that was read and handled is not read again. The
    exit code is 0 on success, 1 after an error, 2 for a mistake in the command or in APP; a run with --until-idle that
    was stopped early exits with 130 (Ctrl-C), 143 (SIGTERM) or 129 (SIGHUP, a closed window), one without it with 0.
    """  # noqa: D301 - click wants the character itself
    import attrs

    from statefun_actors.cli.loading import load_app
    from statefun_actors.cli.module.command import read as read_module
    from statefun_actors.cli.run.handover import Turn
    from statefun_actors.cli.run.module_edges import Edges, edges_of
    from statefun_actors.cli.run.options import RunOptions
    from statefun_actors.cli.run.sinks import one_target_each, written_files
    from statefun_actors.store import FileUse

    turn = Turn()
    context = click.get_current_context()
    if partitions is not None:
        refuse_other_systems()
    if metrics and ("none" in binds or (until_idle and not binds)):
        raise click.UsageError("--metrics is shown over HTTP; say where by --bind HOST:PORT.")
    if memory and store is not None:
        raise click.UsageError("--memory keeps no store; omit one of --store and --memory.")
    if fire_timers and not until_idle:
        raise click.UsageError("--fire-timers requires --until-idle.")
    if len({_identity(path) for path in inputs}) < len(inputs):
        raise click.UsageError("one --input is repeated; a file is read once.")
    if reload:
        from statefun_actors.cli.run.reloading import run_reloading

        if until_idle or memory:
            other = "--until-idle" if until_idle else "--memory"
            raise click.UsageError(f"--reload needs a run that does not end and keeps its state; omit {other}.")
        raise SystemExit(run_reloading(app, [each for each in sys.argv[1:] if each != "--reload"]))
    if quiet and context.get_parameter_source("log_level") is ParameterSource.DEFAULT and log_level == _LOG_LEVEL:
        log_level = "error"
    log = context.with_resource(logging_to_stderr(LogOptions(log_level, log_format)))
    targets = one_target_each(egress, as_json=as_json)
    try:
        loaded = load_app(app)
    except KeyboardInterrupt:
        raise SystemExit(128 + signal.SIGINT) from None
    state = None if memory else store or default_store(loaded.name)
    named = (("--module", module_file), ("--config", context.params.get("config")))
    given = [FileUse(path, name) for name, path in named if path is not None]
    read = [*app_files(loaded), *(FileUse(path, "--input") for path in inputs), *given]
    refuse_wrong_uses(written_files(targets, skip_bad_lines), read, state)
    module = None if module_file is None else read_module(module_file)
    records = frozenset() if module is None else module.record_egresses
    settings_here = attrs.evolve(settings, record_egresses=settings.record_egresses | records)
    application = _application(loaded, settings_here, metrics_instruments(metrics))
    edges = Edges()
    if module is not None and module_file is not None:
        edges = edges_of(module, module_file, targets, application, settings)
    for warning in () if quiet else edges.warnings:
        echo(f"Warning: {warning}", err=True)
    turn.wait()
    listening = listening_at(binds or (() if until_idle else (BIND,)), token, partitions or 1)
    options = RunOptions(
        inputs=inputs,
        until_idle=until_idle,
        fire_timers=fire_timers,
        store=state,
        cache_bytes=cache_bytes,
        history=history,
        egress=targets,
        egress_backlog=egress_backlog,
        kafka_ingresses=edges.ingresses,
        kafka_egresses=edges.egresses,
        strict=strict,
        after_move=after_move,
        skip_bad_lines=skip_bad_lines,
        quiet=quiet,
        listeners=listening,
        token=token,
        console=console,
    )
    if partitions is not None:
        from statefun_actors.cli.run.partition_task import PartitionTask

        logs, renamed = LogOptions(log_level, log_format), application.renamed
        task = PartitionTask.of(app, settings_here, logs, options, metrics=metrics, renamed=renamed)
        raise SystemExit(run_partitions(application, loaded.name, partitions, task, options, as_json=as_json))
    raise SystemExit(_run(loaded.name, application, options, log, as_json=as_json))


def _application(loaded: App, settings: Settings, instruments: Sequence[Instrument]) -> Application:
    """The application. Raises AppError: its definitions don't fit together."""
    from statefun_actors.cli.loading import AppError
    from statefun_actors.dispatch import Application
    from statefun_actors.errors import DefinitionError
    from statefun_actors.telemetry import with_global_providers

    try:
        return Application(*loaded.served, settings=settings, instruments=with_global_providers(instruments))
    except DefinitionError as error:
        raise AppError(str(error)) from error


def _run(name: str, app: Application, options: RunOptions, log: LogHandler, *, as_json: bool) -> int:
    """The exit code."""
    from statefun_actors.cli.looping import in_a_loop
    from statefun_actors.cli.run.conclusion import conclude
    from statefun_actors.cli.run.running import Run
    from statefun_actors.errors import StatefunActorsError

    async def work() -> Summary:
        return await Run(name, app, options, log).to_the_end()

    try:
        summary = in_a_loop(work(), "Stored messages are kept; the next run continues from there.")
    except KeyboardInterrupt:  # before the start of the engine
        return 128 + signal.SIGINT
    except StatefunActorsError as error:
        raise click.ClickException(str(error)) from error
    return conclude(summary, options, as_json=as_json)


def _identity(path: Path) -> object:
    """What tells the file at *path* from others: it may have several names."""
    try:
        found = path.stat()
    except OSError:
        return real_path(path)
    return found.st_dev, found.st_ino
