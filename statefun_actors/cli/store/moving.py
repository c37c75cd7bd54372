"""``export --to-kafka``: moves a store to a Flink job."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from statefun_actors.cli.extras import has_kafka_client
from statefun_actors.cli.output import echo, echo_json
from statefun_actors.cli.store.place import StoreLocation

if TYPE_CHECKING:
    from statefun_actors.deploy import GatewayRoutes
    from statefun_actors.moving import Refused, StoreContents

_READY_SECONDS: Final = 15.0
_LOOK_SECONDS: Final = 0.02
_PROGRESS_SECONDS: Final = 5.0
_REFUSED_SHOWN: Final = 10


def move_to_kafka(
    place: StoreLocation, brokers: str, module_file: Path, *, hold_seconds: int, leave_egress: bool, as_json: bool
) -> None:
    """Move the store of *place* to the job of the module.yaml *module_file*, through *brokers*.

    Raises:
        click.ClickException, AppError: it was not moved, or not wholly.
        StoreError: the store can't be read, or an engine runs on it.
    """
    from statefun_actors.cli.loading import AppError
    from statefun_actors.cli.module.command import read
    from statefun_actors.deploy import gateway_routes
    from statefun_actors.errors import DefinitionError
    from statefun_actors.model import INGRESS
    from statefun_actors.moving import StoreContents
    from statefun_actors.store import moved_position, open_alone

    if place.app is None:
        raise click.UsageError("--to-kafka needs APP, which says what the Flink job serves.")
    if not has_kafka_client():
        raise click.UsageError(
            '--to-kafka needs the Kafka client, which is not installed: pip install "statefun-actors[kafka]"'
        )
    try:
        place.app.refuse_renamed()
    except DefinitionError as error:
        raise AppError(str(error)) from error
    module = read(module_file).with_brokers(brokers)
    routes = gateway_routes(module)
    if INGRESS not in routes.requests or routes.answers is None or module.route(INGRESS) is None:
        raise AppError(
            f"{module_file} lacks the topic, the route and the egress of {INGRESS}, by which entities are restored; "
            "write it with `statefun-actors module APP --gateway`."
        )
    with open_alone(place.store) as store:
        contents = StoreContents(store.reader, place.app, module, _now_ms(), leave_egress=leave_egress)
        asyncio.run(_move(contents, routes, hold_seconds, lambda: store.note(moved_position(brokers))))
    _say(place.store, brokers, contents, as_json=as_json)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


async def _move(
    contents: StoreContents, routes: GatewayRoutes, hold_seconds: int, note: Callable[[], Awaitable[None]]
) -> None:
    from statefun_actors.errors import StatefunActorsError
    from statefun_actors.gateway import Exchange
    from statefun_actors.moving import Move, MoveStoppedError

    try:
        exchange = Exchange(routes, "export")
    except StatefunActorsError as error:
        raise click.ClickException(str(error)) from error
    said = time.monotonic()

    def progress(count: int) -> None:
        nonlocal said
        if time.monotonic() - said > _PROGRESS_SECONDS:
            said = time.monotonic()
            echo(f"{count:,} entities restored …", err=True)

    exchange.start()
    try:
        until = time.monotonic() + _READY_SECONDS
        while (reason := exchange.unready()) is not None:
            if time.monotonic() > until:
                raise click.ClickException(f"{reason}, after {_READY_SECONDS:g} s. Nothing was moved.")
            await asyncio.sleep(_LOOK_SECONDS)
        await note()
        await Move(contents, exchange, _now_ms, progress, hold_seconds=hold_seconds).run()
    except MoveStoppedError as error:
        _list_refused(error.refused)
        raise
    finally:
        await exchange.close()


def _list_refused(refused: tuple[Refused, ...]) -> None:
    for each in refused[:_REFUSED_SHOWN]:
        echo(str(each), err=True)
    if len(refused) > _REFUSED_SHOWN:
        echo(f"… and {len(refused) - _REFUSED_SHOWN:,} more.", err=True)


_NAMES: Final = {
    "entities": ("entity", "entities"),
    "asks": ("open ask", "open asks"),
    "schedules": ("recurring message", "recurring messages"),
    "delayed": ("delayed message", "delayed messages"),
    "waiting": ("waiting message", "waiting messages"),
}


def _say(store: Path, brokers: str, contents: StoreContents, *, as_json: bool) -> None:
    counts = {name: contents.counts[name] for name in _NAMES}
    if as_json:
        left = [{"what": each.what, "count": each.count, "first": each.first} for each in contents.left]
        echo_json({"store": str(store), "to": brokers, **counts, "renewed": contents.renewed, "not_moved": left})
        return
    moved = [f"{count:,} {_NAMES[name][count != 1]}" for name, count in counts.items() if count]
    echo(f"Moved {store} to {brokers}: {', '.join(moved) or 'nothing'}.")
    if contents.renewed:
        many = (
            "1 state that expires, whose"
            if contents.renewed == 1
            else f"{contents.renewed:,} states that expire, whose"
        )
        echo(f"Among them {many} time begins anew.")
    if contents.left:
        echo("Not moved:")
        for each in contents.left:
            echo(f"  {each}")
