"""Checks of what a handler sends: targets, tokens, names of egresses, sizes."""

from __future__ import annotations

from typing import Final

from statefun_actors.address import Address, check_typename, plain_str
from statefun_actors.asking import RESERVED
from statefun_actors.errors import ValueMismatchError
from statefun_actors.model import LARGEST_VALUE, OWN_PREFIX, TypedValue

_MOST_EGRESSES: Final = 1_000
checked_egresses: Final[set[str]] = set()
"""Cache of valid egress names: an application has few, and uses them all the time."""


def check_egress(egress: str) -> str:
    """*egress* as a plain str.

    Raises:
        InvalidAddressError: it is not ``<namespace>/<name>``.
        ValueMismatchError: UTF-8 can't encode it, or it is in the namespace of this library.
    """
    egress = plain_str(check_typename(egress, "an egress is <namespace>/<name>"))
    check_text(egress, "an egress's name")
    if is_own_egress(egress):
        raise ValueMismatchError(
            "an egress outside of the namespace statefun-actors, which is this library's", repr(egress)
        )
    if len(checked_egresses) < _MOST_EGRESSES:
        checked_egresses.add(egress)
    return egress


def is_own_egress(egress: str) -> bool:
    """Whether *egress* is in the namespace of this library, whose records have a meaning between partitions."""
    return egress.startswith(OWN_PREFIX)


def check_target(target: object, value: TypedValue) -> None:
    """Check an address to send to; one made by ``Account.at`` also checks that its class takes *value*.

    Raises:
        ValueMismatchError: it is not an address, or contains text that UTF-8 can't encode.
        UnhandledMessageError: its class doesn't take *value*.
    """
    if not isinstance(target, Address):
        raise ValueMismatchError(
            "an address: Account.at('ada') or Address('bank/account', 'ada')", f"{target!r} ({type(target).__name__})"
        )
    if (check_takes := getattr(target.__class__, "check_takes", None)) is not None:
        check_takes(value)
    function_type, id = target
    if not (id.isascii() and function_type.isascii()):
        check_text(function_type, "a function type")
        check_text(id, "an id")


def check_relayed(target: object, value: TypedValue) -> None:
    """Check a message that one of the library's functions will send: it can't be one of the library's own.

    Raises:
        Exception: as :func:`check_target`; ValueMismatchError if *value* is an order or an answer.
    """
    check_target(target, value)
    if value.typename in RESERVED:
        raise ValueMismatchError("a message whose type is not reserved", value.typename)


def check_token(token: object) -> str:
    """*token* as a plain str. Raises ValueMismatchError: it is not a cancellation token."""
    if not isinstance(token, str) or not token:
        raise ValueMismatchError("a cancellation token as a non-empty string", f"{token!r}")
    token = plain_str(token)
    check_text(token, "a cancellation token")
    return token


def too_large(value: TypedValue) -> ValueMismatchError:
    """The error for a *value* above the limit."""
    expected = f"a value of at most {LARGEST_VALUE:,} bytes"
    return ValueMismatchError(expected, f"one of {len(value.value):,} ({value.typename})")


def check_text(text: str, what: str) -> None:
    """Check text early: unencodable text would fail the whole batch, or a whole epoch, when it is written."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueMismatchError(f"{what} that UTF-8 can encode", f"{text!r}") from None
