"""``statefun-actors check``: checks whether a store is sound."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from statefun_actors.cli.output import echo, echo_json
from statefun_actors.cli.store.place import app_and_rest, no_more_than, place_of, store_command

if TYPE_CHECKING:
    from statefun_actors.engine import EvolutionFindings

_HELP = """Check a whole store for damage, and whether APP can resume from it.

APP is a module, a .py file or a folder, as for run; its store is ./.statefun/<APP's name>.db unless --store names
another; with --store, APP may be omitted.

\b
  statefun-actors check app.py
  statefun-actors check new/app.py --store live.db

It finds damage to the file, as by a failing disk. With APP, it also reads the data of classes that have changed since
the last run, and reports data that they can't read or would lose. It works while an engine runs on the store, and
changes nothing. The exit code is 0 for a sound store that APP can resume from, 1 otherwise and after an error, 2 for a
mistake in the command or in APP.
"""


@click.command(help=_HELP)
@click.argument("words", nargs=-1, metavar="[APP]")
@click.option("--strict", is_flag=True, help="Exit with 1 also if data would be lost, as run --strict does.")
@store_command
def check(words: tuple[str, ...], strict: bool, store: Path | None, as_json: bool) -> None:
    from statefun_actors.admin import check_store
    from statefun_actors.cli.run.progress import CheckProgress
    from statefun_actors.engine import SystemClock
    from statefun_actors.store import open_reader

    app, rest = app_and_rest(words, store)
    no_more_than(0, rest)
    place = place_of(app, store)
    reader = open_reader(place.store, older=True)
    try:
        result = check_store(reader, place.app, SystemClock().now_ms(), CheckProgress(quiet=as_json))
    finally:
        reader.close()
    wrong, found = result.damage, result.changes
    if as_json:
        echo_json({"store": str(place.store), "sound": not wrong, "wrong": wrong, **_as_json(found)})
    elif wrong:
        echo(f"{place.store} is damaged:")
        _list(wrong)
        echo("Go back to a backup; `statefun-actors export` saves what can still be read.")
    else:
        echo(f"{place.store} is sound.")
        if found is not None:
            _show_changes(str(app), found)
    if not result.passes(strict=strict):
        raise SystemExit(1)


def _as_json(found: EvolutionFindings | None) -> dict[str, object]:
    if found is None:
        return {}
    return {"unreadable": [str(each) for each in found.unreadable], "losses": [str(each) for each in found.losses]}


def _show_changes(app: str, found: EvolutionFindings) -> None:
    if found.stored_twice:
        echo(f"{app} would not start, since was= can't move what is stored under both names:")
        _list(found.stored_twice)
    if found.unreadable:
        echo(f"{app} can't read all of it, and would not start:")
        _list(found.unreadable)
    elif not found.stored_twice:
        echo(f"{app} can read all of it.")
    if found.losses:
        echo("It would lose or leave out:")
        _list(found.losses)


def _list(lines: Iterable[object]) -> None:
    for line in lines:
        echo(f"  {line!s}")
