"""Checks of function type names."""

from __future__ import annotations

from statefun_actors.address import check_typename
from statefun_actors.errors import InvalidAddressError
from statefun_actors.model import RESERVED_NAMESPACES


def typename_problem(typename: object) -> str | None:
    """Why *typename* can't name a function type, and what to do; None if it can."""
    try:
        namespace = check_typename(typename, "typename= is <namespace>/<name>").rpartition("/")[0]
    except InvalidAddressError as error:
        return str(error)
    try:
        str(typename).encode()
    except UnicodeEncodeError:
        return f"typename={typename!r} contains text that UTF-8 can't encode; choose another name"
    for reserved in RESERVED_NAMESPACES:
        if namespace == reserved or namespace.startswith((f"{reserved}.", f"{reserved}/")):
            return f"typename={typename!r}: the namespace {reserved!r} is reserved; choose your own"
    return None
