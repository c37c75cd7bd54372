"""Rows as a table for people, as JSON lines for programs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Final

import click

from statefun_actors.cli.output import echo, echo_json, write
from statefun_actors.text import one_line

_FEW: Final = 50
_WIDEST: Final = 80


def limit_option() -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The option --limit of lists."""
    return click.option(
        "--limit", type=click.IntRange(1), metavar="NUMBER",
        help=f"Maximum number of rows. Default: {_FEW} in a table, all with --json.",
    )  # fmt: skip


dry_run_option: Final = click.option("--dry-run", is_flag=True, help="Only print what would be done.")
"""The option --dry-run of commands that change a store."""


def most_rows(limit: int | None, *, as_json: bool) -> int | None:
    """How many rows :func:`show_rows` looks at; None = all of them."""
    return limit if as_json else (limit or _FEW) + 1


Row = tuple[Sequence[str], Mapping[str, object]]
"""The cells for people, and the object for programs."""


def show_rows(
    columns: Sequence[str], rows: Iterable[Row], *, as_json: bool, limit: int | None = None, nothing: str = ""
) -> None:
    """Print at most *limit* of *rows*; *nothing* is said to people where there are none."""
    if as_json:
        for _, obj in islice(rows, limit):
            echo_json(obj)
        return
    most = limit or _FEW
    kept = [cells for cells, _ in islice(rows, most + 1)]
    if not kept:
        echo(nothing)
        return
    show_table(columns, kept[:most])
    if len(kept) > most:
        echo(f"… and more; --limit NUMBER shows more than {most}.")


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on standard output."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # In a pipe, a line stays a line, however long.
    console = Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else 100_000)
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for column in columns:
        table.add_column(Text(column, style="bold"), overflow="fold")
    for row in rows:
        table.add_row(*[Text(one_line(cell)) for cell in row])
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        write(line.rstrip())


def brief(form: object) -> str:
    """The JSON form of something in a cell, cut where it is long."""
    import msgspec

    return cut(msgspec.json.encode(form).decode())


def cut(text: str) -> str:
    """*text* in a cell, cut where it is long."""
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def time_of(ms: int) -> str:
    """Milliseconds since 1970 as ISO 8601, in UTC."""
    from statefun_actors.admin import time_text

    return time_text(ms)
