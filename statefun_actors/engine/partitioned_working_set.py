"""``PartitionedWorkingSet``: the working set of one partition. Messages for the others become records of egresses.

The epoch of the sender holds such a record, so the message is as durable as its other effects. A sink hands it over to
its partition, whose source drops repeats (:mod:`statefun_actors.connectors.partitions`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from statefun_actors.address import Address
from statefun_actors.dispatch import Instruments
from statefun_actors.engine.options import EngineOptions
from statefun_actors.engine.ports import Sink, Source
from statefun_actors.engine.served_states import ServedStates
from statefun_actors.engine.working_set import WorkingSet
from statefun_actors.model import INGRESS, Headers, TypedValue
from statefun_actors.partitions import call_id, link, partition_of, partition_of_call, write_envelope
from statefun_actors.store import EgressRecord, Store

_MOST_KNOWN: Final = 50_000


class PartitionedWorkingSet(WorkingSet):
    """The working set of one partition.

    It is a separate class, so that an engine without partitions pays nothing for it.
    """

    def __init__(
        self,
        shape: ServedStates,
        store: Store,
        sources: Mapping[str, Source],
        sinks: Mapping[str, Sink],
        options: EngineOptions,
        instruments: Instruments,
    ) -> None:
        super().__init__(shape, store, sources, sinks, options, instruments)
        assert options.partition is not None
        self._partition = options.partition
        self._known: dict[Address, int] = {}
        """The partitions of recent targets."""

    def post(self, target: Address, value: TypedValue, caller: Address | None, headers: Headers | None = None) -> None:
        to = self._partition_of(target)
        if to == self._partition.own:
            super().post(target, value, caller, headers)
        else:
            self._hand_over(to, target, value, caller, headers)

    def send(self, target: Address, value: TypedValue, sender: Address | None, headers: Headers | None = None) -> None:
        if target[0] != INGRESS:
            self.post(target, value, sender, headers)
            return
        to = partition_of_call(target[1])
        if to == self._partition.own:
            super().send(target, value, sender, headers)
        elif to < self._partition.count:  # else its caller waited before the number of partitions was changed
            self._hand_over(to, target, value, sender, headers)

    def call_id(self) -> str:
        return call_id(self._partition.own, self.seq())

    def is_elsewhere(self, target: Address) -> bool:
        return self._partition_of(target) != self._partition.own

    def at_rest(self, address: Address) -> bool:
        return not self.is_elsewhere(address) and super().at_rest(address)

    def _partition_of(self, target: Address) -> int:
        to = self._known.get(target)
        if to is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            to = self._known[target] = partition_of(target, self._partition.count)
        return to

    def _hand_over(
        self, to: int, target: Address, value: TypedValue, caller: Address | None, headers: Headers | None
    ) -> None:
        written = write_envelope(target, value, caller, headers)
        self.epoch.egress.append(EgressRecord(self.seq(), link(to), written))
