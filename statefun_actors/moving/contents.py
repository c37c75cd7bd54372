"""``StoreContents``: what of a store moves to a Flink job, and what is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct, field

from statefun_actors.address import Address
from statefun_actors.asking import (
    OWN_FUNCTIONS,
    REPLY,
    SCHEDULE,
    DelayedMessage,
    Restore,
    WaitingMessage,
    short_address,
)
from statefun_actors.deploy import Module
from statefun_actors.dispatch import Application
from statefun_actors.model import INGRESS, Expiration, TypedValue
from statefun_actors.moving.hold import Hold
from statefun_actors.moving.left import Left
from statefun_actors.moving.parties import parties_of_message, parties_of_state
from statefun_actors.moving.parts import Part, delayed_parts, states_part, waiting_parts
from statefun_actors.moving.readiness import refuse_unfinished
from statefun_actors.moving.tokens import Tokens
from statefun_actors.store import CHUNK_BYTES, EntityRow, Message, ReadOnlyStore, Timer, expire, read_pauses, unpack

_CHUNK: Final = 500
_INPUT: Final = "source:"
"""The names of the positions in inputs begin with it."""


class _Following(Struct):
    """What follows from the state of one entity: the messages that it has delayed, and those that wait for it."""

    delayed: list[DelayedMessage] = field(default_factory=list)
    waiting: list[WaitingMessage] = field(default_factory=list)


class StoreContents:
    """The content of *store*, for the job of *module*, which *app* is served to. Reads waiting and delayed messages.

    Args:
        store: no engine may run on it.
        app: function types that it does not serve are left.
        module: function types that it does not route are left; so are messages to them, which would fail the job.
        now_ms: the time, in milliseconds since 1970: expired states are left out.
        leave_egress: whether egress records that no target has taken may stay behind.

    Raises:
        StoreError: the store can't be read.
        SharedTokenError: two delayed messages have one cancellation token in Flink.
        MoveStoppedError: the engine has something to do first: egress records, or messages for what is paused.
    """

    def __init__(
        self, store: ReadOnlyStore, app: Application, module: Module, now_ms: int, *, leave_egress: bool = False
    ) -> None:
        self._store, self._app, self._module, self._now_ms = store, app, module, now_ms
        self._left: dict[str, Left] = {}
        self.counts = Counter[str]()
        """The numbers of ``entities``, ``asks``, ``schedules``, ``delayed`` and ``waiting``, of what has been given."""
        self.renewed = 0
        """The number of states with a time to live, which begins anew in Flink."""
        self._paused = Counter[str]()
        """By what is paused, the number of messages that wait for it, are delayed to it, or recur there."""
        self._pauses = read_pauses(store.recover())
        self._unrouted: set[Address] = set()
        """Asks and recurring messages that concern function types which module.yaml does not route."""
        self._following: dict[Address, _Following] = {}
        self.outside: list[Timer] = []
        """Delayed messages from outside, which no entity has sent."""
        for typename in OWN_FUNCTIONS:
            for row in store.entities(typename):
                self._converse(row)
        for message in store.messages():
            self._wait(message)
        self._tokens = Tokens(app)
        after = (-(1 << 63), -1)
        while timers := store.timers_after(*after, _CHUNK, CHUNK_BYTES):
            for timer in timers:
                self._delay(timer)
            after = (timers[-1].due_ms, timers[-1].seq)
        egress = store.egress_counts()
        refuse_unfinished({} if leave_egress else egress, self._paused)
        self._find_left(egress)

    @property
    def left(self) -> list[Left]:
        """What is not moved. It is complete once :meth:`states` has ended."""
        return list(self._left.values())

    def states(self) -> Iterator[tuple[Address, Iterator[Part]]]:
        """The entities with their states, without what follows from these.

        Raises:
            StoreError, DamagedStateError: the store, or an entity, can't be read.
        """
        for typename in self._store.types():
            served = self._serves(typename)
            for row in self._store.entities(typename):
                if row.address in self._unrouted:
                    continue
                if not served:
                    self._leave("entities of function types that are not served and routed", row.address)
                elif (content := self._states(row)) is not None:
                    yield row.address, iter([states_part(content, row.packed or b"")])

    def delayed(self, hold: Hold) -> Iterator[tuple[Address, Iterator[Part]]]:
        """By entity, the messages that it has delayed, which come due after *hold*."""
        for address, found in self._following.items():
            if found.delayed:
                yield address, delayed_parts(found.delayed, hold.due)

    def waiting(self) -> Iterator[tuple[Address, Iterator[Part]]]:
        """By entity, the messages that wait for it."""
        for address, found in self._following.items():
            if found.waiting:
                yield address, waiting_parts(found.waiting)

    def _states(self, row: EntityRow) -> Restore | None:
        """The states of *row*; None without any."""
        address = row.address
        function = self._app.all_served[address.typename].function
        record = unpack(address, row.packed, ())
        expire(record, function.states, self._now_ms)
        expiring = {spec.name for spec in function.states if spec.expiration is not Expiration.NONE}
        states: dict[str, tuple[str, bytes]] = {}
        for name, value in record.state.items():
            if value is None:
                continue
            if name not in function.state_names:
                self._leave("states that no field reads", address)
                continue
            states[name] = (value.typename, value.value)
            self.renewed += name in expiring
        if not states:
            return None
        if address.typename not in OWN_FUNCTIONS:
            self.counts["entities"] += 1
        elif address.typename == SCHEDULE or (address.typename == REPLY and "ask" in states):
            self.counts["schedules" if address.typename == SCHEDULE else "asks"] += 1
        return Restore(states)

    def _converse(self, row: EntityRow) -> None:
        """Look which entities the ask or the recurring message in *row* concerns."""
        state = unpack(row.address, row.packed, ()).state
        try:
            parties = parties_of_state(row.address, state)
        except ValueError:
            self._unrouted.add(row.address)
            self._leave("asks and recurring messages that can't be read", row.address)
            return
        if not all(self._routes(each.typename) for each in parties):
            self._unrouted.add(row.address)
            self._leave("asks and recurring messages that concern function types that are not routed", parties[0])
            return
        if parties:
            self._meet(parties[0] if row.address.typename == REPLY else parties[1])

    def _wait(self, message: Message) -> None:
        target, caller = message.target, message.caller
        if target in self._unrouted:
            return  # it belongs to what is left
        if not (
            self._serves(target.typename)
            and (caller is None or self._routes(caller.typename))
            and self._concerns_routed(message.value)
        ):
            self._leave("waiting messages of function types that are not served and routed", target)
            return
        self._meet(target)
        self.counts["waiting"] += 1
        value = (message.value.typename, message.value.value)
        self._after(target).waiting.append(WaitingMessage(value, _pair(caller)))

    def _delay(self, timer: Timer) -> None:
        target, caller = timer.target, timer.caller
        if target in self._unrouted or caller in self._unrouted:
            return  # it belongs to what is left
        outside = caller is None or caller.typename == INGRESS
        if not (
            (self._serves(target.typename) if outside else self._routes(target.typename))
            and (caller is None or outside or self._serves(caller.typename))
            and self._concerns_routed(timer.value)
        ):
            self._leave("delayed messages of function types that are not served and routed", target)
            return
        self._meet(target)
        self.counts["delayed"] += caller is None or caller.typename not in OWN_FUNCTIONS
        if caller is None or outside:
            self.outside.append(timer)
            return
        if timer.token:
            self._tokens.add(caller, timer.token)
        value = (timer.value.typename, timer.value.value)
        delayed = DelayedMessage(timer.due_ms, (target[0], target[1]), value, timer.token)
        self._after(caller).delayed.append(delayed)

    def _find_left(self, egress_counts: Mapping[str, int]) -> None:
        store = self._store
        for entry in store.dead_letters():
            self._leave("dead letters", entry.message.target)
        for egress, count in egress_counts.items():
            self._of("egress records that no target has taken").add(egress, count)
        for request in store.requests():
            self._leave("idempotency keys", request.target)
        for name in store.recover().positions:
            if name.startswith(_INPUT):
                self._of("positions in inputs").add(name.removeprefix(_INPUT))
        for paused in self._pauses:
            self._of("pauses").add(str(paused))

    def _meet(self, target: Address) -> None:
        """Count a message to *target* if that is paused."""
        if target in self._pauses or target.typename in self._pauses:
            self._paused[str(target if target in self._pauses else target.typename)] += 1

    def _after(self, address: Address) -> _Following:
        return self._following.setdefault(address, _Following())

    def _serves(self, typename: str) -> bool:
        return typename in self._app.all_served and typename != INGRESS and self._routes(typename)

    def _routes(self, typename: str) -> bool:
        return self._module.route(typename) is not None

    def _concerns_routed(self, value: TypedValue) -> bool:
        """Whether each entity that an order or an answer in *value* names is of a routed function type."""
        try:
            return all(self._routes(each.typename) for each in parties_of_message(value))
        except ValueError:  # the job drops it, as the engine does
            return True

    def _leave(self, what: str, address: Address) -> None:
        self._of(what).add(short_address(address))

    def _of(self, what: str) -> Left:
        return self._left.setdefault(what, Left(what))


def _pair(address: Address | None) -> tuple[str, str] | None:
    return None if address is None else (address[0], address[1])
