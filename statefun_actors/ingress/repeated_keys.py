"""Repeated keys in a JSON object. Most parsers silently keep the last one; here, the message is refused."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

_encode: Final = msgspec.json.Encoder().encode


class RepeatedKeyError(Exception):
    """An object has *key* twice."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        shown = json.dumps(self.key, ensure_ascii=False)
        return f"expected each key once, got {shown if len(shown) <= 80 else shown[:80] + '…'} twice in one object"


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, for :func:`json.loads`: only the standard library's parser reports repeated keys.

    Raises:
        RepeatedKeyError: a key is repeated.
    """
    obj: dict[str, Any] = {}
    for key, item in pairs:
        if key in obj:
            raise RepeatedKeyError(key)
        obj[key] = item
    return obj


def clearly_once(parsed: object, text: bytes) -> bool:
    """A quick check that no key in *text* is repeated; False also if only a full check can decide.

    Each member has a colon in *text*, so an object with as many members as there are colons has lost none. A repeated
    key is lost in parsing, and its colon with it. A colon written as an escape could make up for it.
    """
    colons = text.count(b":")
    if not colons or (isinstance(parsed, dict) and len(parsed) == colons):
        return True
    return _encode(parsed).count(b":") == colons and b"\\u003" not in text


def check_once(parsed: object, text: bytes) -> None:
    """Check that no key in *text*, the source of *parsed*, is repeated.

    Raises:
        RepeatedKeyError: a key is repeated.
    """
    if not clearly_once(parsed, text):
        json.loads(text, object_pairs_hook=once)
