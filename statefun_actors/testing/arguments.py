"""Checks of the arguments of the test kit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from statefun_actors.address import Address
from statefun_actors.conversations import declared_activities
from statefun_actors.entity import Entity
from statefun_actors.errors import ValueMismatchError
from statefun_actors.text import encodable


def checked_address(target: object) -> Address:
    """Return *target* if it is an address.

    Raises:
        ValueMismatchError: it is not an address, or UTF-8 can't encode it.
    """
    if not isinstance(target, Address):
        got = f"{target!r} ({type(target).__name__})"
        raise ValueMismatchError("an address: Account.at('ada') or Address('bank/account', 'ada')", got)
    if encodable(str(target)) != str(target):
        raise ValueMismatchError("an address that UTF-8 can encode", f"{target!r}")
    return target


def in_utc(moment: datetime, name: str) -> datetime:
    """*moment*, the argument *name*, in UTC.

    Raises:
        ValueMismatchError: it is naive, so its time is ambiguous.
    """
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise ValueMismatchError(f"{name}= as an aware datetime: datetime(2026, 1, 1, tzinfo=UTC)", f"{moment!r}")
    return moment.astimezone(UTC)


def check_served(parked: Iterable[str], reported: set[str]) -> None:
    """Refuse messages to Entity classes and activities that are not run; others may be in other languages.

    *parked*: the function types with kept messages that nothing serves. *reported*: those reported before; it gets the
    new ones.

    Raises:
        AssertionError: messages went to classes or activities that are not run; it names them.
    """
    new = [typename for typename in parked if typename not in reported]
    if not new:
        return
    reported.update(new)
    known = {activity.typename: activity.name for activity in declared_activities()}
    known |= {cls.__function_type__.typename: cls.__name__ for cls in _entity_classes()}
    forgotten = [known[typename] for typename in new if typename in known]
    if forgotten:
        names = ", ".join(forgotten)
        raise AssertionError(
            f"messages were sent to {names}, which this TestRuntime does not run: write TestRuntime(..., {names})"
        )


def _entity_classes() -> Iterator[type[Entity]]:
    waiting = list(Entity.__subclasses__())
    while waiting:
        cls = waiting.pop()
        waiting += cls.__subclasses__()
        if vars(cls).get("__function_type__") is not None:
            yield cls
