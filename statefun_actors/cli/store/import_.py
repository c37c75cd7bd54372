"""``statefun-actors import``: a store from lines of JSON."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import sys
import zlib
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path

import click

from statefun_actors.cli.output import echo, echo_json
from statefun_actors.cli.run.partitioning import read_partitions
from statefun_actors.cli.settings_options import Written
from statefun_actors.cli.store.place import EXIT_CODES, app_and_file, place_of, store_command

_HELP = f"""Create a store from the lines of an export.

FILE is such a file, plain or gzip, or - for standard input. The store is that of APP, ./.statefun/<APP's name>.db, or
the one of --store. APP is needed if the file has values that only its classes can write, as after export with APP.

\b
  statefun-actors import app.py store.jsonl.gz
  statefun-actors import --store copy.db store.jsonl
  statefun-actors export --store two.db | statefun-actors import --store four.db - --partitions 4

If a line is invalid, nothing is imported. A store that is not empty is refused unless --replace is given; no engine may
run on it. {EXIT_CODES}
"""


@click.command("import", help=_HELP)
@click.argument("words", nargs=-1, required=True, metavar="[APP] FILE")
@click.option("--replace", is_flag=True, help="Replace the content of the store, after the file was checked.")
@click.option(
    "--partitions", type=Written(read_partitions), metavar="N",
    help="Create a store for run --partitions N, a folder with a file for each. Default: one file.",
)  # fmt: skip
@store_command
def import_(words: tuple[str, ...], replace: bool, partitions: int | None, store: Path | None, as_json: bool) -> None:
    from statefun_actors.admin import import_store

    if replace and partitions is not None:
        raise click.UsageError("--partitions creates a new store; omit --replace.")
    app, file = app_and_file(words, store)
    place = place_of(app, store)
    with _lines(file) as lines:
        counts = asyncio.run(
            import_store(lines, file, place.store, place.known, replace=replace, partitions=partitions)
        )
    if as_json:
        echo_json({"store": str(place.store), **_named(counts)})
        return
    counted = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in _named(counts).items() if count)
    echo(f"Imported {file} into {place.store}: {counted or 'an empty store'}.")


def _named(counts: dict[str, int]) -> dict[str, int]:
    every = ("messages", "timers", "egress", "dead_letters", "asks", "schedules")
    kinds = {kind: counts[kind] for kind in every if kind in counts}
    return {"entities": sum(counts.values()) - sum(kinds.values()), **kinds}


@contextlib.contextmanager
def _lines(file: str) -> Generator[Iterable[bytes]]:
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        raw = Path(file).open("rb")  # noqa: SIM115 - closed below
    except OSError as error:
        raise click.ClickException(
            f"{file} can't be read: {error.strerror}. Name a file that export wrote, or - for standard input."
        ) from error
    with raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        yield _unpacked(raw, file) if packed else raw


def _unpacked(raw: object, file: str) -> Iterator[bytes]:
    try:
        yield from gzip.GzipFile(fileobj=raw)  # type: ignore[call-overload] # a file that is open for reading
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise click.ClickException(f"{file} is a damaged gzip file: {error}. Nothing was imported.") from error
