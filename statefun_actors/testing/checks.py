"""What tests hand to the kit, checked before it can surprise them."""

from __future__ import annotations

from datetime import UTC, datetime

from statefun_actors.errors import ValueMismatchError
from statefun_actors.model import Address


def checked_address(target: object) -> Address:
    """*target* if it is an address.

    Raises:
        ValueMismatchError: it isn't.
    """
    if not isinstance(target, Address):
        got = f"{target!r} ({type(target).__name__})"
        raise ValueMismatchError("an address: Account.at('ada') or Address('bank/account', 'ada')", got)
    return target


def in_utc(moment: datetime, name: str) -> datetime:
    """*moment*, which was given as *name*, in UTC.

    Raises:
        ValueMismatchError: it is naive: nobody could tell which time it is.
    """
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise ValueMismatchError(f"{name}= as an aware datetime: datetime(2026, 1, 1, tzinfo=UTC)", f"{moment!r}")
    return moment.astimezone(UTC)
