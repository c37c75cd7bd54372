"""``statefun-actors timers``: delayed messages that are pending."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from statefun_actors.cli.store.place import EXIT_CODES, WHICH_STORE, app_and_rest, no_more_than, place_of, store_command
from statefun_actors.cli.store.showing import Row, brief, limit_option, show_rows, time_of

if TYPE_CHECKING:
    from statefun_actors.admin import TimerItem

_HELP = f"""Show delayed messages that are pending, the next one first, as of the last commit.

{WHICH_STORE}

\b
  statefun-actors timers app.py
  statefun-actors timers app.py --to bank/account/ada

It reads the store, also while an engine runs on it, and changes nothing. {EXIT_CODES}
"""


@click.command(help=_HELP)
@click.argument("words", nargs=-1, metavar="[APP]")
@click.option("--to", metavar="TYPE | ADDRESS", help="Only those for addresses that begin like this.")
@limit_option()
@store_command
def timers(words: tuple[str, ...], to: str | None, limit: int | None, store: Path | None, as_json: bool) -> None:
    from statefun_actors.admin import list_timers

    app, rest = app_and_rest(words, store)
    no_more_than(0, rest)
    place = place_of(app, store)
    with place.reader() as reader:
        show_rows(
            ["due", "to", "type", "value", "from", "token"],
            map(_row, list_timers(reader, place.known, to or "")),
            as_json=as_json,
            limit=limit,
            nothing=f"No delayed messages are pending{f' for {to}' if to else ''}.",
        )


def _row(item: TimerItem) -> Row:
    due = time_of(item.due_ms)
    cells = (due, item.target, item.typename, brief(item.value), item.sender or "", item.token or "")
    return cells, {
        "seq": item.seq,
        "due": due,
        "to": item.target,
        "from": item.sender,
        "token": item.token,
        "type": item.typename,
        "value": item.value,
    }
