"""``statefun-actors pause`` and ``resume``: entities and function types whose messages wait."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from statefun_actors.cli.output import confirm, echo, echo_json
from statefun_actors.cli.store.control import change_store
from statefun_actors.cli.store.place import EXIT_CODES, WHICH_STORE, app_and_rest, place_of, store_command
from statefun_actors.cli.store.showing import Row, dry_run_option, show_rows, time_of
from statefun_actors.cli.store.subject import is_subject, subject_of

if TYPE_CHECKING:
    from statefun_actors.admin import PausedItem
    from statefun_actors.cli.store.place import StoreLocation
    from statefun_actors.store import PauseTarget

_FEW: Final = 3
_PAUSE: Final = f"""Pause entities or all entities of a type, or list what is paused.

Messages for a paused entity are taken and stored, and wait in their order until it is resumed; delayed messages that
become due wait, too. A batch that is being handled ends first. A pause survives restarts. Senders that wait for a reply
get their timeout.

\b
  statefun-actors pause app.py bank/account/ada             one entity
  statefun-actors pause app.py bank/account                 all entities of a type; asks first, unless --yes
  statefun-actors pause app.py                              what is paused

It uses the engine if one runs; otherwise it changes the store. {WHICH_STORE} {EXIT_CODES}
"""
_RESUME: Final = f"""Resume paused entities or types: their messages are handled, in their order.

TARGETs are those that were paused; if one is not paused, none is resumed. An entity that is paused by itself and with
its type stays paused until both are resumed. Without an engine, the next run handles the messages.

\b
  statefun-actors resume app.py bank/account/ada
  statefun-actors resume app.py bank/account

{WHICH_STORE} {EXIT_CODES}
"""


@click.command("pause", short_help="Let the messages of entities wait; list what is paused.", help=_PAUSE)
@click.argument("words", nargs=-1, metavar="[APP] [TYPE | ADDRESS]...")
@dry_run_option
@click.option("--yes", is_flag=True, help="Don't ask.")
@store_command
def pause(words: tuple[str, ...], dry_run: bool, yes: bool, store: Path | None, as_json: bool) -> None:
    app, rest = app_and_rest(words, store, is_subject)
    place = place_of(app, store)
    if not rest:
        _list(place, as_json=as_json)
        return
    targets = _targets(place, rest)
    whole = [target for target in targets if isinstance(target, str)]
    if not dry_run and whole and not yes:
        confirm(f"Pause all entities of {', '.join(whole)} in {place.store}?")
    _change(place, "pause", targets, dry_run=dry_run, as_json=as_json)


@click.command("resume", short_help="Handle the messages of paused entities again.", help=_RESUME)
@click.argument("words", nargs=-1, metavar="[APP] TYPE | ADDRESS...")
@dry_run_option
@store_command
def resume(words: tuple[str, ...], dry_run: bool, store: Path | None, as_json: bool) -> None:
    app, rest = app_and_rest(words, store, is_subject)
    place = place_of(app, store)
    if not rest:
        raise click.UsageError("expected a TYPE or an ADDRESS, as `statefun-actors pause` lists them.")
    _change(place, "resume", _targets(place, rest), dry_run=dry_run, as_json=as_json)


def hint_of_pauses(place: StoreLocation) -> None:
    """Report on standard error what is paused, since other lists don't show it."""
    from statefun_actors.admin import list_paused

    with place.reader() as reader:
        found = list_paused(reader)
    for item in found[:_FEW]:
        echo(
            f"{item.target} is paused since {time_of(item.since_ms)}; messages waiting: {_waiting(item)}. "
            f"`statefun-actors resume … {item.target}` handles them.",
            err=True,
        )
    if len(found) > _FEW:
        echo(f"{len(found) - _FEW:,} more are paused: `statefun-actors pause …` lists them.", err=True)


def _list(place: StoreLocation, *, as_json: bool) -> None:
    from statefun_actors.admin import list_paused

    with place.reader() as reader:
        found = list_paused(reader)
    columns = ["paused", "since", "messages waiting"]
    show_rows(columns, map(_row, found), as_json=as_json, limit=max(1, len(found)), nothing="Nothing is paused.")


def _row(item: PausedItem) -> Row:
    since = time_of(item.since_ms)
    return (item.target, since, _waiting(item)), {
        "target": item.target,
        "type": item.typename,
        "id": item.id,
        "since": since,
        "waiting": item.waiting,
    }


def _waiting(item: PausedItem) -> str:
    return f"{item.waiting:,}{'+' if item.more else ''}"


def _targets(place: StoreLocation, words: Sequence[str]) -> list[PauseTarget]:
    with place.reader() as reader:
        return list(dict.fromkeys(subject_of(reader, place, word) for word in words))


def _change(place: StoreLocation, verb: str, targets: Sequence[PauseTarget], *, dry_run: bool, as_json: bool) -> None:
    from statefun_actors.store import read_pauses, without_pauses

    names = [str(target) for target in targets]
    what = names[0] if len(names) == 1 else f"{len(names):,} entities and types"
    if dry_run:
        if verb == "resume":
            with place.reader() as reader:
                without_pauses(read_pauses(reader.recover()), targets)
        if as_json:
            echo_json({f"would {verb}": names})
        else:
            echo(f"Would {verb} {what}. Nothing was changed.")
        return
    if verb == "pause":
        running = change_store(place, lambda control: control.pause(targets))
        waits = ""
    else:
        running = change_store(place, lambda control: control.resume(targets))
        waits = "" if running else " The next run handles the messages that wait."
    if as_json:
        echo_json({f"{verb}d": names, "running": running})
    else:
        echo(f"{verb.capitalize()}d {what}.{waits}")
