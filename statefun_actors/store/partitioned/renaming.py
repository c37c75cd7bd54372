"""Renamed function types of a store with partitions: their entities stay in the partitions that they have.

An entity gets its partition by the name of its type. So a type keeps the one of its former names by which its entities
got theirs, in ``partitions.json``, also when the class no longer has ``was=``.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

from statefun_actors.store import Kept, StoreError
from statefun_actors.store.partitioned.layout import Layout, open_partition, place
from statefun_actors.store.partitioned.reader import PartitionsReader

_NOTHING: Final = Kept(0, 0, 0, 0)


def place_renamed(folder: Path, layout: Layout, renamed: Mapping[str, str]) -> Layout:
    """The *layout* of *folder* for an application with the function types *renamed*: the current ones, by former ones.

    Raises:
        StoreInUseError: an engine or a command uses a partition.
        StoreError: entities of two names of one type got their partitions by both; or a partition can't be opened.
    """
    if all(_placed(layout, former) == _placed(layout, current) for former, current in renamed.items()):
        return layout
    with ExitStack() as opened:
        for number in range(layout.partitions):
            opened.enter_context(closing(open_partition(folder, layout.part(number), layout.system, brief=True)))
        reader = opened.enter_context(closing(PartitionsReader(folder)))
        placed = dict(layout.placed)
        for current in sorted(set(renamed.values())):
            names = [*(former for former, name in renamed.items() if name == current), current]
            stored = [name for name in names if reader.kept_for(name) != _NOTHING]
            bases = {_placed(layout, name) for name in stored or names[:1]}
            if len(bases) > 1:
                raise _refused(folder, layout, current, stored)
            (base,) = bases
            placed |= dict.fromkeys(names, base)
        try:
            return place(folder, layout, {name: base for name, base in placed.items() if name != base})
        except OSError as error:
            raise StoreError(
                str(folder), f"it can't be written: {error.strerror}", "Free space, or change rights."
            ) from error


def _placed(layout: Layout, typename: str) -> str:
    return layout.placed.get(typename, typename)


def _refused(folder: Path, layout: Layout, current: str, stored: list[str]) -> StoreError:
    return StoreError(
        str(folder),
        f"it has data of {' and '.join(stored)}, which is in partitions by both names, so it can't become that of "
        f"{current} there",
        "Export it, import it into a file, run that once without --partitions, and move it back: export, and import "
        f"--partitions {layout.partitions}.",
    )
