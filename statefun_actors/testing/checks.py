"""What tests hand to the kit, checked before it can surprise them."""

from __future__ import annotations

from datetime import UTC, datetime

from statefun_actors.errors import ValueMismatchError
from statefun_actors.model import Address
from statefun_actors.text import encodable


def checked_address(target: object) -> Address:
    """*target* if it is an address.

    Raises:
        ValueMismatchError: it isn't, or it holds what UTF-8 can't encode.
    """
    if not isinstance(target, Address):
        got = f"{target!r} ({type(target).__name__})"
        raise ValueMismatchError("an address: Account.at('ada') or Address('bank/account', 'ada')", got)
    if encodable(str(target)) != str(target):
        raise ValueMismatchError("an address that UTF-8 can write", f"{target!r}")
    return target


def in_utc(moment: datetime, name: str) -> datetime:
    """*moment*, which was given as *name*, in UTC.

    Raises:
        ValueMismatchError: it is naive: nobody could tell which time it is.
    """
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise ValueMismatchError(f"{name}= as an aware datetime: datetime(2026, 1, 1, tzinfo=UTC)", f"{moment!r}")
    return moment.astimezone(UTC)
