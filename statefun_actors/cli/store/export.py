"""``statefun-actors export``: a store as lines of JSON."""

from __future__ import annotations

import contextlib
import gzip
import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import IO

import click

from statefun_actors.cli.output import echo, echo_json
from statefun_actors.cli.store.moving import move_to_kafka
from statefun_actors.cli.store.place import (
    EXIT_CODES,
    WHICH_STORE,
    app_and_rest,
    no_more_than,
    place_of,
    refuse_wrong_uses,
    store_command,
)
from statefun_actors.system import partial_name

_HELP = f"""Write a whole store as lines of JSON, on standard output or to a file.

{WHICH_STORE} With APP, values of its classes are JSON if that is lossless; otherwise they are base64.

\b
  statefun-actors export app.py -o store.jsonl.gz
  statefun-actors export --store .statefun/app.db | grep '"kind":"timer"'

The lines have all data as of one commit: entities, waiting and delayed messages, kept egress records, dead letters,
and positions in inputs. They leave out the history, which backup copies. An engine may run on the store. import creates
the same store from them.

Of a store with several partitions, the lines are those of one store, and import creates one with any number of
partitions from them. No engine may run on it, and nothing may be on the way between two partitions. Positions in inputs
are those of each partition, so they must be left out: --without-inputs.

With --to-kafka, the content goes to a Flink job of the same APP, instead of to lines: states, delayed and waiting
messages, open asks, recurring messages. No engine may run on the store. What is not moved is listed. The job's
module.yaml is one of `module --gateway`, and its endpoint is started with `serve --accept-restore`.

\b
  statefun-actors export app.py --to-kafka kafka:9092 --module module.yaml

Run again, also after an interruption, it moves what has not arrived; within a day, nothing twice.
{EXIT_CODES}
"""


@click.command(help=_HELP)
@click.argument("words", nargs=-1, metavar="[APP]")
@click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Write to this file, completely or not at all; compressed if its name ends in .gz. Default: standard output.",
)  # fmt: skip
@click.option(
    "--without-inputs", is_flag=True,
    help="Leave out the positions in inputs: a run with these inputs then reads them from the start.",
)  # fmt: skip
@click.option("--to-kafka", metavar="HOST:PORT", help="Move the content to a Flink job, through these brokers.")
@click.option(
    "--module", "module_file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="With --to-kafka: the module.yaml of the Flink job.",
)  # fmt: skip
@click.option(
    "--hold", "hold_seconds", type=click.IntRange(1, 86_400), metavar="SECONDS", default=60, show_default=True,
    help="With --to-kafka: the time in which the job must have all delayed messages. None of them runs before.",
)  # fmt: skip
@click.option(
    "--leave-egress", is_flag=True,
    help="With --to-kafka: leave egress records in the store that no target has taken.",
)  # fmt: skip
@store_command
def export(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    words: tuple[str, ...],
    output: Path | None,
    without_inputs: bool,
    to_kafka: str | None,
    module_file: Path | None,
    hold_seconds: int,
    leave_egress: bool,
    store: Path | None,
    as_json: bool,
) -> None:
    from statefun_actors.admin import export_store
    from statefun_actors.store import FileUse, open_stopped

    if (to_kafka is None) != (module_file is None):
        raise click.UsageError("--to-kafka HOST:PORT and --module FILE go together; got one of them.")
    if to_kafka is not None and (output is not None or without_inputs):
        raise click.UsageError("--to-kafka writes no lines; omit --output and --without-inputs.")
    app, rest = app_and_rest(words, store)
    no_more_than(0, rest)
    place = place_of(app, store)
    if to_kafka is not None and module_file is not None:
        move_to_kafka(
            place, to_kafka, module_file, hold_seconds=hold_seconds, leave_egress=leave_egress, as_json=as_json
        )
        return
    if output is not None:
        refuse_wrong_uses([FileUse(output, "--output")], place.files, place.store)
    count, with_inputs = 0, not without_inputs
    with open_stopped(place.store, with_inputs=with_inputs) as reader, _writer(output) as file:
        for line in export_store(reader, place.known, with_inputs=with_inputs):
            file.write(line)
            count += 1
    if output is None:
        return
    if as_json:
        echo_json({"store": str(place.store), "file": str(output), "lines": count})
    else:
        echo(f"Exported {place.store} to {output}: {count:,} lines.")


@contextlib.contextmanager
def _writer(output: Path | None) -> Generator[IO[bytes]]:
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if output.exists() and not output.is_file():  # a pipe or a device is written directly
        with _output_errors(output), output.open("wb") as raw, _compressed(output, raw) as file:
            yield file
        return
    partial = partial_name(output)
    try:
        with _output_errors(output):
            # An export has the tokens of open asks, each of which is a permission.
            with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as raw:
                with _compressed(output, raw) as file:
                    yield file
                raw.flush()
                os.fsync(raw.fileno())
            partial.replace(output)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


@contextlib.contextmanager
def _output_errors(output: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise click.ClickException(f"{output} can't be written: {error.strerror or error}.") from error


def _compressed(output: Path, raw: IO[bytes]) -> contextlib.AbstractContextManager[IO[bytes]]:
    if output.suffix != ".gz":
        return contextlib.nullcontext(raw)
    return gzip.GzipFile("", "wb", 6, raw, mtime=0)  # type: ignore[return-value] # it is a binary stream
