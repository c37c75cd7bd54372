"""Finds text that UTF-8 can't encode inside a value, after an encoder or a parser has refused it."""

from __future__ import annotations

import json
import math
from typing import Any

from statefun_actors.types.mismatch import Mismatch, member, text_mismatch


def lone_surrogate(dumped: Any) -> Mismatch:
    """The mismatch of the first such text in *dumped*, which must contain one."""
    found = _search(dumped)
    assert found is not None, "the encoder refused text that is fine"
    return found


def json_fault(data: bytes | str, error: Exception) -> str:
    """Why msgspec can't parse *data*, given its *error*.

    For an unpaired surrogate, written as an escape, msgspec may report that the input was truncated; and it gives no
    index for a number that is out of range.
    """
    try:
        obj = json.loads(data)
        found = _search(obj) or _infinite(obj)
    except (ValueError, RecursionError):
        found = None
    return str(error) if found is None else str(found.error())


def _infinite(obj: Any) -> Mismatch | None:
    """The mismatch of the first number in *obj* that is too large for a float."""
    if isinstance(obj, float) and math.isinf(obj):
        return Mismatch("a number up to 1.8e308", "a larger one")
    members = obj.items() if isinstance(obj, dict) else enumerate(obj) if isinstance(obj, list) else ()
    for place, each in members:
        if (found := _infinite(each)) is not None:
            return found.under(member(place) if isinstance(place, str) else place)
    return None


def _search(obj: Any) -> Mismatch | None:
    if isinstance(obj, str):
        return None if _is_text(obj) else text_mismatch(obj)
    if isinstance(obj, dict):
        for key, each in obj.items():
            if not _is_text(key):
                mismatch = text_mismatch(key)
                mismatch.expected = f"keys that are {mismatch.expected}"
                return mismatch
            found = _search(each)
            if found is not None:
                return found.under(member(key))
    elif isinstance(obj, (list, tuple)):
        for index, each in enumerate(obj):
            found = _search(each)
            if found is not None:
                return found.under(index)
    return None


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
