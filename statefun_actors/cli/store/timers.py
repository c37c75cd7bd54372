"""``statefun-actors timers``: delayed messages that are pending, listed, fired and cancelled."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from statefun_actors.cli.output import echo, echo_json
from statefun_actors.cli.store.control import change_store
from statefun_actors.cli.store.listing_group import ListingGroup
from statefun_actors.cli.store.place import (
    EXIT_CODES,
    WHICH_STORE,
    app_and_rest,
    no_more_than,
    numbers_of,
    place_of,
    store_command,
)
from statefun_actors.cli.store.showing import Row, brief, dry_run_option, limit_option, show_rows, time_of

if TYPE_CHECKING:
    from statefun_actors.admin import Control, TimerItem, TimerKey


@click.group("timers", cls=ListingGroup)
def timers() -> None:
    """Delayed messages that are pending.

    \b
      statefun-actors timers app.py
      statefun-actors timers app.py --to bank/account/ada
      statefun-actors timers fire app.py 17
      statefun-actors timers cancel app.py 17 18 --dry-run

    fire and cancel use the engine if one runs; otherwise they change the store. `statefun-actors timers list --help`
    shows the options of the list.
    """  # noqa: D301 - click wants the character itself


_LIST = f"""Show delayed messages that are pending, the next one first, as of the last commit.

It reads the store, also while an engine runs on it, and changes nothing. {WHICH_STORE} {EXIT_CODES}
"""
_FIRE = f"""Deliver delayed messages now, instead of when they are due.

NUMBERs are those of the list; if one is not pending, none is delivered. Without an engine, the next run delivers them.
{WHICH_STORE} {EXIT_CODES}
"""
_CANCEL = f"""Delete delayed messages: they are never delivered.

NUMBERs are those of the list; if one is not pending, none is deleted. {WHICH_STORE} {EXIT_CODES}
"""


@timers.command("list", short_help="List delayed messages.", help=_LIST)
@click.argument("words", nargs=-1, metavar="[APP]")
@click.option("--to", metavar="TYPE | ADDRESS", help="Only those for addresses that begin like this.")
@limit_option()
@store_command
def list_(words: tuple[str, ...], to: str | None, limit: int | None, store: Path | None, as_json: bool) -> None:
    from statefun_actors.admin import list_timers

    app, rest = app_and_rest(words, store)
    no_more_than(0, rest)
    place = place_of(app, store)
    with place.reader() as reader:
        show_rows(
            ["number", "due", "to", "type", "value", "from", "token"],
            map(_row, list_timers(reader, place.known, to or "")),
            as_json=as_json,
            limit=limit,
            nothing=f"No delayed messages are pending{f' for {to}' if to else ''}.",
        )


def _row(item: TimerItem) -> Row:
    due = time_of(item.due_ms)
    cells = (
        str(item.seq), due, item.target, item.typename, brief(item.value), item.sender or "", item.token or "",
    )  # fmt: skip
    return cells, {
        "seq": item.seq,
        "due": due,
        "to": item.target,
        "from": item.sender,
        "token": item.token,
        "type": item.typename,
        "value": item.value,
    }


@timers.command(short_help="Deliver delayed messages now.", help=_FIRE)
@click.argument("words", nargs=-1, metavar="[APP] NUMBER...")
@dry_run_option
@store_command
def fire(words: tuple[str, ...], dry_run: bool, store: Path | None, as_json: bool) -> None:
    _change(words, store, lambda control, keys: control.fire_timers(keys), "fire", dry_run=dry_run, as_json=as_json)


@timers.command(short_help="Delete delayed messages.", help=_CANCEL)
@click.argument("words", nargs=-1, metavar="[APP] NUMBER...")
@dry_run_option
@store_command
def cancel(words: tuple[str, ...], dry_run: bool, store: Path | None, as_json: bool) -> None:
    _change(words, store, lambda control, keys: control.cancel_timers(keys), "cancel", dry_run=dry_run, as_json=as_json)


_DONE = {"fire": "fired", "cancel": "cancelled"}


def _change(
    words: tuple[str, ...],
    store: Path | None,
    change: Callable[[Control, Sequence[TimerKey]], Awaitable[None]],
    verb: str,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    from statefun_actors.admin import TimerKey, find_timers

    app, rest = app_and_rest(words, store, str.isdecimal)
    place = place_of(app, store)
    numbers = numbers_of(rest, "timers")
    with place.reader() as reader:
        keys = [TimerKey(timer.due_ms, timer.seq) for timer in find_timers(reader, numbers)]
    what = f"delayed message {numbers[0]}" if len(numbers) == 1 else f"{len(numbers):,} delayed messages"
    if dry_run:
        if as_json:
            echo_json({f"would {verb}": numbers})
        else:
            echo(f"Would {verb} {what}. Nothing was changed.")
        return
    running = change_store(place, lambda control: change(control, keys))
    if as_json:
        echo_json({_DONE[verb]: numbers, "running": running})
        return
    waits = "" if running or verb == "cancel" else " The next run delivers what is due."
    echo(f"{_DONE[verb].capitalize()} {what}.{waits}")
