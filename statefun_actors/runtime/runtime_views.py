"""``RuntimeViews``: what can be read of an engine that runs in this process."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, overload

from statefun_actors.address import Address
from statefun_actors.assembly.views import (
    Ask,
    DeadLetterView,
    FailingView,
    HistoryEntry,
    PendingTimer,
    Schedule,
    StoreViews,
)
from statefun_actors.runtime.running_parts import RunningParts


class RuntimeViews(ABC):
    """The content of the store of a running engine, as Python values, as of its last commit."""

    @property
    @abstractmethod
    def parts(self) -> RunningParts:
        """The parts of the runtime while it runs."""

    def state(self, address: Address) -> Any:
        """The entity at *address* as of the last commit: a detached instance; for a function, its states by name.

        Raises:
            NotServedError: nothing here serves *address*.
            StateDecodeError: a stored value does not fit its field.
        """
        return self.parts.read(lambda views: views.state(address))

    def exists(self, address: Address) -> bool:
        """Whether a field of the entity at *address* is stored. Raises NotServedError: nothing here serves it."""
        return self.parts.read(lambda views: views.exists(address))

    def entities(self, of: type | str, prefix: str = "") -> list[Address]:
        """The addresses of the entities of the class *of* as of the last commit, sorted by id.

        Raises:
            NotServedError: nothing here serves *of*.
        """
        return self.parts.read(lambda views: views.entities(of, prefix))

    @overload
    def history(self, of: type | str, id: str, /) -> list[HistoryEntry]: ...
    @overload
    def history(self, of: Address, /) -> list[HistoryEntry]: ...
    def history(self, of: type | str | Address, id: str | None = None, /) -> list[HistoryEntry]:
        """What happened to one entity, newest first: ``history(Account, "ada")`` or ``history(Account.at("ada"))``.

        The runtime keeps the last ``history=`` messages of each entity, as of the last commit. With 0, the default, no
        history is recorded: start it with ``history=100``. Gaps, where messages of any entities were not recorded,
        since the engine was at its limit or they were too large, are entries of the kind ``not recorded``.

        Raises:
            NotServedError: nothing here serves the entity.
            StoreError: the store can't be read, or a row of its history is damaged.
            TypeError: the id is missing.
        """
        if isinstance(of, Address):
            address = of
        elif id is None:
            name = getattr(of, "__name__", repr(of))
            raise TypeError(f'history({name}, ...) expects an id, got none: write history({name}, "ada")')
        else:
            typename = of if isinstance(of, str) else of.__function_type__.typename  # type: ignore[attr-defined]
            address = Address(typename, id)
        return self.parts.read(lambda views: views.history(address))

    @property
    def dead_letters(self) -> list[DeadLetterView]:
        """The messages that were given up, as of the last commit, oldest first."""
        return self.parts.read(StoreViews.dead_letters)

    @property
    def failing(self) -> list[FailingView]:
        """The messages without a failure policy that keep failing, one for each address, with their next attempts."""
        return self.parts.failing()

    @property
    def timers(self) -> list[PendingTimer]:
        """The delayed messages that have not fired yet, the nearest first. All are read."""
        return self.parts.read(StoreViews.timers)

    @property
    def asks(self) -> list[Ask]:
        """The open asks and reply addresses, the oldest first. All are read."""
        return self.parts.read(StoreViews.asks)

    @property
    def schedules(self) -> list[Schedule]:
        """The recurring messages, ordered by their next firing. All are read."""
        return self.parts.read(StoreViews.schedules)
