"""``statefun-actors restore``: a backup in the place of a store."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from statefun_actors.cli.output import confirm, echo, echo_json
from statefun_actors.cli.store.place import EXIT_CODES, app_and_file, files_of, place_of, size_of, store_command

_HELP = f"""Go back to a backup: put a copy of FILE in the place of a store.

APP is a module, a .py file or a folder, as for run; its store is ./.statefun/<APP's name>.db unless --store names
another; with --store, APP may be omitted.

\b
  statefun-actors restore app.py backups/monday.db
  statefun-actors restore --store .statefun/app.db monday.db --yes

It asks before it replaces a store. FILE is any store, such as one from backup; it is checked first, and not changed.
The replaced store is kept next to the new one, as <name>.before-restore-<time>.db, with its log: delete it when you
don't need it. No engine may run on the store meanwhile. Copying FILE over a store by other tools is not enough after a
crash: the log of the old store would stay next to it, and the next run refuses that.

A store with several partitions is replaced as a whole, by a backup with as many: after a kill in the middle, all
partitions are the old ones, or all are those of FILE.

Egress files and Kafka topics keep what was written since the backup. The next run does not write records that are in
an egress file already; if its records differ, they wait in the store, and the error says how to go on. It writes all
its records to Kafka topics. The page operations (statefun-actors docs operations) lists what happens to each target.
{EXIT_CODES}
"""


def _described(file: Path) -> str:
    """What the store in *file* holds, and when it was written last."""
    import sqlite3

    from statefun_actors.asking import OWN_FUNCTIONS
    from statefun_actors.store import StoreError, open_reader

    written = max((each.stat().st_mtime for each in (*files_of(file), *files_of(file, "-wal"))), default=0.0)
    size = f"{size_of(file):,} bytes, written {datetime.fromtimestamp(written, UTC):%Y-%m-%d %H:%M:%SZ}"
    try:
        reader = open_reader(file, older=True)
        try:
            counts = dict(reader.counts(OWN_FUNCTIONS))
        finally:
            reader.close()
    except (StoreError, sqlite3.Error):  # a damaged store is a reason to restore a backup
        return f"{size}; it can't be read"
    messages, timers, _, dead_letters = (counts.pop(name) for name in ("messages", "timers", "egress", "dead_letters"))
    held = [(sum(counts.values()), "entities"), (messages, "waiting messages"), (timers, "delayed messages")]
    return f"{size}; " + ", ".join(f"{what}: {number:,}" for number, what in [*held, (dead_letters, "dead letters")])


@click.command(help=_HELP)
@click.argument("words", nargs=-1, required=True, metavar="[APP] FILE")
@click.option("--yes", "-y", is_flag=True, help="Don't ask.")
@store_command
def restore(words: tuple[str, ...], yes: bool, store: Path | None, as_json: bool) -> None:
    from statefun_actors.store import restore_store

    app, file = app_and_file(words, store)
    place = place_of(app, store)

    def ask_first() -> None:
        if not yes and place.store.exists():
            confirm(
                f"Replace {place.store} ({_described(place.store)}) by {file} ({_described(Path(file))})? "
                "The old store is kept."
            )

    kept = restore_store(Path(file), place.store, confirm=ask_first)
    size = size_of(place.store)
    if as_json:
        facts = {"store": str(place.store), "file": file, "bytes": size, "kept": None if kept is None else str(kept)}
        echo_json(facts)
        return
    echo(f"Restored {place.store} from {file}: {size:,} bytes.")
    if kept is not None:
        echo(f"The old store is kept as {kept}; delete it when you don't need it.")
