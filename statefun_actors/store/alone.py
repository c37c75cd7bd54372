"""``open_alone``: a store that is read while no engine runs on it, nor starts."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from importlib import import_module
from pathlib import Path

from statefun_actors.store.contract import Store
from statefun_actors.store.opening import (
    PARTITIONED,
    ReadOnlyStore,
    file_of,
    has_partitions,
    open_reader,
    open_store,
)
from statefun_actors.store.rows import Commit


class StoreAlone:
    """*reader*: the store as of its last commit. *stores*: the same for writing, one for each partition."""

    def __init__(self, reader: ReadOnlyStore, stores: Sequence[Store]) -> None:
        self.reader, self._stores = reader, stores

    async def note(self, positions: Mapping[str, str]) -> None:
        """Commit *positions*, in each partition. Raises StoreError: not in all of them."""
        for store in self._stores:
            await store.commit(Commit(positions=positions, next_seq=store.recover().next_seq))


@contextmanager
def open_alone(url: Path | str) -> Generator[StoreAlone]:
    """The store at *url*, which no engine can use meanwhile.

    Raises:
        StoreInUseError: an engine or another command uses it.
        StoreError: as by ``open_reader``; or something is on the way between two partitions.
    """
    if has_partitions(file := file_of(url)):
        with import_module(PARTITIONED).stopped_stores(file, with_inputs=False) as (whole, stores):
            yield StoreAlone(whole, stores)
        return
    with closing(open_reader(url)) as reader, closing(open_store(url)) as store, reader.snapshot():
        yield StoreAlone(reader, [store])
