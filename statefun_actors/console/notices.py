"""Texts that say what an act has done, for the next page. The URL has only a key, so that no link can forge a text."""

from __future__ import annotations

import secrets
from typing import Final

_MOST: Final = 100


class Notices:
    """The last texts, by key."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def add(self, text: str) -> str:
        """Keep *text*; returns its key."""
        key = secrets.token_hex(8)
        self._texts[key] = text
        if len(self._texts) > _MOST:
            del self._texts[next(iter(self._texts))]
        return key

    def get(self, key: str) -> str | None:
        """The text of *key*; None where it is unknown or too old."""
        return self._texts.get(key)
