"""``statefun-actors restore``: a backup in the place of a store."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from statefun_actors.cli.output import echo, echo_json
from statefun_actors.cli.store.place import EXIT_CODES, app_and_file, place_of, store_command

_HELP = f"""Go back to a backup: put a copy of FILE in the place of a store.

APP is a module, a .py file or a folder, as for run; its store is ./.statefun/<APP's name>.db unless --store names
another; with --store, APP may be left out.

\b
  statefun-actors restore app.py backups/monday.db
  statefun-actors restore --store .statefun/app.db monday.db --yes

It asks before it replaces a store. FILE is a store that backup made, or any other; it is checked first, and stays as it
is. What was there before is kept beside the store, as <name>.before-restore-<time>.db, with its log: delete it once you
don't need it. No engine may run on the store meanwhile. Copying FILE over a store by other means is not enough after a
crash: the log of the old store would be left beside it, which the next run refuses.

Egress files are cut back to where they were at the time of the backup when APP is run again.
{EXIT_CODES}
"""


@click.command(short_help="Put a backup in the place of a store.", help=_HELP)
@click.argument("words", nargs=-1, required=True, metavar="[APP] FILE")
@click.option("--yes", "-y", is_flag=True, help="Don't ask.")
@store_command
def restore(words: tuple[str, ...], yes: bool, store: Path | None, as_json: bool) -> None:
    from statefun_actors.store import restore_store

    app, file = app_and_file(words, store)
    place = place_of(app, store)

    def confirm() -> None:
        if not yes and place.store.exists():
            found = place.store.stat()
            written = f"{datetime.fromtimestamp(found.st_mtime, UTC):%Y-%m-%d %H:%M:%SZ}"
            click.confirm(
                f"Replace {place.store} ({found.st_size:,} bytes, written {written}) by {file}? It is kept beside it.",
                abort=True,
                err=True,
            )

    kept = restore_store(Path(file), place.store, confirm=confirm)
    size = place.store.stat().st_size
    if as_json:
        told = {"store": str(place.store), "file": file, "bytes": size, "kept": None if kept is None else str(kept)}
        echo_json(told)
        return
    echo(f"Restored {place.store} from {file}: {size:,} bytes.")
    if kept is not None:
        echo(f"What was there before is kept as {kept}; delete it once you don't need it.")
