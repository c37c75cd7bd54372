"""``statefun-actors state``: what entities know, shown and set."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from statefun_actors.cli.output import confirm, echo, echo_json
from statefun_actors.cli.store.control import change_store
from statefun_actors.cli.store.failing import hint_of_failing
from statefun_actors.cli.store.json_command import JsonCommand
from statefun_actors.cli.store.listing_group import ListingGroup
from statefun_actors.cli.store.pausing import hint_of_pauses
from statefun_actors.cli.store.place import EXIT_CODES, WHICH_STORE, app_and_rest, no_more_than, place_of, store_command
from statefun_actors.cli.store.send import usage_errors
from statefun_actors.cli.store.showing import Row, brief, dry_run_option, limit_option, show_rows, show_table, time_of
from statefun_actors.cli.store.subject import is_subject, subject_of

if TYPE_CHECKING:
    from statefun_actors.address import Address
    from statefun_actors.admin import EntityView
    from statefun_actors.cli.store.place import StoreLocation
    from statefun_actors.store import ReadOnlyStore

_SET = f"""Set one field of one entity.

ADDRESS is <namespace>/<name>/<id>, FIELD the name of the field in its class. JSON is its value, - reads it from
standard input, which needs --yes; null makes an optional field absent. It is checked against the type of the field. An
entity that does not exist is created. Asks first, unless --yes.

\b
  statefun-actors state set app.py bank/account/ada cents 500

While APP runs, the field is set between two messages of the entity; otherwise the store is changed. APP's store is
./.statefun/<APP's name>.db unless --store names another. {EXIT_CODES}
"""
_HELP = f"""Show what entities know, as of the last commit.

{WHICH_STORE}

\b
  statefun-actors state app.py                              how many there are of each type
  statefun-actors state app.py bank/account                 those of one type
  statefun-actors state app.py bank/account --prefix a      whose id begins with a
  statefun-actors state app.py bank/account/ada             one, field by field

