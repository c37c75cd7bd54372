"""The partition of an address: a pure function of its text and of the number of partitions.

It must never change: stores keep an entity, and the position of a sink, where this function put it.
``tests/partitions`` compares it with a table.
"""

from __future__ import annotations

from hashlib import blake2b

import attrs

from statefun_actors.address import Address
from statefun_actors.model import INGRESS
from statefun_actors.partitions.names import partition_of_call


def partition_of(address: Address, count: int) -> int:
    """The partition of *address*, one of *count*: ``blake2b-64("namespace/name/id") mod count``.

    The text is UTF-8, and the digest of eight bytes is read as a big-endian number. A caller outside is where it waits.
    """
    if address[0] == INGRESS:
        return partition_of_call(address[1]) % count  # an operator may name any id
    return partition_of_name(f"{address[0]}/{address[1]}", count)


def partition_of_name(name: str, count: int) -> int:
    """The partition of what is in one partition only, such as the sink of the egress *name*."""
    text = name.encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big") % count


@attrs.frozen
class Partition:
    """The partition *own* of *count*; the first is 0."""

    own: int
    count: int

    @property
    def others(self) -> list[int]:
        """The other partitions, in order."""
        return [number for number in range(self.count) if number != self.own]

    def __str__(self) -> str:
        return f"partition {self.own} of {self.count}"
