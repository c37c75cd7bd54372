"""``statefun-actors schedules``: recurring messages, with their next times."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from statefun_actors.cli.store.place import EXIT_CODES, WHICH_STORE, app_and_rest, no_more_than, place_of, store_command
from statefun_actors.cli.store.showing import Row, brief, limit_option, most_rows, show_rows, time_of

if TYPE_CHECKING:
    from statefun_actors.admin import ScheduleItem

_HELP = f"""List recurring messages, those of send_every, by when they fire next, as of the last commit.

{WHICH_STORE}

\b
  statefun-actors schedules app.py
  statefun-actors schedules app.py --to shop/order/17

It reads the store, also while an engine runs on it, and changes nothing. {EXIT_CODES}
"""


@click.command(help=_HELP)
@click.argument("words", nargs=-1, metavar="[APP]")
@click.option("--to", metavar="TYPE | ADDRESS", help="Only those of senders or targets that begin like this.")
@limit_option()
@store_command
def schedules(words: tuple[str, ...], to: str | None, limit: int | None, store: Path | None, as_json: bool) -> None:
    from statefun_actors.admin import list_schedules

    app, rest = app_and_rest(words, store)
    no_more_than(0, rest)
    place = place_of(app, store)
    with place.reader() as reader:
        found = list_schedules(reader, place.known, to=to or "", limit=most_rows(limit, as_json=as_json))
    show_rows(
        ["next", "from", "name", "schedule", "tz", "to", "type", "value"],
        map(_row, found),
        as_json=as_json,
        limit=limit,
        nothing=f"No messages recur{f' of or for {to}' if to else ''}.",
    )


def _row(item: ScheduleItem) -> Row:
    due = time_of(item.next_ms)
    cells = (due, item.sender, item.name, item.schedule, item.tz, item.target, item.typename, brief(item.value))
    return cells, {
        "next": due,
        "from": item.sender,
        "name": item.name,
        "schedule": item.schedule,
        "tz": item.tz,
        "to": item.target,
        "type": item.typename,
        "value": item.value,
    }
