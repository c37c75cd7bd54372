"""``statefun-actors serve``: the endpoint of an application for a Flink cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from statefun_actors.cli.binding import listeners
from statefun_actors.cli.logs import LogFormat, LogLevel, LogOptions, log_options, logging_to_stderr
from statefun_actors.cli.metrics_option import metrics_instruments, metrics_option
from statefun_actors.cli.output import echo
from statefun_actors.cli.settings_options import settings_options
from statefun_actors.cli.tls_options import read_tls, tls_options
from statefun_actors.settings import ENDPOINT_DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from statefun_actors.dispatch import Application
    from statefun_actors.settings import Settings

RESTORES_ACCEPTED: Final = (
    "Warning: restores are accepted (--accept-restore): whoever may write to the topics of the gateway can give state "
    "to entities that have none. Start without it once all is moved."
)


@click.command
@click.argument("app", metavar="APP")
@click.option(
    "--bind", "binds", multiple=True, default=["127.0.0.1:8000"], show_default="127.0.0.1:8000", metavar="HOST:PORT",
    help="Address to listen at; port 0: a free port. Also [::1]:PORT and unix:PATH. Repeat it for several.",
)  # fmt: skip
@click.option(
    "--workers", type=click.IntRange(1), default=1, show_default=True, metavar="NUMBER",
    help="Number of worker processes; each uses one core.",
)  # fmt: skip
@metrics_option
@tls_options
@log_options("info")
@settings_options(ENDPOINT_DEFAULTS, endpoint=True)
def serve(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    app: str,
    binds: Sequence[str],
    workers: int,
    metrics: bool,
    certfile: Path | None,
    keyfile: Path | None,
    ca_certs: Path | None,
    log_level: LogLevel,
    log_format: LogFormat,
    settings: Settings,
) -> None:
    """Serve an application to a Flink cluster.

    APP is a module, a .py file or a folder, optionally followed by :name. Without a name, everything in it is
    served: Entity classes, activities and StatefulFunctions. A folder stands for the app.py in it.

    \b
      statefun-actors serve app.py --bind 0.0.0.0:8000

    POST /statefun speaks the protocol of StateFun 3.x, /statefun/v2 that of 2.x; /healthz and /readyz are
    for health checks. Ctrl-C, SIGTERM or a closed window ends it within 10 seconds, after the batches in flight; a
    second Ctrl-C or SIGTERM ends it at once.
    """  # noqa: D301 - click wants the character itself
    import attrs

    from statefun_actors.cli.loading import AppError, load_app
    from statefun_actors.cli.serve.serving import serve_here
    from statefun_actors.cli.serve.workers import serve_in_workers
    from statefun_actors.deploy import own_answers_topic
    from statefun_actors.dispatch import Application
    from statefun_actors.errors import DefinitionError
    from statefun_actors.http import CertificatesError, create_app
    from statefun_actors.telemetry import with_global_providers

    tls = read_tls(certfile, keyfile, ca_certs)
    if metrics and workers > 1:
        raise click.UsageError(
            "--metrics counts in one process: leave out --workers, or start several serve processes, each with a "
            "--bind of its own."
        )
    logs = LogOptions(log_level, log_format, show_process=workers > 1)
    click.get_current_context().with_resource(logging_to_stderr(logs))
    loaded = load_app(app)
    settings = attrs.evolve(settings, answers_topics=settings.answers_topics or {own_answers_topic(loaded.name)})
    try:
        instruments = with_global_providers(metrics_instruments(metrics))
        application = Application(*loaded.served, settings=settings, instruments=instruments)
        application.refuse_renamed()
    except DefinitionError as error:
        raise AppError(str(error)) from error
    listening = listeners(binds, processes=workers)

    def announce() -> None:
        for listener in listening:
            echo(f"Serving {', '.join(application.typenames)} at {listener.url(tls=tls is not None)}/statefun")
        if (further := further_routes(application)) is not None:
            echo(further)
        if settings.accept_restore:
            echo(RESTORES_ACCEPTED, err=True)
        for warning in without_policy(application):
            echo(warning, err=True)

    if workers == 1:
        sockets = [listener.sockets[0] for listener in listening]
        try:
            raise SystemExit(serve_here(create_app(application), sockets, tls, announce))
        except CertificatesError as error:
            for listener in listening:
                listener.close()
            raise click.ClickException(f"{error}.") from error
    raise SystemExit(serve_in_workers(app, settings, logs, listening, tls, workers, announce))


def further_routes(application: Application) -> str | None:
    """A line on the library's own functions that module.yaml must route; None if *application* needs none."""
    from statefun_actors.cli.module.requirements import served_by

    found = served_by(application, application.settings)
    if found.calls_own is None:
        return None
    names = " and ".join(function.typename for function in found.own_called(gateway=False))
    return f"module.yaml must also route {names}, here or to another application: {found.calls_own} calls them."


def without_policy(application: Application) -> list[str]:
    """A warning for each function type without a failure policy, and a line with the remedy."""
    names = [
        f"{getattr(served.function, 'name', typename)} ({typename})"
        for typename, served in application.served.items()
        if served.fails_batches
    ]
    if not names:
        return []
    return [
        *(
            f"Warning: {name} has no failure policy: a message that keeps failing stops the Flink job."
            for name in names
        ),
        "Give them on_failure=DeadLetter(...) or Discard(...), or all of them --dead-letters NS/NAME.",
    ]
