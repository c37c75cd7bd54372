"""``statefun-actors flink``: an application on a real Flink cluster of this machine."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final
from typing import Any as Untyped

import click

from statefun_actors.cli.flink.kafka_clusters import (
    far_clusters,
    far_topics,
    ids_of,
    local_cluster,
    local_topics,
    missing_topics,
)
from statefun_actors.cli.flink.resuming import keep_places, say_what_is_read_again, state_to_start_from, states_in
from statefun_actors.cli.flink.savepoint import savepoint
from statefun_actors.cli.logs import LogFormat, LogLevel, LogOptions, log_options, logging_to_stderr
from statefun_actors.cli.module.file_options import module_options, wanted_of
from statefun_actors.cli.module.requirements import served_by
from statefun_actors.cli.output import echo
from statefun_actors.cli.settings_options import Written, settings_options
from statefun_actors.settings import ENDPOINT_DEFAULTS
from statefun_actors.units import DURATION_FORM, read_seconds

if TYPE_CHECKING:
    from statefun_actors.deploy import Module, TopicIds
    from statefun_actors.settings import Settings

_FOLDER: Final = click.Path(file_okay=False, path_type=Path)


def _read_interval(value: object) -> int:
    seconds = read_seconds(value)
    if seconds < 0.01:
        raise ValueError(f"expected {DURATION_FORM}, of 10ms or more; got {value!r}")
    return round(seconds * 1000)


class _FlinkCommand(click.Command):
    """``flink savepoint`` is a command of its own; any other first word is an APP."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Untyped
    ) -> click.Context:
        if args[:1] == [savepoint.name]:
            return savepoint.make_context(f"{info_name} {savepoint.name}", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


@click.command(cls=_FlinkCommand)
@click.argument("app", metavar="APP")
@click.option(
    "--kafka", is_flag=True,
    help="Run a Kafka broker, too, with the topics of the ingresses. Its log is kept between runs.",
)  # fmt: skip
@click.option(
    "--module", "module_file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="The module.yaml to run with. Its endpoints of APP's functions are replaced by the local endpoint, and with "
    "--kafka its brokers by the local broker. Default: the output of `module`, with --all-topics unless topics are "
    "given.",
)  # fmt: skip
@click.option("--parallelism", type=click.IntRange(1, 64), default=1, show_default=True, metavar="NUMBER")
@click.option("--task-managers", type=click.IntRange(1, 16), default=1, show_default=True, metavar="NUMBER")
@click.option(
    "--checkpoint-interval", "checkpoint_ms", type=Written(_read_interval), default="1s", show_default=True,
    metavar="DURATION", help="Time between checkpoints; exactly-once egresses write their records with them.",
)  # fmt: skip
@click.option(
    "--savepoint", "savepoint_to", type=_FOLDER, metavar="DIR", help="Create a savepoint in DIR when it is stopped."
)
@click.option(
    "--from-savepoint", type=_FOLDER, metavar="DIR",
    help="Resume from this savepoint or checkpoint, or from the newest one in DIR. It is never removed.",
)  # fmt: skip
@click.option(
    "--resume", is_flag=True,
    help="Resume from the newest state: a savepoint, or the last checkpoint of an earlier run, which is kept after a "
    "crash, too.",
)  # fmt: skip
@click.option(
    "--bind", default="127.0.0.1:0", metavar="HOST:PORT",
    help="Address of the endpoint. Default: 127.0.0.1, at a free port",
)  # fmt: skip
@click.option(
    "--folder", type=_FOLDER, metavar="DIR",
    help="Folder for Kafka's log, Flink's checkpoints and all logs. Default: ./.statefun/flink/<APP's name>",
)  # fmt: skip
@module_options
@log_options("info")
@settings_options(ENDPOINT_DEFAULTS, endpoint=True)
def flink(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    app: str,
    kafka: bool,
    module_file: Path | None,
    parallelism: int,
    task_managers: int,
    checkpoint_ms: int,
    savepoint_to: Path | None,
    from_savepoint: Path | None,
    resume: bool,
    bind: str,
    folder: Path | None,
    log_level: LogLevel,
    log_format: LogFormat,
    settings: Settings,
    **written: Untyped,
) -> None:
    """Run an application on a real Flink cluster of this machine: StateFun 3.3.0, without Docker.

    APP is a module, a .py file or a folder, optionally followed by :name.

    \b
      statefun-actors flink app.py --kafka

    It needs a JDK and Maven. The first run fetches some 220 MB to ~/.cache/statefun-actors, or to
    STATEFUN_ACTORS_CACHE; later runs start in seconds. It prints the addresses of Flink's web page, the endpoint, the
    broker and the logs, and all errors, also of messages. Processes that die are replaced, except the JobManager and
    the broker. Ctrl-C or SIGTERM stops everything; a second one stops it at once.

    The state is kept in savepoints, and in the last checkpoints of the last runs, also after a crash. Without --resume
    or --from-savepoint, all records in the topics are handled again, from the beginning. A savepoint of a cluster that
    goes on running:

    \b
      statefun-actors flink savepoint app.py savepoints
    """  # noqa: D301 - click wants the character itself
    import attrs

    if sys.platform == "win32":
        raise click.ClickException("a local cluster runs on Linux and macOS only; on Windows, use WSL.")
    from statefun_actors.cli.flink.running import FlinkRun, run_flink
    from statefun_actors.cli.loading import AppError, load_app
    from statefun_actors.cli.module.command import read
    from statefun_actors.cli.serve.command import without_policy
    from statefun_actors.cluster import kafka_cluster_id, kafka_topic_ids, missing_tool
    from statefun_actors.deploy import (
        answers_topics,
        differences,
        functions_elsewhere,
        local_module,
        locked,
        planned_module,
    )
    from statefun_actors.dispatch import Application
    from statefun_actors.errors import DefinitionError, StatefunActorsError
    from statefun_actors.http import listen

    if resume and from_savepoint is not None:
        raise click.UsageError("--resume finds the state, --from-savepoint names it; omit one of them.")
    if not kafka and module_file is None:
        raise click.UsageError("No message could ever arrive; give --kafka, or --module FILE with an ingress.")
    logs = LogOptions(log_level, log_format)
    click.get_current_context().with_resource(logging_to_stderr(logs))
    loaded = load_app(app)
    try:
        if (lacking := missing_tool()) is not None:
            raise lacking
        application = Application(*loaded.served, settings=settings)
        application.refuse_renamed()
        folder = folder or Path(".statefun", "flink", loaded.name)
        start = state_to_start_from(folder, savepoint_to, from_savepoint, resume=resume)
    except DefinitionError as error:
        raise AppError(str(error)) from error
    except StatefunActorsError as error:
        raise click.ClickException(str(error)) from error
    declared = served_by(application, settings)
    held = {} if start is None else states_in(start, declared)
    file = None if module_file is None else read(module_file)
    wanted = wanted_of(written, loaded.name, "")
    if not written["topics"]:
        wanted = attrs.evolve(wanted, topics=None)

    def module_at(url: str, broker: str | None) -> Module:
        if file is not None:
            return local_module(file, declared, url, broker)
        return planned_module(declared, attrs.evolve(wanted, url=url, kafka=broker))

    try:
        module = module_at("http://127.0.0.1", "127.0.0.1:9092" if kafka else None)  # its errors are reported first
    except DefinitionError as error:
        raise AppError(str(error)) from error
    far = {} if kafka else far_clusters(module)
    clusters_before: Mapping[str, str] = {}
    topics_before: TopicIds = {}
    topics = local_topics(module, kafka_topic_ids(folder)) if kafka else far_topics(module, far)
    if start is None:
        say_what_is_read_again(folder, savepoint_to, module)
    else:
        clusters = local_cluster(module, kafka_cluster_id(folder)) if kafka else ids_of(far)
        clusters_before, topics_before = keep_places(start, module, clusters, topics)
    drifted = [] if file is None else differences(module, declared)
    for warning in (
        *(f"Warning: {module_file}: {each}" for each in (*drifted, *missing_topics(module, declared, far))),
        *without_policy(application),
    ):
        echo(warning, err=True)
    try:
        listener = listen(bind)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"can't listen at {bind}: {error.strerror or error}.") from None
    run = FlinkRun(
        app=app,
        name=loaded.name,
        # A record that would fail the job in StateFun fails only its message.
        settings=attrs.evolve(
            settings,
            record_egresses=settings.record_egresses | module.record_egresses,
            other_functions=settings.other_functions | functions_elsewhere(module, declared),
            answers_topics=settings.answers_topics | answers_topics(module),
        ),
        logs=logs,
        listener=listener,
        module_at=module_at,
        states=locked(declared, held),
        typenames=application.typenames,
        folder=folder,
        kafka=kafka,
        clusters={**clusters_before, **ids_of(far)},
        topics=topics_before if kafka else {**topics_before, **topics},
        parallelism=parallelism,
        task_managers=min(task_managers, parallelism),
        checkpoint_ms=checkpoint_ms,
        savepoint=savepoint_to,
        from_savepoint=start,
    )
    raise SystemExit(run_flink(run))
