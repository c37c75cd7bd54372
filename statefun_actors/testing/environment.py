"""The surroundings of an engine under test: its clock, store, options, and injected faults."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from datetime import datetime
from typing import Final

import attrs

from statefun_actors.dispatch import Application, Dispatch
from statefun_actors.engine import Engine, EngineOptions, ManualClock, position_key
from statefun_actors.errors import ValueMismatchError
from statefun_actors.store import EgressRecord, Store
from statefun_actors.testing.faults import (
    FaultClock,
    Faults,
    FaultSink,
    FaultStore,
    GivenUpErrors,
    Hostility,
    LoggedMailboxes,
    LoggedStore,
    MessageLog,
    OvertakingMailboxes,
    RandomChoices,
    jump_text,
)
from statefun_actors.testing.wires import WireTurns

_ALL: Final = 1 << 31


class Environment:
    """The surroundings of one engine under test.

    Args:
        app: the application that runs.
        start: virtual time at the beginning.
        store: None for a memory store.
        options: limits of the engine.
        hostile: the faults to inject: a seed, or faults that are decided elsewhere.
        faults: the kinds of faults of a seed; None for those that change no result.

    Raises:
        ValueMismatchError: faults are combined with a store of the user.
    """

    def __init__(
        self,
        app: Application,
        start: datetime,
        store: Store | None,
        options: EngineOptions,
        hostile: bool | int | Hostility,
        faults: Faults | None = None,
    ) -> None:
        self.hostility: Hostility | None = None
        """The injected faults; None without any."""
        self.given_up = GivenUpErrors()
        """The errors of messages that were given up under faults."""
        self.clock: ManualClock
        self.store: Store
        self._mailboxes: OvertakingMailboxes | None = None
        self.sinks: dict[str, FaultSink] = {}
        """The sinks with faults, by egress: one is added with the first record. Empty without such faults."""
        if hostile is False:
            self.store = store if store is not None else LoggedStore()
            # If the store has data of an earlier run, tokens of that run are not repeated.
            self.clock = ManualClock(start, seed=self.store.recover().next_seq)
            self.log = MessageLog(app, self.clock.now_ms())
            make = functools.partial(LoggedMailboxes, log=self.log, now_ms=self.clock.now_ms)
            self.options = attrs.evolve(options, mailboxes=make)
        else:
            if store is not None:
                raise ValueMismatchError("no store= with hostile=, which kills the engine around its commits", "both")
            if not isinstance(hostile, Hostility):
                seed = 0 if hostile is True else hostile
                hostile = Hostility(Faults() if faults is None else faults, RandomChoices(seed))
            self._bring(app, start, options, hostile)
        if isinstance(self.store, LoggedStore):
            self.store.note_in(self.log, self.clock.now_ms)

    def _bring(self, app: Application, start: datetime, options: EngineOptions, hostility: Hostility) -> None:
        self.hostility = hostility
        self.clock = clock = FaultClock(start, seed=hostility.tokens)
        self.store = FaultStore(hostility, clock, self._open_egress)
        self.log = MessageLog(app, clock.now_ms())
        for line in hostility.describe():
            self.log.fault(clock.now_ms(), line)
        self.options = attrs.evolve(
            options,
            batch=hostility.batch or options.batch,
            epoch_steps=hostility.epoch or options.epoch_steps,
            cache_bytes=0 if hostility.reloads else options.cache_bytes,
            twice=hostility.twice or options.twice,
            mailboxes=functools.partial(self._overtaking, hostility),
            around=self.given_up.around(None if app.renamed else _wires(app, hostility.wires)),
        )

    def _open_egress(self, name: str) -> None:
        """Add a sink, from now on, for the egress *name*, whose first record is about to be committed."""
        if (hostility := self.hostility) is not None and hostility.sinks:
            self.sinks[name] = FaultSink(name, hostility, lambda text: self.log.fault(self.clock.now_ms(), text))

    def _overtaking(self, hostility: Hostility, *args: object) -> OvertakingMailboxes:
        make = functools.partial(OvertakingMailboxes, log=self.log, now_ms=self.clock.now_ms, hostility=hostility)
        self._mailboxes = mailboxes = make(*args)  # type: ignore[arg-type] # handed on as they come
        return mailboxes

    def jump(self) -> None:
        """Let the clock jump, if that is among the faults."""
        if self.hostility is not None and (jump := self.hostility.jump_ms()):
            self.clock.set_ms(self.clock.now_ms() + jump)
            self.log.fault(self.clock.now_ms(), jump_text(jump))

    def without_kills(self) -> contextlib.AbstractContextManager[None]:
        """Inside, the engine is not killed."""
        return contextlib.nullcontext() if self.hostility is None else self.hostility.without_kills()

    async def settled(self, engine: Engine) -> None:
        """Wait until nothing is left to do at this virtual time, late messages included.

        Raises:
            AssertionError: an egress record was lost, written twice or out of order.
        """
        await self._settled(engine)
        self._check_sinks()

    async def _settled(self, engine: Engine) -> None:
        for sink in self.sinks.values():
            sink.retry()
        await engine.settled()
        while self.hostility is not None and self._mailboxes is not None and self._mailboxes.late:
            due = engine.view.next_due()
            if due is not None and self.hostility.timeout_first():
                self.log.fault(self.clock.now_ms(), "time passes: an answer is late")
                self.clock.set_ms(max(due, self.clock.now_ms()))
                engine.wake()
                await engine.settled()
            self._mailboxes.arrive_late()
            engine.wake()
            await engine.settled()

    def written(self) -> list[EgressRecord]:
        """The records that sinks have written, which the store does not have any more."""
        waiting = {record.seq for record in self.store.egress_after(0, _ALL, list(self.sinks))}
        return [record for sink in self.sinks.values() for record in sink.written if record.seq not in waiting]

    def _check_sinks(self) -> None:
        for name, sink in self.sinks.items():
            waiting = [record.seq for record in self.store.egress_after(0, _ALL, [name])]
            assert isinstance(self.store, FaultStore)
            fault = sink.fault(self.store.sent_out.get(name, []), waiting, self.store.positions.get(position_key(name)))
            if fault is not None:
                raise AssertionError(fault)


def _wires(app: Application, first: int) -> Callable[[Dispatch], Dispatch] | None:
    """What makes batches take wires in turn, from path *first* on; None if that is 0."""
    if not first:
        return None
    return WireTurns(app, first - 1).around
