"""URLs of pages, relative to the console, so that it works behind any prefix."""

from __future__ import annotations

from urllib.parse import urlencode

from statefun_actors.address import Address


def query(**parts: object) -> str:
    """``?a=1&b=2`` of the parts that are not None or empty."""
    found = {name: part for name, part in parts.items() if part not in {None, ""}}
    return "?" + urlencode(found) if found else ""


def entity_page(address: Address) -> str:
    """The page of the entity at *address*."""
    return "entity" + query(type=address.typename, id=address.id)
