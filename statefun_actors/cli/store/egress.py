"""``statefun-actors egress``: lists records that are not written yet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from statefun_actors.cli.store.place import EXIT_CODES, WHICH_STORE, app_and_rest, no_more_than, place_of, store_command
from statefun_actors.cli.store.showing import Row, brief, limit_option, show_rows

if TYPE_CHECKING:
    from statefun_actors.admin import EgressItem

_HELP = f"""Show egress records that are kept in the store, oldest first, as of the last commit.

Records are kept until a run writes them to a target of their egress: run --egress NS/NAME=FILE.

{WHICH_STORE}

\b
  statefun-actors egress app.py
  statefun-actors egress app.py --name bank/receipts --json

It reads the store, also while an engine runs on it, and changes nothing. {EXIT_CODES}
"""


@click.command(help=_HELP)
@click.argument("words", nargs=-1, metavar="[APP]")
@click.option("--name", metavar="NS/NAME", help="Only records of this egress.")
@limit_option()
@store_command
def egress(words: tuple[str, ...], name: str | None, limit: int | None, store: Path | None, as_json: bool) -> None:
    from statefun_actors.admin import list_egress

    app, rest = app_and_rest(words, store)
    no_more_than(0, rest)
    place = place_of(app, store)
    with place.reader() as reader:
        show_rows(
            ["egress", "type", "record"],
            map(_row, list_egress(reader, place.known, name)),
            as_json=as_json,
            limit=limit,
            nothing=f"No records are kept{f' for {name}' if name else ''}.",
        )


def _row(item: EgressItem) -> Row:
    cells = (item.egress, item.typename, brief(item.record))
    return cells, {"seq": item.seq, "egress": item.egress, "type": item.typename, "record": item.record}
