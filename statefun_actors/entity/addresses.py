"""The addresses that ``Account.at(id)`` returns: equal to plain ones, but they know which messages the class takes."""

from __future__ import annotations

from statefun_actors.address import Address
from statefun_actors.entity.entity_function import EntityFunction
from statefun_actors.errors import InvalidAddressError, UnhandledMessageError
from statefun_actors.model import TypedValue


def address_type(function: EntityFunction) -> type[Address]:
    """The address class of *function*'s entities."""
    typename, handlers, takes_anything = function.typename, function.handlers, function.any_handler is not None

    def check_takes(value: TypedValue) -> None:
        if value.typename not in handlers and not takes_anything:
            raise UnhandledMessageError(f"{function.name} ({typename})", function.taken, value.typename)

    def as_plain(self: Address) -> tuple[type[Address], tuple[str, str]]:
        """Copied or pickled, it becomes a plain Address, as it does when it is sent."""
        return Address, (self[0], self[1])

    namespace = {
        "__slots__": (),
        "__module__": Address.__module__,
        "__doc__": f"The address of a {function.name}.",
        "__reduce__": as_plain,
        "typename_": typename,
        "check_takes": staticmethod(check_takes),
    }
    return type("Address", (Address,), namespace)


def no_address(name: str, id: object) -> InvalidAddressError:
    """The error for :meth:`Entity.at` of the abstract class *name*."""
    reason = f"{name} is abstract, so it has no address"
    return InvalidAddressError(reason, id, 'Give the class a typename="<namespace>/<name>".')
