"""How many values of one kind can't be read, or would lose something, and the first of them."""

from __future__ import annotations

import attrs

from statefun_actors.address import Address


@attrs.define
class Failures:
    """Values of one kind that can't be read: the address of the first, why, and how many."""

    first: Address
    reason: str
    count: int = 0


@attrs.define
class Damages:
    """Values of one kind that would lose something: the address of the first, where in it, and how many."""

    first: Address
    path: str
    count: int = 0


def entities_of(damages: Damages) -> str:
    """The entities that hold such values, in words."""
    if damages.count == 1:
        return f"1 entity, {damages.first}, holds"
    return f"{damages.count:,} entities, {damages.first} first, hold"
