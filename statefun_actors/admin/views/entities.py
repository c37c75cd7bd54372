"""Counts, lists and shows entities."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from msgspec import Struct

from statefun_actors.address import Address
from statefun_actors.admin.views.entity_view import EntityView, view_entity
from statefun_actors.asking import OWN_FUNCTIONS
from statefun_actors.definition import FunctionType
from statefun_actors.dispatch import Application
from statefun_actors.store import EntityRow, StoreReader, read_pauses
from statefun_actors.types import Codec


class TypeItem(Struct, frozen=True):
    """A function type, and its number of stored entities."""

    typename: str
    entities: int


def list_types(store: StoreReader) -> list[TypeItem]:
    """The function types that have entities, by name; none of the library's own."""
    counts = dict(store.counts(OWN_FUNCTIONS))
    for other in ("messages", "timers", "egress", "dead_letters"):
        del counts[other]
    return [TypeItem(typename, count) for typename, count in counts.items()]


def known_types(store: StoreReader, app: Application | None) -> set[str]:
    """The function types that are stored, served or paused; none of the library's own."""
    paused = {target if isinstance(target, str) else target[0] for target in read_pauses(store.recover())}
    return {*store.types(), *paused, *(() if app is None else app.served)}.difference(OWN_FUNCTIONS)


def type_or_address(word: str, types: Collection[str]) -> str | Address | None:
    """Parse *word* as one of *types*, or as the address of an entity of one of them; None if it is neither.

    Namespaces and ids may contain slashes.
    """
    if word in types:
        return word
    for typename in sorted(types, key=len, reverse=True):
        if word.startswith(f"{typename}/") and word != f"{typename}/":
            return Address(typename, word.removeprefix(f"{typename}/"))
    return None


def list_entities(
    store: StoreReader,
    typename: str,
    now_ms: int,
    app: Application | None = None,
    known: Mapping[str, Codec] | None = None,
    prefix: str = "",
    after: str | None = None,
) -> Iterator[EntityView]:
    """The entities of *typename* whose ids begin with *prefix*, by id, without those that have expired by *now_ms*.

    Only those that come after the id *after*, if one is given.
    """
    function = _function(app, typename)
    for row in store.entities(typename, prefix, after):
        view = view_entity(row, now_ms, function, known)
        if not view.gone:
            yield view


def show_entity(
    store: StoreReader,
    address: Address,
    now_ms: int,
    app: Application | None = None,
    known: Mapping[str, Codec] | None = None,
) -> EntityView | None:
    """The entity at *address* as of *now_ms*; None if it is not stored, or has expired."""
    (packed,) = store.load([address])
    view = view_entity(EntityRow(address, packed), now_ms, _function(app, address.typename), known)
    return None if view.gone else view


def _function(app: Application | None, typename: str) -> FunctionType | None:
    served = None if app is None else app.served_function(typename)
    return None if served is None else served.function
