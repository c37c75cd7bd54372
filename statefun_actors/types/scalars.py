"""Checks and conversions of single numbers, and base64, shared by the wire format and JSON."""

from __future__ import annotations

import binascii
import math
from typing import Any, Final

from statefun_actors.types.mismatch import Mismatch, kind, shown

SMALLEST: Final = -(1 << 63)
LARGEST: Final = (1 << 63) - 1


def is_int64(value: object) -> bool:
    """Whether *value* is an int, not a bool, of 64 bits."""
    return type(value) is int and SMALLEST <= value <= LARGEST


def int64_mismatch(value: int) -> Mismatch:
    """The mismatch of an int that does not fit in 64 bits."""
    return Mismatch("an int of 64 bits", shown(value))


def exact_float(value: Any) -> float:
    """Return the float that equals *value*: a float itself, or an int converted without loss.

    Raises:
        Mismatch: it is neither, or an int that no float equals.
    """
    if value.__class__ is float:
        return value
    if value.__class__ is not int:
        raise Mismatch("`float`", kind(value))
    try:
        as_float = float(value)
    except OverflowError:
        as_float = math.nan
    if as_float != value:
        raise Mismatch("an int that a float can hold exactly", shown(value))
    return as_float


def nearest_float(obj: Any) -> float:
    """The float nearest to a JSON number. Other writers write whole numbers without a point and with all digits.

    Raises:
        Mismatch: it is not a number, or out of the range of floats.
    """
    if obj.__class__ is float:
        return obj
    if obj.__class__ is not int:
        raise Mismatch("`float`", kind(obj))
    try:
        return float(obj)
    except OverflowError:
        raise Mismatch("a number that a float can hold", shown(obj)) from None


def base64_text(data: bytes) -> str:
    """Encode *data* in base64, the form of bytes in JSON."""
    return binascii.b2a_base64(data, newline=False).decode()


def bytes_of_base64(obj: Any) -> bytes:
    """Decode base64 text.

    Raises:
        Mismatch: it is not base64.
    """
    if obj.__class__ is not str:
        raise Mismatch("base64 text", kind(obj))
    try:
        return binascii.a2b_base64(obj, strict_mode=True)
    except ValueError:
        raise Mismatch("base64 text", shown(obj)) from None
