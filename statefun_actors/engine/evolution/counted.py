"""Counts values that can't be read or would lose data, by kind, with the first as an example."""

from __future__ import annotations

import attrs

from statefun_actors.address import Address


@attrs.define
class UnreadableValues:
    """Values of one kind that can't be read: the address of the first, the reason, and the count."""

    first: Address
    reason: str
    count: int = 0


@attrs.define
class Damages:
    """Values of one kind that would lose data: the first, the path in it, how to prevent the loss, and the count."""

    first: Address
    path: str
    advice: str = ""
    count: int = 0


def entities_of(damages: Damages) -> str:
    """Text: the entities with such values."""
    if damages.count == 1:
        return f"1 entity, {damages.first}, holds"
    return f"{damages.count:,} entities, {damages.first} first, hold"
