"""Names of function types, as classes and functions are given them."""

from __future__ import annotations

from statefun_actors.address import check_typename
from statefun_actors.errors import InvalidAddressError
from statefun_actors.model import RESERVED_NAMESPACES


def typename_problem(typename: object) -> str | None:
    """Why a function type can't be named *typename*, and what to do about it; None if it can."""
    try:
        namespace = check_typename(typename, "typename= is <namespace>/<name>").rpartition("/")[0]
    except InvalidAddressError as error:
        return str(error)
    try:
        str(typename).encode()
    except UnicodeEncodeError:
        return f"typename={typename!r} holds what UTF-8 can't write; choose another name"
    for reserved in RESERVED_NAMESPACES:
        if namespace == reserved or namespace.startswith((f"{reserved}.", f"{reserved}/")):
            return f"typename={typename!r}: the namespace {reserved!r} is reserved; choose your own"
    return None
