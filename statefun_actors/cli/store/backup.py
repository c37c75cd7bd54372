"""``statefun-actors backup``: a copy of a store, live or not."""

from __future__ import annotations

from pathlib import Path

import click

from statefun_actors.cli.output import echo, echo_json
from statefun_actors.cli.store.place import (
    EXIT_CODES,
    app_and_file,
    place_of,
    refuse_wrong_uses,
    size_of,
    store_command,
)

_HELP = f"""Copy a store to FILE, with or without an engine running on it.

APP is a module, a .py file or a folder, as for run; its store is ./.statefun/<APP's name>.db unless --store names
another; with --store, APP may be omitted.

\b
  statefun-actors backup app.py backups/monday.db
  statefun-actors backup --store .statefun/app.db monday.db

FILE is a complete store as of one commit: run APP --store FILE resumes from it. It is written completely or not at all,
never from a damaged store, and never over a store in use. Copying the file of a live store by other tools may lose
the data in its log.

Of a store with several partitions, FILE is a folder with all of them, as of one moment: for a few milliseconds, none of
them commits anything. Their copies belong together, and can't be mixed with those of another backup.
{EXIT_CODES}
"""


@click.command(help=_HELP)
@click.argument("words", nargs=-1, required=True, metavar="[APP] FILE")
@click.option("--overwrite", is_flag=True, help="Overwrite FILE if it is an earlier backup.")
@store_command
def backup(words: tuple[str, ...], overwrite: bool, store: Path | None, as_json: bool) -> None:
    from statefun_actors.store import FileUse, open_reader

    app, file = app_and_file(words, store)
    place, target = place_of(app, store), Path(file)
    refuse_wrong_uses([FileUse(target, "FILE", is_store=True)], place.files, place.store)
    if overwrite:
        _refuse_other_content(target)
    reader = open_reader(place.store, older=True)  # no snapshot: the copy takes one of its own
    try:
        reader.backup(target, overwrite=overwrite)
    finally:
        reader.close()
    size = size_of(target)
    if as_json:
        echo_json({"store": str(place.store), "file": str(target), "bytes": size})
    else:
        echo(f"Copied {place.store} to {target}: {size:,} bytes.")


def _refuse_other_content(target: Path) -> None:
    """Raises StoreError: *target* exists, and has other content than a store, such as an input or an egress file."""
    from statefun_actors.store import DamagedStoreError, StoreError, open_reader

    if not target.is_file() or target.stat().st_size == 0:
        return
    try:
        open_reader(target, older=True).close()
    except DamagedStoreError:  # a damaged backup may be replaced by a sound one
        return
    except StoreError as error:
        raise StoreError(
            str(target), f"it exists already, and is no backup: {error.reason}", "Choose another target for the backup."
        ) from None
