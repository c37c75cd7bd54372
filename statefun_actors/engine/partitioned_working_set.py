"""``PartitionedWorkingSet``: the working set of one partition. Messages for the others become records of egresses.

The epoch of the sender holds such a record, so the message is as durable as its other effects. A sink hands it over to
its partition, whose source drops repeats (:mod:`statefun_actors.connectors.partitions`).
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Final

import msgspec

from statefun_actors.address import Address
from statefun_actors.engine.working_set import WorkingSet
from statefun_actors.model import INGRESS, Headers, TypedValue
from statefun_actors.partitions import Partition, call_id, link, partition_of, partition_of_call, write_envelope
from statefun_actors.store import FORMER_CALLERS, EgressRecord

_known_partition_of: Final = lru_cache(50_000)(partition_of)


class PartitionedWorkingSet(WorkingSet):
    """The working set of one partition.

    It is a separate class, so that an engine without partitions pays nothing for it.
    """

    @cached_property
    def _partition(self) -> Partition:
        assert self._options.partition is not None
        return self._options.partition

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
        to = self._partition_of_call(target[1])
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
        placed = self._partition.placed
        if placed and (former := placed.get(target[0])) is not None:
            target = Address(former, target[1])
        return _known_partition_of(target, self._partition.count)

    def _partition_of_call(self, id: str) -> int:
        former = self._former_callers.get(id)
        return partition_of_call(id) if former is None else former

    @cached_property
    def _former_callers(self) -> dict[str, int]:
        """Where callers wait whose message is from before the number of partitions was changed."""
        text = self._store.recover().positions.get(FORMER_CALLERS)
        return {} if text is None else msgspec.json.decode(text, type=dict[str, int])

    def _hand_over(
        self, to: int, target: Address, value: TypedValue, caller: Address | None, headers: Headers | None
    ) -> None:
        written = write_envelope(target, value, caller, headers)
        self.epoch.egress.append(EgressRecord(self.seq(), link(to), written))
