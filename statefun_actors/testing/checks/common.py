"""The list of the checks of stores, and the rows that they write."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from statefun_actors.address import Address
from statefun_actors.model import TypedValue
from statefun_actors.store import EgressRecord, EntityRow, Store, StoreReader, Timer

ADA: Final = Address("bank/account", "ada")
BOB: Final = Address("bank/account", "bob")
VALUE: Final = TypedValue("bank/deposit", b"\x08\x05")
NOTHING: Final = TypedValue("bank/nothing", b"")

Check: TypeAlias = Callable[[Store], Awaitable[None]]
"""It takes an empty store, and raises AssertionError where the store breaks the contract."""

STORE_CHECKS: Final[list[Check]] = []
"""All checks of stores."""


def check(function: Check) -> Check:
    """Add *function* to the checks of stores."""
    STORE_CHECKS.append(function)
    return function


def entity(id: str, packed: bytes | None = b"packed", expires_ms: int | None = None) -> EntityRow:
    """The row of one entity; *packed* None deletes it."""
    return EntityRow(Address("bank/account", id), packed, expires_ms)


def ids(store: StoreReader, prefix: str = "", typename: str = "bank/account") -> list[str]:
    """The ids of the entities of one type, in the order of the store."""
    return [row.address.id for row in store.entities(typename, prefix)]


def seqs(rows: list[Timer] | list[EgressRecord]) -> list[int]:
    """The numbers of *rows*."""
    return [row.seq for row in rows]
