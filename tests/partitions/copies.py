"""A copy of all partitions, as the command makes it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from statefun_actors.store import open_reader


def back_up(store: Path, target: Path, *, overwrite: bool = False) -> None:
    with closing(open_reader(store, older=True)) as reader:
        reader.backup(target, overwrite=overwrite)
