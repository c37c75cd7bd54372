"""Addresses: where a message goes, and how one is written."""

from __future__ import annotations

from operator import itemgetter
from typing import Final

from statefun_actors.errors import InvalidAddressError


def check_typename(typename: object, what: str) -> str:
    """*typename* if it is ``<namespace>/<name>`` (split at the last ``/``, both parts non-empty).

    Raises:
        InvalidAddressError: it isn't.
    """
    if not isinstance(typename, str):
        raise InvalidAddressError(what, typename, "Write a string such as 'bank/account'.")
    namespace, slash, name = typename.rpartition("/")
    if not (slash and namespace and name):
        raise InvalidAddressError(what, typename, "Write <namespace>/<name>, such as 'bank/account'.")
    return typename


_MOST_TYPENAMES: Final = 1_000


_good_typenames: Final[set[str]] = set()
"""Function types that have been checked: an application has few, and makes addresses of them all the time."""


def _good(typename: object) -> str:
    good = plain_str(check_typename(typename, "a function type is <namespace>/<name>"))
    if len(_good_typenames) < _MOST_TYPENAMES:
        _good_typenames.add(good)
    return good


def plain_str(text: str) -> str:
    """*text* as a ``str`` itself: neither a store nor a wire takes instances of subclasses."""
    return text if text.__class__ is str else str.__str__(text)


_new_tuple: Final = tuple.__new__


class Address(tuple[str, str]):
    """Where a message goes: a function type ``<namespace>/<name>`` and an id, both non-empty strings.

    A tuple underneath, so that it hashes and compares at C speed: addresses are dictionary keys on every hot path.

    Raises:
        InvalidAddressError: on construction, for a typename without ``/`` or an empty id.
    """

    __slots__ = ()

    def __new__(cls, typename: str, id: str) -> Address:
        if not (typename.__class__ is str and typename in _good_typenames):
            typename = _good(typename)
        if id.__class__ is not str or not id:
            if not isinstance(id, str) or not id:
                raise InvalidAddressError(f"an id of {typename} is a non-empty string", id, "Write the id as a str.")
            id = plain_str(id)
        return _new_tuple(cls, (typename, id))

    typename: str = property(itemgetter(0))  # type: ignore[assignment]
    """The function type, ``<namespace>/<name>``."""
    id: str = property(itemgetter(1))  # type: ignore[assignment]

    @property
    def namespace(self) -> str:
        return self[0].rpartition("/")[0]

    @property
    def name(self) -> str:
        return self[0].rpartition("/")[2]

    @property
    def type(self) -> str:
        """:attr:`name`, as the 2.0 SDK calls it."""
        return self.name

    @property
    def identity(self) -> str:
        """:attr:`id`, as the 2.0 SDK calls it."""
        return self[1]

    def __repr__(self) -> str:
        return f"Address({self[0]!r}, {self[1]!r})"

    def __str__(self) -> str:
        return f"{self[0]}/{self[1]}"

    def __getnewargs__(self) -> tuple[str, str]:
        return (self[0], self[1])


def parse_address(text: str) -> Address:
    """The address written as ``ns/name/id``: the id is all that follows the second ``/``.

    Raises:
        InvalidAddressError: fewer than three parts, or an empty one.
    """
    parts = text.split("/", 2) if isinstance(text, str) else []
    if len(parts) != 3 or not all(parts):
        raise InvalidAddressError("an address is <namespace>/<name>/<id>", text, "Write it as 'bank/account/ada'.")
    return Address(f"{parts[0]}/{parts[1]}", parts[2])
