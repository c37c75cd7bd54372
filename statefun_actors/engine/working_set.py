"""``WorkingSet``: the engine's state in memory, as one object that can be dropped.

It is built from the store alone. After a failed commit, the engine drops it and builds a new one. The outcome of a
handler that was suspended meanwhile belongs to the dropped one, and does not change the new one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain, islice

from statefun_actors.address import Address
from statefun_actors.asking import REPLY
from statefun_actors.dispatch import Instruments
from statefun_actors.engine.call import Call
from statefun_actors.engine.callers import Callers
from statefun_actors.engine.dead_letters import DeadLetters
from statefun_actors.engine.entering import Entering
from statefun_actors.engine.entity_cache import EntityCache
from statefun_actors.engine.epoch import Epoch
from statefun_actors.engine.expired_rows import ExpiredRows
from statefun_actors.engine.options import EngineOptions
from statefun_actors.engine.outbox import Outbox
from statefun_actors.engine.ports import Sink, Source
from statefun_actors.engine.served_states import ServedStates
from statefun_actors.engine.timers import Timers
from statefun_actors.history import Recorded
from statefun_actors.model import INGRESS, Headers, TypedValue
from statefun_actors.store import (
    CHUNK_BYTES,
    Commit,
    EntityRecord,
    Message,
    Pauses,
    Recovered,
    Store,
    Timer,
    expire,
    pauses_position,
    read_pauses,
    size_of,
)


class WorkingSet:
    """The open epoch, the cache, the mailboxes, the timers, and the callers outside."""

    def __init__(
        self,
        shape: ServedStates,
        store: Store,
        sources: Mapping[str, Source],
        sinks: Mapping[str, Sink],
        options: EngineOptions,
        instruments: Instruments,
        now_ms: Callable[[], int],
    ) -> None:
        self._shape, self._store, self._expiring = shape, store, shape.expiring
        recovered = store.recover()
        self._next_seq = recovered.next_seq
        self.epoch = Epoch(1)
        self._sealed: Epoch | None = None
        """The epoch that is being written."""
        self._sealed_seq = self._next_seq
        """The first seq that is not in it."""
        self.cache = EntityCache(store, shape.names, options.cache_bytes)
        self.timers = Timers(store)
        self.dead_letters = DeadLetters(store)
        self.callers = Callers(store, recovered.next_seq)
        self._options = options
        self._mailbox = options.mailbox
        self.mailboxes = options.mailboxes(shape.served, options.mailbox, self._messages_to, shape.durable_first)
        self.mailboxes.limit(options.held, options.held_bytes)
        self._resume_pauses(recovered)
        for message in store.messages():
            self.mailboxes.deliver_durable(message)
            self.mailboxes.relieve()
        for name, source in sources.items():
            source.resume(recovered.positions.get(f"source:{name}"))
        self.outbox = Outbox(sinks, store, recovered, lambda: self.epoch, self.seq, instruments, now_ms)
        shapes = {name: shape for name, shape in shape.texts.items() if recovered.positions.get(name) != shape}
        self._with_next: Mapping[str, str] = {**shapes, **self.outbox.started}
        """Positions that the next commit writes: shapes, where those in the store differ, and the start."""
        if recovered.positions:  # so the next start does not check the same data again
            self.epoch.positions.update(shapes)
        self.reading: Source | None = None
        """The source whose messages are being added to the open epoch."""
        self.entering = Entering()
        self.lost = False
        """Whether an epoch of it is lost, so it has changes that the store will never have: it must be dropped."""
        self.direct = True
        """Whether messages from outside enter the open epoch at once: not after a loss, and not in isolation."""
        self.open_asks: int | None = None
        """The number of open asks; None: no instrument needs it."""
        if instruments.epoch_committed.heard:
            self.open_asks = store.kept_for(REPLY).entities
        self._fired_bytes = 0
        """The bytes of the delayed messages that were delivered in the open epoch."""
        self.fired: Callable[[Timer], None] = _ignored
        """Called with each delayed message before it is delivered."""
        self.record_history: Callable[[Epoch], Recorded | None] | None = None
        """Packs the history of a sealed epoch; None: nothing is recorded."""
        self.expiring = ExpiredRows(store, self.cache, self.mailboxes, shape)

    def _resume_pauses(self, recovered: Recovered) -> None:
        """What was paused still is."""
        if pauses := read_pauses(recovered):
            self.mailboxes.set_pauses(pauses)

    def pause(self, pauses: Pauses) -> None:
        """From now on, *pauses* are paused, and nothing else is."""
        self.epoch.positions.update(pauses_position(pauses))
        self.mailboxes.set_pauses(pauses)

    def seq(self) -> int:
        """The next sequence number."""
        seq = self._next_seq
        self._next_seq = seq + 1
        return seq

    @property
    def next_seq(self) -> int:
        """The sequence number that :meth:`seq` returns next."""
        return self._next_seq

    def call_id(self) -> str:
        """The id of a new call from outside."""
        return str(self.seq())

    def is_elsewhere(self, target: Address) -> bool:  # noqa: ARG002 - a partition overrides it
        """Whether another engine has *target*, so that its messages don't enter the mailboxes here."""
        return False

    def post(self, target: Address, value: TypedValue, caller: Address | None, headers: Headers | None = None) -> None:
        """A new message."""
        seq = self._next_seq
        self._next_seq = seq + 1
        self.epoch.messages[seq] = message = Message(seq, target, value, caller, headers)
        self.mailboxes.deliver(message)

    def send(self, target: Address, value: TypedValue, sender: Address | None, headers: Headers | None = None) -> None:
        """Add a message of *sender*: a new one, or a reply to a call from outside."""
        if target[0] == INGRESS:
            self.callers.reply(target[1], value, self.epoch)
        else:
            self.post(target, value, sender, headers)

    def stand_in(self, address: Address, call: Call) -> None:
        """Redirect messages for *address* to *call*, until :meth:`stand_back`."""
        self.callers.stand_ins[address] = call
        self.send = self._send_or_answer  # type: ignore[method-assign] # so that all others pay nothing for it

    def adopt(self, lost: WorkingSet) -> None:
        """Take over the calls that wait for messages of the store from a *lost* working set."""
        self.callers.adopt(lost.callers)
        for address, call in lost.callers.stand_ins.items():
            self.stand_in(address, call)

    def stand_back(self, address: Address) -> None:
        """Undo :meth:`stand_in`."""
        self.callers.stand_ins.pop(address, None)
        if not self.callers.stand_ins:
            self.__dict__.pop("send", None)

    def _send_or_answer(
        self, target: Address, value: TypedValue, sender: Address | None, headers: Headers | None = None
    ) -> None:
        call = self.callers.stand_ins.get(target)
        if call is None:
            type(self).send(self, target, value, sender, headers)
        else:
            call.replied(value, self.epoch)

    def _messages_to(self, target: Address, after: int, count: int) -> list[Message]:
        """The first of *count* messages to *target*, at most as many as a mailbox holds, and not many large ones."""
        most = min(count, self._mailbox)
        messages = self._store.messages_to(target, after, most, CHUNK_BYTES)
        if len(messages) < most and sum(map(size_of, messages)) < CHUNK_BYTES:
            after = messages[-1].seq if messages else after
            # The store may already have the messages of the epoch being written.
            epochs = (epoch.messages.values() for epoch in (self._sealed, self.epoch) if epoch is not None)
            rest = (m for m in chain.from_iterable(epochs) if m.seq > after and m.target == target)
            messages += islice(rest, most - len(messages))
        return messages

    def post_later(
        self,
        due_ms: int,
        target: Address,
        value: TypedValue,
        caller: Address | None,
        token: str | None,
        headers: Headers | None = None,
    ) -> None:
        """Add a delayed message."""
        self.timers.add(Timer(self.seq(), due_ms, target, value, caller, token, headers), self.epoch)

    def deliver(self, timer: Timer) -> None:
        """Deliver the delayed message of *timer*, which is due or which an operator fires."""
        self.fired(timer)
        self.epoch.counters.timers_fired += 1
        self.send(timer.target, timer.value, timer.caller, timer.headers)

    def fire(self, now_ms: int, most: int) -> None:
        """Deliver at most *most* delayed messages that are due: fewer if they are large, since an epoch keeps them."""
        if self.epoch.empty:
            self._fired_bytes = 0
        if most > 0 and self._fired_bytes < CHUNK_BYTES:
            for timer in islice(self.timers.take_due(now_ms, self.epoch), most):
                self.deliver(timer)
                self._fired_bytes += size_of(timer)
                if self._fired_bytes >= CHUNK_BYTES:
                    return

    def next_due(self) -> int | None:
        """The due time of the next delayed message or retry, in milliseconds since 1970."""
        times = [due for due in (self.timers.next_due(), self.mailboxes.next_retry()) if due is not None]
        return min(times, default=None)

    def record(self, address: Address, now_ms: Callable[[], int]) -> EntityRecord:
        """The entity at *address*, without expired states. Raises DamagedStateError if it can't be read."""
        record = self.cache.get(address)
        specs = self._expiring.get(address[0])
        if specs is not None:
            expire(record, specs, now_ms())
        return record

    def at_rest(self, address: Address) -> bool:
        """Whether a message to *address*, which is served, could run at once, before all others that come later."""
        paused, stand_ins = self.mailboxes.paused, self.callers.stand_ins
        return (
            self.direct
            and self.mailboxes.of(address) is None
            and not (paused.pauses and paused.covers(address))
            and not (stand_ins and address in stand_ins)
        )

    def drop(self, address: Address) -> None:
        """Forget the record of *address*, which is empty and never was in an epoch before the open one."""
        self.cache.forget(address)
        self.epoch.entities.pop(address, None)

    def changed(self, address: Address, record: EntityRecord) -> None:
        """Write *record* of *address* with the open epoch."""
        record.epoch = self.epoch.number
        self.epoch.entities[address] = record

    def sweep(self, now_ms: int) -> None:
        """Delete rows whose states have all expired, a bounded number at a time."""
        for address, expired in self.expiring.sweep(now_ms):
            if expired:
                self.epoch.removed[address] = None
            else:
                self.changed(address, self.cache.get(address))

    def seal(self) -> Epoch:
        """Close the open epoch and begin the next one."""
        self._sealed = sealed = self.epoch
        self._sealed_seq = self._next_seq
        self.epoch, self._fired_bytes = Epoch(sealed.number + 1), 0
        sealed.positions.update(self._with_next)
        self._with_next = {}
        return sealed

    def commit(self, sealed: Epoch) -> Commit:
        """The commit of *sealed*, which was just closed.

        Raises:
            ValueError, TypeError, OverflowError: a state can't be packed.
        """
        if self.record_history is not None:
            sealed.history_recorded = self.record_history(sealed)
        commit = sealed.seal(self._expiring, self._next_seq)
        self.cache.bytes += sealed.grown
        return commit

    def durable(self, sealed: Epoch) -> None:
        """*sealed* is durable: make its effects visible outside."""
        self._sealed = None
        self.cache.durable_epoch = sealed.number
        if self.open_asks is not None:
            self.open_asks += sealed.asks
        self.timers.durable(sealed)
        self.dead_letters.durable(sealed)
        self.outbox.durable(sealed.egress)
        self.callers.durable(sealed, self._sealed_seq)
        if self.mailboxes.not_durable:
            self.mailboxes.release(self._sealed_seq)
        sealed.end(None)
        self.cache.forget_emptied(sealed.emptied)
        self.cache.evict()


def _ignored(timer: Timer) -> None:
    """No instrument listens."""
