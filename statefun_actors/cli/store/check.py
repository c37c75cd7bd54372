"""``statefun-actors check``: whether a store is sound."""

from __future__ import annotations

from pathlib import Path

import click

from statefun_actors.cli.store.place import app_and_rest, no_more_than, place_of, store_command
from statefun_actors.cli.store.showing import printable, show_json

_HELP = """Read a whole store and say what is wrong with it.

APP is a module, a .py file or a folder, as for run; its store is ./.statefun/<APP's name>.db unless --store names
another; with --store, APP may be left out.

\b
  statefun-actors check app.py

It looks for damage to the file, as a failing disk does it, while an engine runs on it or not, and changes nothing. The
exit code is 0 for a sound store, 1 for a damaged one and after an error, 2 for a mistake in the command or in APP.
"""


@click.command(short_help="Say whether a store is sound.", help=_HELP)
@click.argument("words", nargs=-1, metavar="[APP]")
@store_command
def check(words: tuple[str, ...], store: Path | None, as_json: bool) -> None:
    from statefun_actors.embedded import SqliteReader

    app, rest = app_and_rest(words, store)
    no_more_than(0, rest)
    place = place_of(app, store)
    reader = SqliteReader(place.store, older=True)
    try:
        wrong = reader.integrity_check() or reader.damaged_entities()
    finally:
        reader.close()
    if as_json:
        show_json({"store": str(place.store), "sound": not wrong, "wrong": wrong})
    elif not wrong:
        click.echo(f"{place.store} is sound.")
    else:
        click.echo(f"{place.store} is damaged:")
        for text in wrong:
            click.echo(f"  {printable(text)}")
        click.echo("Go back to a backup; `statefun-actors export` saves what can still be read.")
    if wrong:
        raise SystemExit(1)
