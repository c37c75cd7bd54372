"""Control of a store with several partitions: each change goes to the partition that it concerns.

A change of one item is made whole, as in every store. A change of items of several partitions is checked first, and
then made in one partition after the other; if that fails in the middle, the error says which partitions have it.

Dead letters and delayed messages have the numbers that readers of the whole store show.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final, TypeVar

from statefun_actors.address import Address
from statefun_actors.admin.control.engine_state import EngineState, merged_state
from statefun_actors.admin.control.interface import Control, DeadLetterRetry, FieldEdit, Posting, TimerKey
from statefun_actors.admin.control.over_socket import SocketControl
from statefun_actors.admin.views.timers import is_own
from statefun_actors.asking import REPLY
from statefun_actors.engine import FailingMessage, NoDeadLetterError, NoTimerError
from statefun_actors.errors import StatefunActorsError
from statefun_actors.model import TypedValue
from statefun_actors.partitions import partition_of
from statefun_actors.store import (
    Pauses,
    PauseTarget,
    StoreError,
    StoreInUseError,
    open_reader,
    place_renamed,
    placed_types,
    read_pauses,
    without_pauses,
)

_PATIENCE: Final = 3.0
"""Seconds for each partition to say how it is; its event loop may be held."""
T = TypeVar("T")
Open = Callable[[int], Awaitable[Control]]


class PartlyChangedError(StoreError):
    """A change was made in some partitions, and not in others. No retry helps: it would repeat what was made.

    Args:
        store: the path of the store.
        changed: the partitions that have their part of the change.
        unchanged: those that don't have theirs; in the first of them it failed.
        error: the failure.
    """

    retryable: ClassVar[bool] = False

    def __init__(self, store: str, changed: Sequence[int], unchanged: Sequence[int], error: Exception) -> None:
        super().__init__(
            store,
            f"changed in {_named(changed)}, but not in {_named(unchanged)}: {str(error).removesuffix('.')}",
            "Look at what is left with the listing command, and repeat the change for that only.",
        )
        self.args = (store, changed, unchanged, error)
        self.changed, self.unchanged = changed, unchanged


class PartitionsControl:
    """The control of the store in *folder* with *count* partitions.

    Args:
        open: opens the control of one partition, when it is first needed.
        opened: those that are open already. If there are any, :meth:`failing` and :meth:`state` are about these.
        renamed: the current function types of the application whose addresses are given, by former ones.
    """

    def __init__(
        self,
        folder: Path,
        count: int,
        open: Open,
        opened: Mapping[int, Control] | None = None,
        renamed: Mapping[str, str] | None = None,
    ) -> None:
        self._folder, self._count, self._open = folder, count, open
        self._renamed = dict(renamed or {})
        """Those whose places are not known yet."""
        self._placed = placed_types(folder)
        self._opened: dict[int, Control] = dict(opened or {})

    @property
    def running(self) -> bool:
        """Whether an engine has made a change."""
        return any(isinstance(control, SocketControl) for control in self._opened.values())

    # --- by address

    async def send(self, postings: Sequence[Posting]) -> None:
        parts = await self._by_partition(postings, lambda posting: posting.target)
        await self._each(parts, lambda control, part: control.send(part))

    async def set_field(self, edit: FieldEdit) -> None:
        ((number, _),) = (await self._by_partition([edit.address], lambda address: address)).items()
        await (await self._control(number)).set_field(edit)

    async def answer(self, token: str, value: TypedValue) -> None:
        await (await self._control(self._partition(Address(REPLY, token)))).answer(token, value)

    async def cancel_ask(self, token: str) -> None:
        await (await self._control(self._partition(Address(REPLY, token)))).cancel_ask(token)

    async def failing(self) -> list[FailingMessage]:
        numbers = list(self._opened) or range(self._count)
        found = [each for number in numbers for each in await (await self._control(number)).failing()]
        return sorted(found, key=lambda each: each.message.target)

    async def state(self) -> EngineState:
        numbers = list(self._opened) or list(range(self._count))
        found = dict(zip(numbers, await asyncio.gather(*map(self._state_of, numbers)), strict=True))
        return merged_state({number: found.get(number, "does not run") for number in range(self._count)})

    async def _state_of(self, number: int) -> EngineState | str:
        """The state of partition *number*, or why it is not known."""
        try:
            async with asyncio.timeout(_PATIENCE):
                return await (await self._control(number)).state()
        except TimeoutError:
            return f"has not answered within {_PATIENCE:g} s"
        except StatefunActorsError as error:
            return f"has not answered: {error}"

    async def retry_failing(self, addresses: Sequence[Address]) -> None:
        parts = await self._by_partition(addresses, lambda address: address)
        await self._each(parts, lambda control, part: control.retry_failing(part))

    async def drop_failing(self, addresses: Sequence[Address], *, discard: bool = False) -> None:
        parts = await self._by_partition(addresses, lambda address: address)
        await self._each(parts, lambda control, part: control.drop_failing(part, discard=discard))

    async def pause(self, targets: Sequence[PauseTarget]) -> None:
        await self._each(await self._of_targets(targets), lambda control, part: control.pause(part))

    async def resume(self, targets: Sequence[PauseTarget]) -> None:
        without_pauses(_paused(self._folder), targets)
        parts = {number: self._paused_of(number, part) for number, part in (await self._of_targets(targets)).items()}
        # A change that failed in the middle has resumed a function type in some partitions only.
        parts = {number: part for number, part in parts.items() if part}
        await self._each(parts, lambda control, part: control.resume(part))

    # --- by number

    async def retry(self, letters: Sequence[DeadLetterRetry]) -> None:
        self._check_letters([letter.seq for letter in letters])
        parts = self._by_number(letters, lambda letter: letter.seq)
        await self._each(
            parts,
            lambda control, part: control.retry([DeadLetterRetry(self._inner(each.seq), each.value) for each in part]),
        )

    async def discard(self, seqs: Sequence[int]) -> None:
        self._check_letters(seqs)
        parts = self._by_number(seqs, lambda seq: seq)
        await self._each(parts, lambda control, part: control.discard(list(map(self._inner, part))))

    async def fire_timers(self, timers: Sequence[TimerKey]) -> None:
        parts = self._of_timers(timers)
        await self._each(parts, lambda control, part: control.fire_timers(part))

    async def cancel_timers(self, timers: Sequence[TimerKey]) -> None:
        parts = self._of_timers(timers)
        await self._each(parts, lambda control, part: control.cancel_timers(part))

    async def close(self) -> None:
        opened, self._opened = self._opened, {}
        for control in opened.values():
            await control.close()

    # --- partitions

    async def _control(self, number: int) -> Control:
        if number not in self._opened:
            self._opened[number] = await self._open(number)
        return self._opened[number]

    async def _each(
        self, parts: Mapping[int, Sequence[T]], change: Callable[[Control, Sequence[T]], Awaitable[None]]
    ) -> None:
        controls = {number: await self._control(number) for number in sorted(parts)}
        numbers = list(controls)
        for index, (number, control) in enumerate(controls.items()):
            try:
                await change(control, parts[number])
            except StatefunActorsError as error:
                if not index:
                    raise
                raise PartlyChangedError(str(self._folder), numbers[:index], numbers[index:], error) from error

    def _partition(self, address: Address) -> int:
        return partition_of(address, self._count, self._placed)

    async def _by_partition(self, items: Sequence[T], address: Callable[[T], Address]) -> dict[int, list[T]]:
        await self._learn_places({address(item).typename for item in items})
        return _grouped(items, lambda item: self._partition(address(item)))

    async def _learn_places(self, typenames: set[str]) -> None:
        """Learn where entities of *typenames* are: a type that was renamed after the last run is placed as a run does.

        Raises:
            StoreError: there are entities of both names; or a run does not know the new one.
        """
        current = {name for former, name in self._renamed.items() if former in typenames or name in typenames}
        if not current:
            return
        renamed = {former: name for former, name in self._renamed.items() if name in current}
        await self.close()  # each partition is opened for that
        try:
            self._placed = place_renamed(self._folder, renamed)
        except StoreInUseError as error:
            if error.contact is None:  # not by an engine
                raise
            unknown = sorted(current & typenames)
            if unknown:
                raise _not_known(self._folder, unknown[0], renamed) from error
            return  # entities are still where their former names say
        for former in renamed:
            del self._renamed[former]

    def _by_number(self, items: Iterable[T], seq: Callable[[T], int]) -> dict[int, list[T]]:
        return _grouped(items, lambda item: seq(item) % self._count)

    def _inner(self, seq: int) -> int:
        return seq // self._count

    async def _of_targets(self, targets: Sequence[PauseTarget]) -> dict[int, list[PauseTarget]]:
        """A function type is paused in all partitions, an entity in its own."""
        await self._learn_places({target.typename for target in targets if not isinstance(target, str)})
        parts: dict[int, list[PauseTarget]] = {}
        for target in targets:
            for number in range(self._count) if isinstance(target, str) else [self._partition(target)]:
                parts.setdefault(number, []).append(target)
        return parts

    def _paused_of(self, number: int, targets: Sequence[PauseTarget]) -> list[PauseTarget]:
        """Those of *targets* that are paused in partition *number*."""
        paused = _paused(self._folder / str(number))
        return [target for target in targets if target in paused]

    def _of_timers(self, timers: Sequence[TimerKey]) -> dict[int, list[TimerKey]]:
        reader = open_reader(self._folder)
        try:
            for key in timers:
                found = next(iter(reader.timers_after(key.due_ms, key.seq - 1, 1)), None)
                if found is None or (found.due_ms, found.seq) != (key.due_ms, key.seq) or is_own(found):
                    raise NoTimerError(key.seq)
        finally:
            reader.close()
        parts = self._by_number(timers, lambda key: key.seq)
        return {n: [TimerKey(key.due_ms, self._inner(key.seq)) for key in part] for n, part in parts.items()}

    def _check_letters(self, seqs: Iterable[int]) -> None:
        reader = open_reader(self._folder)
        try:
            for seq in seqs:
                if reader.dead_letter(seq) is None:
                    raise NoDeadLetterError(seq)
        finally:
            reader.close()


def _not_known(folder: Path, typename: str, renamed: Mapping[str, str]) -> StoreError:
    former = " and ".join(sorted(name for name, current in renamed.items() if current == typename))
    return StoreError(
        str(folder),
        f"the run on it has begun with code in which {former} is not {typename} yet, so its partitions don't know "
        "where the entities of that are",
        f"Stop it, and run the new code; or give an address of {former}.",
    )


def _named(partitions: Sequence[int]) -> str:
    return f"partition{'s' if len(partitions) > 1 else ''} {', '.join(map(str, partitions))}"


def _paused(store: Path) -> Pauses:
    reader = open_reader(store)
    try:
        return read_pauses(reader.recover())
    finally:
        reader.close()


def _grouped(items: Iterable[T], key: Callable[[T], int]) -> dict[int, list[T]]:
    parts: dict[int, list[T]] = {}
    for item in items:
        parts.setdefault(key(item), []).append(item)
    return parts
