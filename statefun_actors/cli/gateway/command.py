"""``statefun-actors gateway``: the HTTP ingress in front of a Flink cluster."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from statefun_actors.cli.extras import has_kafka_client
from statefun_actors.cli.logs import LogFormat, LogLevel, LogOptions, log_options, logging_to_stderr
from statefun_actors.cli.metrics_option import metrics_instruments, metrics_option
from statefun_actors.cli.output import echo
from statefun_actors.cli.run.listening import BIND, listening_at, messages_text
from statefun_actors.cli.settings_options import settings_options
from statefun_actors.cli.tls_options import read_tls, tls_options
from statefun_actors.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from statefun_actors.cli.signals import Stop
    from statefun_actors.deploy import GatewayRoutes
    from statefun_actors.dispatch import Application
    from statefun_actors.gateway import Gateway
    from statefun_actors.http import Listener, Tls

_READY_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 0.02


@click.command
@click.argument("app", metavar="APP")
@click.option(
    "--module", "module_file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Required: the module.yaml of the Flink job, written by `module --gateway`. It names brokers and topics.",
)  # fmt: skip
@click.option(
    "--bind", "binds", multiple=True, default=[BIND], show_default=BIND, metavar="HOST:PORT",
    help="Address to listen at; port 0: a free port. Also [::1]:PORT and unix:PATH. Repeat it for several.",
)  # fmt: skip
@click.option(
    "--token", metavar="TEXT", envvar="STATEFUN_ACTORS_TOKEN", show_envvar=True,
    help="Bearer token that HTTP clients must send. Required unless every --bind address is local, or --ca-certs says "
    "who may connect.",
)  # fmt: skip
@metrics_option
@tls_options
@log_options("info")
@settings_options(Settings(), only=("body_limit",))
def gateway(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    app: str,
    module_file: Path | None,
    binds: Sequence[str],
    token: str | None,
    metrics: bool,
    certfile: Path | None,
    keyfile: Path | None,
    ca_certs: Path | None,
    log_level: LogLevel,
    log_format: LogFormat,
    settings: Settings,
) -> None:
    """Take messages over HTTP for a Flink cluster, and give their answers.

    APP is a module, a .py file or a folder, optionally followed by :name; the same that `serve` serves.

    \b
      statefun-actors module app.py --url http://app:8000 --kafka kafka:9092 --gateway > module.yaml
      statefun-actors gateway app.py --module module.yaml --bind 0.0.0.0:8080 --token TEXT

    It has the routes of `run`: /ingress with ?wait=, &until=reply and Idempotency-Key, /replies, /healthz and
    /readyz. Messages and answers go through Kafka. Several gateways may run side by side. Ctrl-C or SIGTERM ends it
    within 12 seconds, after the requests in flight; a second one ends it at once.
    """  # noqa: D301 - click wants the character itself
    from statefun_actors.cli.loading import AppError, load_app
    from statefun_actors.cli.module.command import read
    from statefun_actors.deploy import gateway_routes
    from statefun_actors.dispatch import Application
    from statefun_actors.errors import DefinitionError, StatefunActorsError
    from statefun_actors.telemetry import with_global_providers

    if module_file is None:
        raise click.UsageError(
            "a gateway needs --module FILE, the module.yaml of the Flink job, written by `module --gateway`; a "
            "settings file may name it, too."
        )
    tls = read_tls(certfile, keyfile, ca_certs)
    if not has_kafka_client():
        raise click.UsageError(
            'a gateway needs the Kafka client, which is not installed: pip install "statefun-actors[kafka]"'
        )
    from statefun_actors.gateway import Gateway

    click.get_current_context().with_resource(logging_to_stderr(LogOptions(log_level, log_format)))
    loaded = load_app(app)
    try:
        instruments = with_global_providers(metrics_instruments(metrics))
        application = Application(*loaded.served, settings=settings, instruments=instruments)
        application.refuse_renamed()
    except DefinitionError as error:
        raise AppError(str(error)) from error
    routes = gateway_routes(read(module_file))
    if not routes.requests and not routes.plain:
        raise AppError(
            f"{module_file} has no topic that a gateway could write to; write one with "
            "`statefun-actors module APP --gateway`."
        )
    try:
        backend = Gateway(routes, application.instruments)
    except StatefunActorsError as error:
        raise click.ClickException(str(error)) from error
    listeners = listening_at(binds, token, 1, known_clients=ca_certs is not None)
    for warning in limits(application, routes):
        echo(f"Warning: {module_file}: {warning}", err=True)
    raise SystemExit(_run(application, backend, listeners, token, tls))


async def _until_ready(backend: Gateway, stop: Stop) -> None:
    """Return once messages can be taken; after a timeout, with a warning."""
    until = time.monotonic() + _READY_SECONDS
    while (reason := backend.unready()) is not None and not stop.wanted.is_set():
        if time.monotonic() > until:
            echo(f"Warning: not ready yet: {reason}; it goes on trying.", err=True)
            return
        await asyncio.sleep(_LOOK_SECONDS)


def limits(application: Application, routes: GatewayRoutes) -> list[str]:
    """What clients can't do, since *routes* lack it."""
    found = [
        f"it has no endpoint for {name}: messages to it are refused, since they would fail the Flink job."
        for name in application.typenames
        if not routes.reach(name)
    ]
    if routes.answers_topic is None:
        found.append(
            "without the topics and the egress of `module --gateway`, a gateway only takes messages for the topics of "
            "one function type; ?wait=, ?after=, Idempotency-Key and /replies are refused."
        )
        return found
    if lacking := [name for name in application.typenames if routes.reach(name) and name not in routes.requests]:
        found.append(f"it has no topic of requests for {', '.join(lacking)}; write it again with `module --gateway`.")
    return found


def _run(
    application: Application, backend: Gateway, listeners: Sequence[Listener], token: str | None, tls: Tls | None
) -> int:
    """Serve until Ctrl-C or SIGTERM; return the exit code. Raises click.ClickException: *tls* can't be used now."""
    from statefun_actors.cli.looping import in_a_loop
    from statefun_actors.cli.signals import stop_signals
    from statefun_actors.http import CertificatesError, Guard, create_ingress_app, serve

    guard = Guard(token, local=token is None and all(listener.local for listener in listeners))
    router = create_ingress_app(application, backend, guard)

    async def until_signal() -> None:
        with stop_signals() as stop:
            backend.start()
            await _until_ready(backend, stop)
            for listener in listeners:
                echo(messages_text(listener, tls=tls is not None))

            async def wanted() -> None:
                await stop.wanted.wait()
                echo("Stopping after the requests in flight. Repeat to stop at once.", err=True)

            try:
                await serve(router, [sock for each in listeners for sock in each.sockets], stop=wanted, tls=tls)
            finally:
                await backend.close()

    try:
        in_a_loop(until_signal(), "Messages that Kafka has acknowledged are handled.")
    except CertificatesError as error:
        raise click.ClickException(f"{error}.") from error
    return 0
