"""Entities: those of one type, and one of them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence

import attrs

from statefun_actors.address import Address
from statefun_actors.admin import (
    EntityView,
    list_entities,
    show_entity,
    type_or_address,
    view_surroundings,
)
from statefun_actors.asking import OWN_FUNCTIONS
from statefun_actors.console.failing_rows import failing_rows
from statefun_actors.console.look import Look, Page
from statefun_actors.console.pages.history import NEWEST, items_of
from statefun_actors.console.pages.paging import ROWS, first, number
from statefun_actors.entity import EntityFunction
from statefun_actors.history import read_keep
from statefun_actors.store import read_pauses


@attrs.frozen
class FieldRow:
    """A field of an entity.

    Args:
        kind: its type, as Python writes it; empty where the class is not known here.
        form: the JSON form of its value.
        absent: it has no value of its own, and reads as its default.
        expires_ms: when it will be absent, in milliseconds since 1970; None = never.
    """

    name: str
    kind: str
    form: object
    absent: bool
    expires_ms: int | None


def entities(look: Look, query: Mapping[str, str]) -> Page:
    """The entities of the type ``type`` whose ids begin with ``prefix``, behind the id ``after``.

    With ``field`` and ``value``, those of which the search has found so far, from the number ``from`` on.
    """
    types = sorted(look.types())
    typename = query.get("type") or (types[0] if types else "")
    prefix = query.get("prefix", "")
    scan, begin = look.scan, number(query, "from", 0)
    if scan is None:
        after = query.get("after") or None
        found, more = first(
            list_entities(look.store, typename, look.live.now_ms, look.app, look.known, prefix, after=after)
        )
    else:
        addresses, more = first(scan.found[max(0, begin) :])
        shown = (show_entity(look.store, each, look.live.now_ms, look.app, look.known) for each in addresses)
        found = [view for view in shown if view is not None]
    content = {
        "types": types,
        "typename": typename,
        "prefix": prefix,
        "pauses": read_pauses(look.store.recover()),
        "after": query.get("after", ""),
        "rows": [
            (view, {name: form for name, form in view.fields.items() if name not in view.absent}) for view in found
        ],
        "more": found[-1].address.id if more and scan is None else None,
        "scan": scan,
        "next_from": max(0, begin) + ROWS if more and scan is not None else None,
        "total": _total(look, typename) if scan is not None and not prefix else None,
        "number": secrets.token_hex(4),
        "field_names": _field_names(look, typename),
        "field": query.get("field", ""),
        "value": query.get("value", ""),
    }
    return Page(template="entities.html", title="Entities", content=content)


def _total(look: Look, typename: str) -> int:
    return next((each.entities for each in look.overview().types if each.typename == typename), 0)


def _field_names(look: Look, typename: str) -> Sequence[str]:
    """The names of the fields of the class, for a list to choose from."""
    served = look.app.served_function(typename)
    function = None if served is None else served.function
    return [field.name for field in function.fields] if isinstance(function, EntityFunction) else []


def entity(look: Look, query: Mapping[str, str]) -> Page:
    """The entity of the type ``type`` with the id ``id``, or the one that is written ``address``."""
    types = look.types()
    written = query.get("address")
    if written is not None:
        found = type_or_address(written, types)
        address = found if isinstance(found, Address) else None
    elif query.get("type") and query.get("id"):
        address = Address(query["type"], query["id"])
    else:
        address = None
    if address is None or address.typename in OWN_FUNCTIONS:
        text = "Expected the address of an entity, such as bank/account/ada, of a type that is served or stored here."
        return Page(template="message.html", title="No such entity", content={"text": text}, status=404)
    view = show_entity(look.store, address, look.live.now_ms, look.app, look.known)
    failing = [each for each in look.live.failing if each.message.target == address]
    rows, more, problem = items_of(look, address, NEWEST)
    content = {
        "address": address,
        "history": rows,
        "more_history": more,
        "problem": problem,
        "keep": read_keep(look.store),
        "view": view,
        "pauses": read_pauses(look.store.recover()),
        "fields": [] if view is None else _fields(look, view),
        "around": view_surroundings(look.store, address, look.known),
        "failing": list(failing_rows(failing, look.known)),
        "name": _class(look, address.typename),
    }
    return Page(template="entity.html", title="Entity", content=content)


def _fields(look: Look, view: EntityView) -> Sequence[FieldRow]:
    served = look.app.served_function(view.address.typename)
    function = None if served is None else served.function
    kinds: dict[str, str] = (
        {
            field.name: f"{field.codec.spelling.strip('`')}{' | None' if field.optional else ''}"
            for field in function.fields
        }
        if isinstance(function, EntityFunction)
        else {}
    )
    return [
        FieldRow(name, kinds.get(name, ""), form, name in view.absent, view.expires_ms.get(name))
        for name, form in view.fields.items()
    ]


def _class(look: Look, typename: str) -> str | None:
    served = look.app.served_function(typename)
    return None if served is None else getattr(served.function, "name", None)
