"""Rules for single numbers, and bytes as text, that hold on the wire and inside JSON alike."""

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
    """*value* as the float that equals it: a float is itself, an int is converted if nothing is lost.

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
    """The float that a JSON number stands for: other writers give whole numbers without a point, with all digits.

    Raises:
        Mismatch: it is no number, or beyond all floats.
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
    """*data* in base64, as JSON carries bytes."""
    return binascii.b2a_base64(data, newline=False).decode()


def bytes_of_base64(obj: Any) -> bytes:
    """The bytes of a base64 text.

    Raises:
        Mismatch: it is none.
    """
    if obj.__class__ is not str:
        raise Mismatch("base64 text", kind(obj))
    try:
        return binascii.a2b_base64(obj, strict_mode=True)
    except ValueError:
        raise Mismatch("base64 text", shown(obj)) from None