It reads the store, also while an engine runs on it, and changes nothing. {EXIT_CODES}
"""


@click.group("state", cls=ListingGroup)
def state() -> None:
    """What entities know.

    \b
      statefun-actors state app.py
      statefun-actors state app.py bank/account/ada
      statefun-actors state set app.py bank/account/ada cents 500

    `statefun-actors state list --help` shows the options of the first two.
    """  # noqa: D301 - click wants the character itself


@state.command("list", short_help="Show what entities know.", help=_HELP)
@click.argument("words", nargs=-1, metavar="[APP] [TYPE | ADDRESS]")
@click.option("--prefix", default="", metavar="TEXT", help="Of TYPE, only those whose id begins with this.")
@limit_option()
@store_command
def list_(words: tuple[str, ...], prefix: str, limit: int | None, store: Path | None, as_json: bool) -> None:
    app, rest = app_and_rest(words, store, is_subject)
    no_more_than(1, rest)
    place = place_of(app, store)
    with place.reader() as reader:
        if not rest:
            if prefix:
                raise click.UsageError("--prefix goes with a TYPE, such as bank/account.")
            _show_types(reader, limit, as_json=as_json)
            if not as_json:
                hint_of_failing(place)
                hint_of_pauses(place)
            return
        what = subject_of(reader, place, rest[0])
        if isinstance(what, str):
            rows = _entities(reader, place, what, prefix)
            nothing = f"Nothing is stored of {what}{f' with an id that begins with {prefix}' if prefix else ''}."
            show_rows(["id", "last changed", "state"], rows, as_json=as_json, limit=limit, nothing=nothing)
            if not as_json:
                hint_of_pauses(place)
        else:
            _show_one(reader, place, what, as_json=as_json)


@state.command("set", cls=JsonCommand, short_help="Set one field of one entity.", help=_SET)
@click.argument("app", metavar="APP")
@click.argument("address", metavar="ADDRESS")
@click.argument("field", metavar="FIELD")
@click.argument("text", metavar="JSON")
@click.option("--yes", is_flag=True, help="Don't ask.")
@dry_run_option
@store_command
def set_(
    app: str, address: str, field: str, text: str, yes: bool, dry_run: bool, store: Path | None, as_json: bool
) -> None:
    from statefun_actors.address import parse_address
    from statefun_actors.admin import StoredField
    from statefun_actors.engine import SystemClock

    if text == "-" and not (yes or dry_run):
        raise click.UsageError(
            "expected --yes with -: JSON is read from standard input, where the question can't be answered."
        )
    place = place_of(app, store)
    assert place.app is not None
    with usage_errors():
        target = parse_address(address)
        with place.reader() as reader:
            stored = StoredField(place.app, reader, target, field, SystemClock().now_ms())
        edit, form = stored.edit(sys.stdin.read() if text == "-" else text)
    change = {"address": str(target), "field": field, "from": stored.form, "to": form}
    was = "nothing stored" if stored.before is None else brief(stored.form)
    what = f"{field} of {target} from {was} to {brief(form)}"
    if dry_run:
        if as_json:
            echo_json({"would set": change})
        else:
            echo(f"Would set {what}. Nothing was changed.")
        return
    if not yes:
        confirm(f"Set {what}?")
    running = change_store(place, lambda control: control.set_field(edit))
    if as_json:
        echo_json({"set": change, "running": running})
    else:
        echo(f"Set {what}.")


def _show_types(reader: ReadOnlyStore, limit: int | None, *, as_json: bool) -> None:
    from statefun_actors.admin import TypeItem, list_types
    from statefun_actors.store import read_pauses

    found, pauses = list_types(reader), read_pauses(reader.recover())
    paused = {target for target in pauses if isinstance(target, str)} - {item.typename for item in found}
    rows: Iterator[Row] = (
        (
            (item.typename, f"{item.entities:,}"),
            {"type": item.typename, "entities": item.entities, "paused": _time(pauses.get(item.typename))},
        )
        for item in (*found, *(TypeItem(typename, 0) for typename in sorted(paused)))
    )
    show_rows(["type", "entities"], rows, as_json=as_json, limit=limit, nothing="No entities are stored.")


def _entities(reader: ReadOnlyStore, place: StoreLocation, typename: str, prefix: str) -> Iterator[Row]:
    from statefun_actors.admin import list_entities
    from statefun_actors.engine import SystemClock
    from statefun_actors.store import paused_since, read_pauses

    pauses = read_pauses(reader.recover())
    for view in list_entities(reader, typename, SystemClock().now_ms(), place.app, place.known, prefix):
        fields = [f"{name}={brief(form)}" for name, form in view.fields.items() if name not in view.absent]
        yield (
            (view.address.id, time_of(view.last_call_ms), " ".join(fields)),
            _object(view, paused_since(pauses, view.address)),
        )


def _time(ms: int | None) -> str | None:
    return None if ms is None else time_of(ms)


def _object(view: EntityView, paused_ms: int | None) -> dict[str, object]:
    return {
        "address": str(view.address),
        "type": view.address.typename,
        "id": view.address.id,
        "fields": dict(view.fields),
        "absent": sorted(view.absent),
        "expires": {name: time_of(at) for name, at in view.expires_ms.items()},
        "last_changed": time_of(view.last_call_ms),
        "paused": _time(paused_ms),
    }


def _show_one(reader: ReadOnlyStore, place: StoreLocation, address: Address, *, as_json: bool) -> None:
    from statefun_actors.admin import show_entity
    from statefun_actors.engine import SystemClock
    from statefun_actors.store import paused_since, read_pauses

    view = show_entity(reader, address, SystemClock().now_ms(), place.app, place.known)
    if view is None:
        raise click.ClickException(
            f"nothing is stored of {address} in {place.store}: it has never been written, or all of it has expired or "
            f"was deleted. `statefun-actors state … {address.typename}` lists those that are there."
        )
    paused_ms = paused_since(read_pauses(reader.recover()), address)
    if as_json:
        echo_json(_object(view, paused_ms))
        return
    rows = [
        (name, "" if name in view.absent and form is None else _whole(form), _note(view, name))
        for name, form in view.fields.items()
    ]
    paused = "" if paused_ms is None else f", paused since {time_of(paused_ms)}"
    echo(f"{address}, last changed {time_of(view.last_call_ms)}{paused}")
    show_table(["field", "value", ""], rows)


def _whole(form: object) -> str:
    import msgspec

    return msgspec.json.encode(form).decode()


def _note(view: EntityView, name: str) -> str:
    if name in view.absent:
        return "absent; that is its default"
    return f"until {time_of(view.expires_ms[name])}" if name in view.expires_ms else ""
