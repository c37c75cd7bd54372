"""The partition of an address: a pure function of its text and of the number of partitions.

It must never change: stores keep an entity, and the position of a sink, where this function put it.
``tests/partitions`` compares it with a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from types import MappingProxyType
from typing import Final

import attrs

from statefun_actors.address import Address
from statefun_actors.model import INGRESS
from statefun_actors.partitions.names import partition_of_call

_AS_THEMSELVES: Final[Mapping[str, str]] = MappingProxyType({})


def partition_of(address: Address, count: int, placed: Mapping[str, str] = _AS_THEMSELVES) -> int:
    """The partition of *address*, one of *count*: ``blake2b-64("namespace/name/id") mod count``.

    The text is UTF-8, and the digest of eight bytes is read as a big-endian number. A caller outside is where it waits.
    *placed*: by function type, the former name with which its entities got their partitions.
    """
    typename = address[0]
    if typename == INGRESS:
        return partition_of_call(address[1]) % count  # an operator may name any id
    return partition_of_name(f"{placed.get(typename, typename)}/{address[1]}", count)


def partition_of_target(text: str, count: int, placed: Mapping[str, str]) -> int:
    """The partition of the target *text* of a line, which may be no address. See :func:`partition_of`."""
    if placed:
        parts = text.split("/", 2)
        if len(parts) > 2 and (former := placed.get(f"{parts[0]}/{parts[1]}")) is not None:
            text = f"{former}/{parts[2]}"
    return partition_of_name(text, count)


def partition_of_name(name: str, count: int) -> int:
    """The partition of what is in one partition only, such as the sink of the egress *name*."""
    text = name.encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big") % count


@attrs.frozen
class Partition:
    """The partition *own* of *count*; the first is 0.

    *placed*: as of :func:`partition_of`; it is that of the store.
    """

    own: int
    count: int
    placed: Mapping[str, str] = attrs.field(factory=dict, hash=False)

    @property
    def others(self) -> list[int]:
        """The other partitions, in order."""
        return [number for number in range(self.count) if number != self.own]

    def __str__(self) -> str:
        return f"partition {self.own} of {self.count}"
