"""``statefun-actors state``: what entities know."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from statefun_actors.cli.output import echo, echo_json
from statefun_actors.cli.store.failing import hint_of_failing
from statefun_actors.cli.store.place import EXIT_CODES, WHICH_STORE, app_and_rest, no_more_than, place_of, store_command
from statefun_actors.cli.store.showing import Row, brief, limit_option, show_rows, show_table, time_of

if TYPE_CHECKING:
    from statefun_actors.address import Address
    from statefun_actors.admin import EntityView
    from statefun_actors.cli.store.place import StoreLocation
    from statefun_actors.definition import FunctionType
    from statefun_actors.store.sqlite import SqliteReader

_HELP = f"""Show what entities know, as of the last commit.

{WHICH_STORE}

\b
  statefun-actors state app.py                              how many there are of each type
  statefun-actors state app.py bank/account                 those of one type
  statefun-actors state app.py bank/account --prefix a      whose id begins with a
  statefun-actors state app.py bank/account/ada             one, field by field

It looks into the store beside whatever runs on it, and changes nothing. {EXIT_CODES}
"""


@click.command(short_help="Show what entities know.", help=_HELP)
@click.argument("words", nargs=-1, metavar="[APP] [TYPE | ADDRESS]")
@click.option("--prefix", default="", metavar="TEXT", help="Of TYPE, only those whose id begins with this.")
@limit_option()
@store_command
def state(words: tuple[str, ...], prefix: str, limit: int | None, store: Path | None, as_json: bool) -> None:
    app, rest = app_and_rest(words, store, _is_what)
    no_more_than(1, rest)
    place = place_of(app, store)
    with place.reader() as reader:
        if not rest:
            if prefix:
                raise click.UsageError("--prefix goes with a TYPE, such as bank/account.")
            _show_types(reader, limit, as_json=as_json)
            if not as_json:
                hint_of_failing(place)
            return
        what = _told(reader, place, rest[0])
        if isinstance(what, str):
            rows = _entities(reader, place, what, prefix)
            nothing = f"Nothing is stored of {what}{f' with an id that begins with {prefix}' if prefix else ''}."
            show_rows(["id", "last changed", "state"], rows, as_json=as_json, limit=limit, nothing=nothing)
        else:
            _show_one(reader, place, what, as_json=as_json)


def _is_what(word: str) -> bool:
    return "/" in word.strip("/") and not word.endswith(".py") and not Path(word).exists()


def _told(reader: SqliteReader, place: StoreLocation, word: str) -> str | Address:
    """The function type or the address that *word* stands for. Namespaces may hold slashes, and so may ids."""
    from statefun_actors.address import Address, check_typename
    from statefun_actors.errors import InvalidAddressError

    types = {*reader.types(), *(place.app.routes if place.app is not None else ())}
    if word in types:
        return word
    for typename in sorted(types, key=len, reverse=True):
        if word.startswith(f"{typename}/") and word != f"{typename}/":
            return Address(typename, word.removeprefix(f"{typename}/"))
    try:
        check_typename(word, "a type is <namespace>/<name>, an address <namespace>/<name>/<id>")
    except InvalidAddressError as error:
        raise click.UsageError(str(error)) from error
    there = ", ".join(sorted(types)) or "no types at all"
    raise click.UsageError(f"there is nothing of {word!r} in {place.store}; there are {there}.")


def _show_types(reader: SqliteReader, limit: int | None, *, as_json: bool) -> None:
    counts = dict(reader.counts())
    for other in ("messages", "timers", "egress", "dead_letters"):
        del counts[other]
    rows: Iterator[Row] = (
        ((typename, f"{count:,}"), {"type": typename, "entities": count}) for typename, count in counts.items()
    )
    show_rows(["type", "entities"], rows, as_json=as_json, limit=limit, nothing="No entities are stored.")


def _function(place: StoreLocation, typename: str) -> FunctionType | None:
    route = None if place.app is None else place.app.route(typename)
    return None if route is None else route.function


def _entities(reader: SqliteReader, place: StoreLocation, typename: str, prefix: str) -> Iterator[Row]:
    from statefun_actors.admin import view_entity
    from statefun_actors.engine import SystemClock

    now_ms, function = SystemClock().now_ms(), _function(place, typename)
    for row in reader.entities(typename, prefix):
        view = view_entity(row, now_ms, function, place.known)
        if len(view.absent) == len(view.fields):
            continue  # all of it has expired
        fields = [f"{name}={brief(form)}" for name, form in view.fields.items() if name not in view.absent]
        yield (row.address.id, time_of(view.last_call_ms), " ".join(fields)), _object(row.address, view)


def _object(address: Address, view: EntityView) -> dict[str, object]:
    return {
        "address": str(address),
        "type": address.typename,
        "id": address.id,
        "fields": dict(view.fields),
        "absent": sorted(view.absent),
        "expires": {name: time_of(at) for name, at in view.expires_ms.items()},
        "last_changed": time_of(view.last_call_ms),
    }


def _show_one(reader: SqliteReader, place: StoreLocation, address: Address, *, as_json: bool) -> None:
    from statefun_actors.admin import view_entity
    from statefun_actors.engine import SystemClock
    from statefun_actors.store import EntityRow

    (packed,) = reader.load([address])
    view = view_entity(
        EntityRow(address, packed), SystemClock().now_ms(), _function(place, address.typename), place.known
    )
    if len(view.absent) == len(view.fields):
        raise click.ClickException(
            f"nothing is stored of {address} in {place.store}: it has never been written, or all of it has expired or "
            f"was deleted. `statefun-actors state … {address.typename}` lists those that are there."
        )
    if as_json:
        echo_json(_object(address, view))
        return
    rows = [
        (name, "" if name in view.absent and form is None else _whole(form), _note(view, name))
        for name, form in view.fields.items()
    ]
    echo(f"{address}, last changed {time_of(view.last_call_ms)}")
    show_table(["field", "value", ""], rows)


def _whole(form: object) -> str:
    import msgspec

    return msgspec.json.encode(form).decode()


def _note(view: EntityView, name: str) -> str:
    if name in view.absent:
        return "absent; that is its default"
    return f"until {time_of(view.expires_ms[name])}" if name in view.expires_ms else ""
