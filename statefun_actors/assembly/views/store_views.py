"""``StoreViews``: the content of a store as Python values."""

from __future__ import annotations

from typing import Any as Untyped

import attrs

from statefun_actors.address import Address
from statefun_actors.assembly.views.history import HistoryEntry, history_seen
from statefun_actors.assembly.views.pending import PendingViews
from statefun_actors.calls import NotServedError
from statefun_actors.dispatch import Application, ServedFunction, value_inside
from statefun_actors.engine import Clock
from statefun_actors.entity import hydrate
from statefun_actors.errors import ValueMismatchError
from statefun_actors.model import State
from statefun_actors.store import StoreReader, expire, unpack
from statefun_actors.types import value_of


@attrs.frozen
class DeadLetterView:
    """A message that was given up, and why. Of an answer, *message* is the answer itself."""

    target: Address
    message: object
    error_type: str
    error: str
    attempts: int


class StoreViews(PendingViews):
    """The content of *store* as of its last commit, for *app*."""

    def __init__(self, app: Application, store: StoreReader, clock: Clock) -> None:
        super().__init__(app, store)
        self._clock = clock

    def state(self, address: Address) -> Untyped:
        """The entity at *address*: a detached instance, absent fields read as their defaults.

        For a function: its states by name, as Python values.

        Raises:
            NotServedError: nothing here serves *address*.
            ValueMismatchError: *address* is not an address.
            StateDecodeError: a stored value does not fit its field.
            StoreError: the store can't be read.
        """
        return self.shown(address, self._stored(address))

    def exists(self, address: Address) -> bool:
        """Whether a state of the entity at *address* is stored and has not expired. Raises as :meth:`state` does."""
        return any(value is not None for value in self._stored(address).values())

    def _stored(self, address: Address) -> State:
        if not isinstance(address, Address):
            expected = "an address: Account.at('ada') or Address('bank/account', 'ada')"
            raise ValueMismatchError(expected, f"{address!r} ({type(address).__name__})")
        served = self.served(address)
        address = self._app.current(address)
        (packed,) = self._store.load([address])
        record = unpack(address, packed, served.state_names)
        expire(record, served.function.states, self._clock.now_ms())
        return record.state

    def shown(self, address: Address, state: State) -> Untyped:
        """*state* of the entity at *address*: a detached instance; of a function, its states by name.

        Raises:
            NotServedError: nothing here serves *address*.
            StateDecodeError: a value in *state* does not fit its field.
        """
        cls = getattr(self.served(address).function, "cls", None)
        if cls is not None:
            return hydrate(cls, self._app.current(address), state)
        known = self._app.codecs()
        return {name: value_of(value, known) for name, value in state.items() if value is not None}

    def entities(self, of: type | str, prefix: str = "") -> list[Address]:
        """The addresses of the entities of the class or function type *of* whose ids begin with *prefix*, sorted.

        Raises:
            NotServedError: nothing here serves *of*.
            StoreError: the store can't be read.
        """
        typename = of if isinstance(of, str) else of.__function_type__.typename  # type: ignore[attr-defined]
        function = self.served(Address(typename, prefix or "*")).function
        now, specs = self._clock.now_ms(), function.states
        found = []
        for row in self._store.entities(function.typename, prefix):
            record = unpack(row.address, row.packed, ())
            expire(record, specs, now)
            if any(value is not None for value in record.state.values()):
                found.append(row.address)
        return found

    def history(self, address: Address) -> list[HistoryEntry]:
        """What happened to the entity at *address*, newest first.

        Raises:
            NotServedError: nothing here serves *address*.
            StoreError: the store can't be read, or a row of its history is damaged.
        """
        self.served(address)
        return list(history_seen(self._app, self._store, self._app.current(address)))

    def dead_letters(self) -> list[DeadLetterView]:
        """The dead letters that have been neither retried nor discarded, oldest first."""
        known = self._app.codecs()
        return [
            DeadLetterView(
                entry.message.target,
                value_of(value_inside(entry.message.value), known),
                entry.error_type,
                entry.error,
                entry.attempts,
            )
            for entry in self._store.dead_letters()
        ]

    def served(self, address: Address) -> ServedFunction:
        """The served function of *address*. Raises NotServedError: nothing here serves it."""
        served = self._app.served_function(address.typename)
        if served is None:
            raise NotServedError(address, f"this engine runs {', '.join(self._app.typenames) or 'nothing'}")
        return served
