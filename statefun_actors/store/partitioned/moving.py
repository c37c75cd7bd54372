"""All partitions of a system as one store that nothing changes: to export it, and to create one from an export."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from statefun_actors.address import Address
from statefun_actors.model import INGRESS
from statefun_actors.partitions import is_between_partitions, partition_of, partition_of_name
from statefun_actors.store import (
    FORMER_CALLERS,
    Commit,
    PauseTarget,
    Recovered,
    Store,
    StoreError,
    Timer,
    pauses_position,
    read_pauses,
)
from statefun_actors.store.partitioned.layout import Layout, building, mark, open_partition, read_layout
from statefun_actors.store.partitioned.reader import PartitionsReader

T = TypeVar("T")
_SINK: Final = "sink:"
_SOURCE: Final = "source:"


@contextmanager
def stopped(folder: Path, *, with_inputs: bool) -> Generator[PartitionsReader]:
    """All partitions in *folder* for an export. No engine can start meanwhile.

    Args:
        folder: has the partitions.
        with_inputs: whether positions in inputs are wanted: there must be none, since another number of partitions
            can't use them.

    Raises:
        StoreInUseError: an engine or a command uses a partition.
        StoreError: something is on the way between two partitions; or there are positions in inputs.
    """
    with stopped_stores(folder, with_inputs=with_inputs) as (reader, _):
        yield reader


@contextmanager
def stopped_stores(folder: Path, *, with_inputs: bool) -> Generator[tuple[PartitionsReader, list[Store]]]:
    """As :func:`stopped`, with the store of each partition."""
    layout = read_layout(folder)
    with ExitStack() as opened:
        partitions = [layout.part(number) for number in range(layout.partitions)]
        stores: list[Store] = [
            opened.enter_context(closing(open_partition(folder, own, layout.system, brief=True))) for own in partitions
        ]
        reader = opened.enter_context(closing(PartitionsReader(folder, renumbered=True)))
        if crossing := reader.crossing():
            raise _on_the_way(folder, layout, crossing)
        if with_inputs and (inputs := reader.inputs()):
            raise StoreError(
                str(folder),
                f"its partitions have positions in {', '.join(inputs)}, which another number of partitions can't use",
                "Add --without-inputs to leave them out: a run with these inputs then reads them from the start.",
            )
        yield reader, stores


def _on_the_way(folder: Path, layout: Layout, crossing: Mapping[str, int]) -> StoreError:
    count = sum(crossing.values())
    what = "1 message or egress record is" if count == 1 else f"{count:,} messages or egress records are"
    advice = f"Let them arrive: run it with --partitions {layout.partitions} --until-idle --bind none"
    if egresses := sorted(name for name in crossing if not is_between_partitions(name)):
        advice += f", and a target for {', '.join(egresses)} (--egress, --module or --skip-bad-lines)"
    return StoreError(str(folder), f"{what} on the way between its partitions", f"{advice}.")


class PartitionsWriter:
    """Commits what one store would have to several new ones, each row to the partition of its address."""

    def __init__(self, layout: Layout, stores: Sequence[Store]) -> None:
        self._layout, self._stores = layout, stores
        self._callers: dict[str, int] = {}
        """The partitions of callers who wait for the answer to a message with a key, by their ids."""

    async def commit(self, commit: Commit) -> None:
        """Commit the new rows of *commit*.

        Raises:
            ValueError: it has a position that several partitions can't use.
            StoreError: a partition can't be written.
        """
        entities = self._split(commit.entities, lambda row: self._of(row.address))
        messages = self._split(commit.messages, lambda message: self._of(message.target))
        timers = self._split(commit.timers, lambda timer: self._of(_owner(timer)))
        egress = self._split(commit.egress, lambda record: partition_of_name(record.egress, len(self._stores)))
        dead_letters = self._split(commit.dead_letters, lambda entry: self._of(entry.message.target))
        requests = self._split(commit.requests, lambda request: self._of(request.target))
        self._callers |= {request.request: self._of(request.target) for request in commit.requests if request.pending}
        positions = self._positions(commit.positions)
        for number, store in enumerate(self._stores):
            part = Commit(
                entities=entities[number],
                messages=messages[number],
                timers=timers[number],
                egress=egress[number],
                dead_letters=dead_letters[number],
                requests=requests[number],
                positions=positions[number],
                next_seq=commit.next_seq,
            )
            await store.commit(part)

    async def end(self) -> None:
        """Make the stores partitions of one system, after the last commit."""
        former = {FORMER_CALLERS: msgspec.json.encode(self._callers).decode()} if self._callers else {}
        await mark(self._layout, self._stores, former)

    def counts(self, without: Collection[str] = ()) -> Mapping[str, int]:
        """As :meth:`Store.counts`, of all."""
        counts: dict[str, int] = {}
        for store in self._stores:
            for name, count in store.counts(without).items():
                counts[name] = counts.get(name, 0) + count
        return counts

    def _of(self, address: Address) -> int:
        return partition_of(address, len(self._stores))

    def _split(self, rows: Sequence[T], number: Callable[[T], int]) -> list[list[T]]:
        parts: list[list[T]] = [[] for _ in self._stores]
        for row in rows:
            parts[number(row)].append(row)
        return parts

    def _positions(self, positions: Mapping[str, str]) -> list[dict[str, str]]:
        parts: list[dict[str, str]] = [{} for _ in self._stores]
        pauses = read_pauses(Recovered(1, positions))
        for name, position in positions.items():
            if name.startswith(_SOURCE):
                raise ValueError(
                    f"the position {name!r} can't be used by several partitions; export with --without-inputs: a run "
                    "with this input then reads it from the start"
                )
            owners: Sequence[int] = range(len(parts))
            if name.startswith(_SINK):
                owners = [partition_of_name(name.removeprefix(_SINK), len(parts))]
            for number in owners:
                parts[number][name] = position
        if pauses:
            for number in range(len(parts)):
                here = {target: at for target, at in pauses.items() if self._pauses_here(target, number)}
                parts[number] |= pauses_position(here)
        return parts

    def _pauses_here(self, target: PauseTarget, number: int) -> bool:
        return isinstance(target, str) or self._of(target) == number


@contextmanager
def new_partitions(folder: Path, count: int) -> Generator[PartitionsWriter]:
    """A new store of *count* partitions, which is in *folder* when the block ends without an error.

    Raises:
        StoreError: something is at *folder* already.
        OSError: it can't be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StoreError(
            str(folder),
            "it exists already, and an import with --partitions creates a store",
            "Nothing was imported. Choose another store, or remove it.",
        )
    with building(folder, count) as (layout, stores):
        yield PartitionsWriter(layout, stores)


def _owner(timer: Timer) -> Address:
    """The address whose partition has *timer*: its sender, who may cancel it; the target of one from outside."""
    return timer.target if timer.caller is None or timer.caller[0] == INGRESS else timer.caller
