"""``Timers``: the pending delayed messages: the next ones in memory, the rest in the store.

All timers due up to the *horizon* are in memory. Later ones stay in the store (or in their epoch, until that is
durable), so a million pending ones cost the memory of a few thousand, and large ones that of a few.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from typing import Final

from statefun_actors.address import Address
from statefun_actors.engine.epoch import Epoch
from statefun_actors.errors import StatefunActorsError
from statefun_actors.store import CHUNK_BYTES, Store, Timer, size_of

_FOREVER: Final = (1 << 63, 0)
_CHUNK: Final = 1_000
_MOST: Final = 20_000
_MOST_BYTES: Final = 64 * 1024 * 1024


class NoTimerError(StatefunActorsError, LookupError):
    """No delayed message of an application has this number: it was delivered or cancelled, never existed, or is one of
    the library's own. A retry cannot help.
    """

    def __init__(self, seq: int) -> None:
        super().__init__(seq)
        self.seq = seq

    def __str__(self) -> str:
        return (
            f"there is no delayed message {self.seq}: it has been delivered or cancelled, never existed, or is one of "
            "this library's own, such as the timeout of an ask. `statefun-actors timers` lists the pending ones."
        )


class Timers:
    """The pending delayed messages of one engine."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._horizon = (-1, 0)
        self._near: dict[int, Timer] = {}
        self._bytes = 0
        """The bytes of those in ``_near``."""
        self._heap: list[tuple[int, int]] = []
        self._tokens: dict[tuple[Address, str], Timer] = {}
        """Timers with a token that are in memory, or not durable yet."""
        self._gone: set[int] = set()
        """Removed timers whose removal is not durable yet, so the store may still have them."""
        self._uncommitted: dict[int, dict[int, Timer]] = {}
        """Epoch number → its timers, until it is durable."""

    def add(self, timer: Timer, epoch: Epoch, *, replaces: bool = True) -> None:
        """Add a delayed message; it replaces a pending one of the same sender and token.

        *replaces*: whether there may be one, so that it must be looked for.
        """
        if timer.token is not None and timer.caller is not None:
            if replaces:
                self.cancel(timer.caller, timer.token, epoch)
            self._tokens[timer.caller, timer.token] = timer
        epoch.timers[timer.seq] = timer
        self._uncommitted[epoch.number] = epoch.timers
        if (at := (timer.due_ms, timer.seq)) <= self._horizon:
            self._keep_near(timer, at)

    def cancel(self, owner: Address, token: str, epoch: Epoch) -> bool:
        """Remove the pending timer of *owner* with *token*; return whether there was one."""
        timer = self._tokens.pop((owner, token), None)
        if timer is None:
            if self._horizon == _FOREVER:
                return False
            timer = self._store.pending_timer(owner, token)
            if timer is None or timer.seq in self._gone:
                return False
        self._drop(timer, epoch)
        return True

    def get(self, due_ms: int, seq: int) -> Timer:
        """The pending one of the number *seq*, which is due at *due_ms*.

        Raises:
            NoTimerError: there is none.
        """
        timer = self._find(due_ms, seq)
        if timer is None or timer.due_ms != due_ms:
            raise NoTimerError(seq)
        return timer

    def _find(self, due_ms: int, seq: int) -> Timer | None:
        if seq in self._gone:
            return None
        if (timer := self._near.get(seq)) is not None:
            return timer
        for timers in self._uncommitted.values():
            if (timer := timers.get(seq)) is not None:
                return timer
        found = self._store.timers_after(due_ms, seq - 1, 1)
        return found[0] if found and found[0].seq == seq else None

    def take(self, due_ms: int, seq: int, epoch: Epoch) -> Timer:
        """Remove the pending one of the number *seq*, and return it. Raises as :meth:`get`."""
        timer = self.get(due_ms, seq)
        self._remove(timer, epoch)
        return timer

    def take_due(self, now_ms: int, epoch: Epoch) -> Iterator[Timer]:
        """Remove and yield due timers, in the order of their due times."""
        while (due := self.next_due()) is not None and due <= now_ms:
            timer = self._near[self._heap[0][1]]
            self._remove(timer, epoch)
            yield timer

    def next_due(self) -> int | None:
        """The due time of the next one, in milliseconds since 1970."""
        while True:
            if not self._near:
                self._heap.clear()  # only cancelled ones are left
            while self._heap:
                if self._heap[0][1] in self._near:
                    return self._heap[0][0]
                heapq.heappop(self._heap)
            if self._horizon == _FOREVER:
                return None
            self._extend()

    def any_besides(self, typename: str) -> bool:
        """Whether one is pending to another function type than *typename*. Reads far ones until it finds one."""
        uncommitted = (timer for timers in self._uncommitted.values() for timer in timers.values())
        if any(timer.target[0] != typename for timers in (self._near.values(), uncommitted) for timer in timers):
            return True
        after = self._horizon
        while after != _FOREVER and (chunk := self._store.timers_after(*after, _CHUNK, CHUNK_BYTES)):
            if any(timer.target[0] != typename and timer.seq not in self._gone for timer in chunk):
                return True
            after = (chunk[-1].due_ms, chunk[-1].seq)
        return False

    def durable(self, epoch: Epoch) -> None:
        """*epoch* is durable."""
        far = self._uncommitted.pop(epoch.number, {})
        for timer in far.values():
            if timer.token is not None and timer.caller is not None and timer.seq not in self._near:
                key = (timer.caller, timer.token)
                if self._tokens.get(key) is timer:
                    del self._tokens[key]
        self._gone.difference_update(epoch.timers_done)

    def _remember(self, timer: Timer) -> None:
        if timer.seq in self._near:
            return
        if timer.token is not None and timer.caller is not None:
            self._tokens[timer.caller, timer.token] = timer
        self._keep_near(timer, (timer.due_ms, timer.seq))

    def _keep_near(self, timer: Timer, at: tuple[int, int]) -> None:
        """Keep *timer*, which is due *at* that place within the horizon, in memory."""
        self._near[timer.seq] = timer
        self._bytes += size_of(timer)
        heapq.heappush(self._heap, at)
        if len(self._near) > _MOST or (self._bytes > _MOST_BYTES and len(self._near) > 1):
            self._shrink()

    def _remove(self, timer: Timer, epoch: Epoch) -> None:
        if timer.token is not None and timer.caller is not None:
            key = (timer.caller, timer.token)
            held = self._tokens.pop(key, None)
            if held is not None and held.seq != timer.seq:
                self._tokens[key] = held
        self._drop(timer, epoch)

    def _drop(self, timer: Timer, epoch: Epoch) -> None:
        """Remove *timer*, which is not in ``_tokens``."""
        if self._near.pop(timer.seq, None) is not None:
            self._bytes -= size_of(timer)
        if len(self._heap) > 2 * len(self._near) + _CHUNK:
            # Cancelled timers stay in the heap until they are due; those of answered asks may be far from it.
            self._heap = [(timer.due_ms, timer.seq) for timer in self._near.values()]
            heapq.heapify(self._heap)
        if epoch.timers.pop(timer.seq, None) is None:
            epoch.timers_done.append(timer.seq)
            self._gone.add(timer.seq)

    def _extend(self) -> None:
        """Move the horizon forward by one chunk of the store."""
        before = self._horizon
        chunk = self._store.timers_after(*before, _CHUNK, CHUNK_BYTES)
        more = len(chunk) == _CHUNK or sum(map(size_of, chunk)) >= CHUNK_BYTES
        self._horizon = (chunk[-1].due_ms, chunk[-1].seq) if more else _FOREVER
        waiting = [timer for timers in self._uncommitted.values() for timer in timers.values()]
        for timer in (*_within(waiting, before, self._horizon), *chunk):
            # One timer too many moves the horizon back: later timers are loaded again when they are needed.
            if timer.seq not in self._gone and (timer.due_ms, timer.seq) <= self._horizon:
                self._remember(timer)

    def _shrink(self) -> None:
        """Drop the later half from memory, of them or of their bytes: the store and the open epochs have them."""
        nearest = self._nearest()
        self._horizon = nearest[-1]
        uncommitted = {seq for timers in self._uncommitted.values() for seq in timers}
        for seq in [seq for seq, timer in self._near.items() if (timer.due_ms, seq) > self._horizon]:
            timer = self._near.pop(seq)
            self._bytes -= size_of(timer)
            if timer.token is not None and timer.caller is not None and seq not in uncommitted:
                self._tokens.pop((timer.caller, timer.token), None)
        self._heap = nearest
        heapq.heapify(self._heap)

    def _nearest(self) -> list[tuple[int, int]]:
        """The due times and numbers of the next ones, at least one: half of what may be in memory."""
        nearest = heapq.nsmallest(_MOST // 2, ((timer.due_ms, timer.seq) for timer in self._near.values()))
        size = 0
        for count, (_, seq) in enumerate(nearest):
            size += size_of(self._near[seq])
            if count and size > _MOST_BYTES // 2:
                return nearest[:count]
        return nearest


def _within(timers: Iterable[Timer], after: tuple[int, int], upto: tuple[int, int]) -> Iterator[Timer]:
    return (timer for timer in timers if after < (timer.due_ms, timer.seq) <= upto)
