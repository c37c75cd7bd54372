"""The scope of an instance whose batch has ended: every access raises."""

from __future__ import annotations

from typing import Any as Untyped
from typing import Final


class _Over:
    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "OVER"


OVER: Final[Untyped] = _Over()
