"""Decoding of what only this library writes, and what others may write to the same topics."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

_Content = TypeVar("_Content")


def reader(decode: Callable[[bytes], _Content]) -> Callable[[bytes], _Content]:
    """*decode*, the method of a msgspec decoder, which raises ValueError for all bytes that don't fit.

    By itself it raises RecursionError, no ValueError, for arrays in each other, thousands deep.
    """

    def read(data: bytes) -> _Content:
        try:
            return decode(data)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None

    return read


def is_address(parts: tuple[str, str]) -> bool:
    """Whether *parts* are the function type and the id of an address: ``<namespace>/<name>``, and no empty id."""
    namespace, _, name = parts[0].rpartition("/")
    return bool(namespace and name and parts[1])
