"""``statefun-actors timers``: delayed messages that are pending."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from statefun_actors.cli.store.place import EXIT_CODES, WHICH_STORE, app_and_rest, no_more_than, place_of, store_command
from statefun_actors.cli.store.showing import Row, address_or_none, brief, limit_option, show_rows, time_of

if TYPE_CHECKING:
    from statefun_actors.cli.store.place import StoreLocation
    from statefun_actors.store.sqlite import SqliteReader

_CHUNK = 500

_HELP = f"""Show delayed messages that are pending, the next one first, as of the last commit.

{WHICH_STORE}

\b
  statefun-actors timers app.py
  statefun-actors timers app.py --to bank/account/ada

It looks into the store beside whatever runs on it, and changes nothing. {EXIT_CODES}
"""


@click.command(short_help="Show delayed messages that are pending.", help=_HELP)
@click.argument("words", nargs=-1, metavar="[APP]")
@click.option("--to", metavar="TYPE | ADDRESS", help="Only those for addresses that begin like this.")
@limit_option()
@store_command
def timers(words: tuple[str, ...], to: str | None, limit: int | None, store: Path | None, as_json: bool) -> None:
    app, rest = app_and_rest(words, store)
    no_more_than(0, rest)
    place = place_of(app, store)
    with place.reader() as reader:
        show_rows(
            ["due", "to", "type", "value", "from", "token"],
            _rows(reader, place, to or ""),
            as_json=as_json,
            limit=limit,
            nothing=f"No delayed messages are pending{f' for {to}' if to else ''}.",
        )


def _rows(reader: SqliteReader, place: StoreLocation, to: str) -> Iterator[Row]:
    from statefun_actors.admin import form_of

    after = (-(1 << 63), -1)
    while found := reader.timers_after(*after, _CHUNK):
        for timer in found:
            if not str(timer.target).startswith(to):
                continue
            form, sender = form_of(timer.value, place.known), address_or_none(timer.caller)
            yield (
                (
                    time_of(timer.due_ms),
                    str(timer.target),
                    timer.value.typename,
                    brief(form),
                    sender or "",
                    timer.token or "",
                ),
                {
                    "seq": timer.seq,
                    "due": time_of(timer.due_ms),
                    "to": str(timer.target),
                    "from": sender,
                    "token": timer.token,
                    "type": timer.value.typename,
                    "value": form,
                },
            )
        after = (found[-1].due_ms, found[-1].seq)
