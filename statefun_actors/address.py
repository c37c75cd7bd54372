"""The address of a function or entity, and its text form ``<namespace>/<name>/<id>``."""

from __future__ import annotations

from operator import itemgetter
from typing import Final

from statefun_actors.errors import InvalidAddressError


def check_typename(typename: object, what: str) -> str:
    """Return *typename* if it is ``<namespace>/<name>`` (split at the last ``/``, both parts non-empty).

    Raises:
        InvalidAddressError: it has another form. *what* is the rule that the error states.
    """
    if not isinstance(typename, str):
        raise InvalidAddressError(what, typename, "Write a string such as 'bank/account'.")
    namespace, slash, name = typename.rpartition("/")
    if not (slash and namespace and name):
        raise InvalidAddressError(what, typename, "Write <namespace>/<name>, such as 'bank/account'.")
    return typename


_MAX_CACHED_TYPENAMES: Final = 1_000


_checked_typenames: Final[set[str]] = set()
"""Cache of valid function types: an application has few, and creates addresses of them all the time."""


def _checked(typename: object) -> str:
    checked = plain_str(check_typename(typename, "a function type is <namespace>/<name>"))
    if len(_checked_typenames) < _MAX_CACHED_TYPENAMES:
        _checked_typenames.add(checked)
    return checked


def plain_str(text: str) -> str:
    """Return *text* as an exact ``str``: neither a store nor a wire accepts instances of subclasses."""
    return text if text.__class__ is str else str.__str__(text)


_new_tuple: Final = tuple.__new__


class Address(tuple[str, str]):
    """The address of a message: a function type ``<namespace>/<name>`` and an id, both non-empty strings.

    ::

        assert Account.at("ada") == Address("bank/account", "ada")

    It is a tuple, so that it hashes and compares at C speed: addresses are dictionary keys on every hot path.

    Raises:
        InvalidAddressError: on construction, for a typename without ``/`` or an empty id.
    """

    __slots__ = ()

    def __new__(cls, typename: str, id: str) -> Address:
        if not (typename.__class__ is str and typename in _checked_typenames):
            typename = _checked(typename)
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
        """The same as :attr:`name`; its name in the 2.0 SDK."""
        return self.name

    @property
    def identity(self) -> str:
        """The same as :attr:`id`; its name in the 2.0 SDK."""
        return self[1]

    def __repr__(self) -> str:
        return f"Address({self[0]!r}, {self[1]!r})"

    def __str__(self) -> str:
        return f"{self[0]}/{self[1]}"

    def __getnewargs__(self) -> tuple[str, str]:
        return (self[0], self[1])


def parse_address(text: str) -> Address:
    """Parse an address of the form ``namespace/name/id``. The id is everything after the second ``/``.

    Raises:
        InvalidAddressError: there are fewer than three parts, or one is empty.
    """
    parts = text.split("/", 2) if isinstance(text, str) else []
    if len(parts) != 3 or not all(parts):
        raise InvalidAddressError("an address is <namespace>/<name>/<id>", text, "Write it as 'bank/account/ada'.")
    return Address(f"{parts[0]}/{parts[1]}", parts[2])
