"""Shortened tokens of asks, for listings and errors: the whole token is the permission to answer."""

from __future__ import annotations

from typing import Final

from statefun_actors.address import Address
from statefun_actors.asking.envelopes import REPLY

SHOWN_OF_TOKEN: Final = 8
"""Characters of a token that listings, errors and dead letters show."""


def short_address(address: Address) -> str:
    """*address* as text; of a reply address, only the first characters of its token."""
    return f"{REPLY}/{address.id[:SHOWN_OF_TOKEN]}" if address.typename == REPLY else str(address)


def short_or_none(address: Address | None) -> str | None:
    """:func:`short_address`; None for None."""
    return None if address is None else short_address(address)
