"""One entity's history in JSON form, newest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from statefun_actors.address import Address
from statefun_actors.admin.views.history_items import HistoryItem, function_of, items_of
from statefun_actors.dispatch import Application
from statefun_actors.history import NEWEST, Entry, Kind, Place, change_of, history_items
from statefun_actors.store import StoreReader
from statefun_actors.text import shortened
from statefun_actors.types import Codec

_LONGEST_SHOWN: Final = 80


def view_history(
    store: StoreReader,
    address: Address,
    app: Application | None = None,
    known: Mapping[str, Codec] | None = None,
    before: str = "",
    left: int | None = None,
) -> Iterator[HistoryItem]:
    """The last items of the entity at *address*, newest first: as many as are kept of each entity.

    Between them are gaps and changes to the type, which are not counted and have no place.

    Args:
        store: the store, which an engine may be using.
        address: the entity.
        app: the application, for the fields of its classes.
        known: its codecs.
        before: the place of an item; only older ones are returned.
        left: the largest number of items, if that is smaller than the number that is kept.

    Raises:
        StoreError: the store can't be read, or a row of its history is damaged.
        ValueError: *before* is not a place.
    """
    function = function_of(app, address.typename)
    yield from history_items(
        store,
        names_of(app, address),
        lambda place, entry: items_of(place, entry, function, known),
        _without_place,
        before=place_of(before),
        left=left,
    )


def names_of(app: Application | None, address: Address) -> list[Address]:
    """*address*, and those that it had under former names of its type."""
    return [address] if app is None else app.addresses_of(address)


def place_of(written: str) -> tuple[Place, int]:
    """The place of an entry, and the index of the message in it. Empty: behind all. Raises ValueError: not one."""
    if not written:
        return NEWEST, 0
    parts = written.split(".")
    if len(parts) != 3 or not all(map(_is_index, parts)):
        raise ValueError(f"expected a place such as 12.0.3, got {shortened(written, _LONGEST_SHOWN)!r}")
    row, at, message = map(int, parts)
    return Place(row, at), message


def _is_index(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < len(f"{NEWEST.row}")


def _without_place(entry: Entry) -> HistoryItem:
    """A gap, or a change to the type."""
    if entry.kind == Kind.GAP:
        return HistoryItem("", entry.at_ms, "not recorded", messages=entry.count, until_ms=entry.until_ms)
    return HistoryItem("", entry.at_ms, f"type {change_of(entry)}")
