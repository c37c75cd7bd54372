"""Control of a store without an engine: one commit for each call."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from statefun_actors.address import Address
from statefun_actors.admin.answering import cancellation, check_open
from statefun_actors.admin.control.engine_state import EngineState
from statefun_actors.admin.control.failure_rows import failure_rows
from statefun_actors.admin.control.interface import DeadLetterRetry, FieldEdit, Posting, TimerKey
from statefun_actors.admin.views.timers import is_own
from statefun_actors.asking import REPLY
from statefun_actors.engine import (
    CHANGED,
    Clock,
    DroppedError,
    FailingMessage,
    NoDeadLetterError,
    NotFailingError,
    NoTimerError,
    NotSetError,
)
from statefun_actors.history import Kind, Step, append_steps, discarded_step, dropped_step, type_address
from statefun_actors.model import Expiration, TypedValue
from statefun_actors.partitions import Partition
from statefun_actors.store import (
    Commit,
    DeadLetterEntry,
    EntityRow,
    HistoryRow,
    Message,
    PauseTarget,
    Store,
    Timer,
    change,
    expire,
    expires_ms,
    pack,
    pauses_position,
    read_pauses,
    unpack,
    with_pauses,
    without_pauses,
)
from statefun_actors.text import describe_error, describe_type


class StoreControl:
    """The control of *store*, which it closes. No engine runs on it: this process holds its lock.

    *partition*: which one the store is, if its system has several.
    """

    def __init__(self, store: Store, clock: Clock, partition: Partition | None = None) -> None:
        self._store, self._clock, self._partition = store, clock, partition

    async def send(self, postings: Sequence[Posting]) -> None:
        first = self._store.recover().next_seq
        now_ms = self._clock.now_ms()
        messages: list[Message] = []
        timers: list[Timer] = []
        for seq, posting in enumerate(postings, first):
            if posting.delay_ms > 0:
                timers.append(Timer(seq, now_ms + posting.delay_ms, posting.target, posting.value))
            else:
                messages.append(Message(seq, posting.target, posting.value))
        await self._store.commit(Commit(messages=messages, timers=timers, next_seq=first + len(postings)))

    async def retry(self, letters: Sequence[DeadLetterRetry]) -> None:
        values = {letter.seq: letter.value for letter in letters}
        first = self._store.recover().next_seq
        messages: list[Message] = []
        for seq, entry in enumerate(self._entries(values), first):
            message, value = entry.message, values[entry.seq]
            value = message.value if value is None else value
            messages.append(Message(seq, message.target, value, message.caller, message.headers))
        await self._store.commit(
            Commit(messages=messages, dead_letters_done=list(values), next_seq=first + len(messages))
        )

    async def discard(self, seqs: Sequence[int]) -> None:
        letters, now_ms = self._entries(dict.fromkeys(seqs)), self._clock.now_ms()
        history = append_steps(self._store, [discarded_step(letter, now_ms) for letter in letters])
        await self._store.commit(Commit(dead_letters_done=[letter.seq for letter in letters], history=history))

    async def fire_timers(self, timers: Sequence[TimerKey]) -> None:
        """They are due now, so that the next run delivers them as an engine delivers all others."""
        found, now_ms = self._timers(timers), self._clock.now_ms()
        first = self._store.recover().next_seq
        due = [replace(timer, seq=seq, due_ms=now_ms) for seq, timer in enumerate(found, first)]
        done = [timer.seq for timer in found]
        await self._store.commit(Commit(timers=due, timers_done=done, next_seq=first + len(due)))

    async def cancel_timers(self, timers: Sequence[TimerKey]) -> None:
        await self._store.commit(Commit(timers_done=[timer.seq for timer in self._timers(timers)]))

    def _timers(self, keys: Sequence[TimerKey]) -> list[Timer]:
        found: list[Timer] = []
        for key in dict.fromkeys(keys):
            timer = next(iter(self._store.timers_after(key.due_ms, key.seq - 1, 1)), None)
            if timer is None or (timer.due_ms, timer.seq) != (key.due_ms, key.seq) or is_own(timer):
                raise NoTimerError(key.seq)
            found.append(timer)
        return found

    async def set_field(self, edit: FieldEdit) -> None:
        (packed,) = self._store.load([edit.address])
        record, now_ms = unpack(edit.address, packed, ()), self._clock.now_ms()
        expire(record, edit.states, now_ms)
        if record.state.get(edit.state) != edit.before:
            raise NotSetError(edit.address, edit.state, CHANGED)
        expires = any(spec.expiration is not Expiration.NONE for spec in edit.states)
        change(record, {edit.state: edit.value}, now_ms, expires=expires)
        row = EntityRow(edit.address, pack(record), expires_ms(record, edit.states))
        edited = Step(edit.address, now_ms, Kind.EDITED, changes=[(edit.state, edit.before, edit.value)])
        history = append_steps(self._store, [edited])
        await self._store.commit(Commit(entities=[row], history=history))

    async def answer(self, token: str, value: TypedValue) -> None:
        await self._end_ask(Address(REPLY, token), value, None)

    async def cancel_ask(self, token: str) -> None:
        target = Address(REPLY, token)
        await self._end_ask(target, *cancellation(target))

    async def _end_ask(self, target: Address, value: TypedValue, caller: Address | None) -> None:
        check_open(self._store, target, self._clock.now_ms())
        seq = self._store.recover().next_seq
        await self._store.commit(Commit(messages=[Message(seq, target, value, caller)], next_seq=seq + 1))

    async def failing(self) -> list[FailingMessage]:
        return []

    async def state(self) -> EngineState:
        return EngineState(waiting=self._store.counts()["messages"])

    async def retry_failing(self, addresses: Sequence[Address]) -> None:
        self._first_messages(addresses)

    async def drop_failing(self, addresses: Sequence[Address], *, discard: bool = False) -> None:
        messages = self._first_messages(addresses)
        first, now_ms, error = self._store.recover().next_seq, self._clock.now_ms(), DroppedError()
        letters = [
            DeadLetterEntry(seq, message, describe_type(error), describe_error(error), 0, now_ms)
            for seq, message in enumerate(messages, first)
        ]
        dropped = [dropped_step(message, now_ms, discard=discard) for message in messages]
        failures = failure_rows(self._store, messages, error, first + len(letters), self._partition)
        await self._store.commit(
            Commit(
                messages_done=[message.seq for message in messages],
                messages=failures.messages,
                egress=failures.egress,
                requests=failures.requests,
                dead_letters=[] if discard else letters,
                next_seq=failures.next_seq,
                history=append_steps(self._store, dropped),
            )
        )

    def _first_messages(self, addresses: Sequence[Address]) -> list[Message]:
        found: list[Message] = []
        for address in dict.fromkeys(addresses):
            messages = self._store.messages_to(address, 0, 1)
            if not messages:
                raise NotFailingError(address, "it has no message")
            found += messages
        return found

    async def pause(self, targets: Sequence[PauseTarget]) -> None:
        before = read_pauses(self._store.recover())
        pauses = with_pauses(before, targets, self._clock.now_ms())
        history = self._recorded(Kind.PAUSED, pauses.keys() - before.keys())
        await self._store.commit(Commit(positions=pauses_position(pauses), history=history))

    async def resume(self, targets: Sequence[PauseTarget]) -> None:
        pauses = without_pauses(read_pauses(self._store.recover()), targets)
        history = self._recorded(Kind.RESUMED, targets)
        await self._store.commit(Commit(positions=pauses_position(pauses), history=history))

    def _recorded(self, kind: Kind, targets: Iterable[PauseTarget]) -> list[HistoryRow]:
        now_ms = self._clock.now_ms()
        addresses = [type_address(target) if isinstance(target, str) else target for target in targets]
        return append_steps(self._store, [Step(address, now_ms, kind) for address in addresses])

    async def close(self) -> None:
        self._store.close()

    def _entries(self, seqs: Iterable[int]) -> list[DeadLetterEntry]:
        found: list[DeadLetterEntry] = []
        for seq in seqs:
            entry = self._store.dead_letter(seq)
            if entry is None:
                raise NoDeadLetterError(seq)
            found.append(entry)
        return found
