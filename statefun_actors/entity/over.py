"""What is left of a scope once its batch is over: everything that is asked of it raises."""

from __future__ import annotations

from typing import Any as Untyped
from typing import Final, NoReturn

from statefun_actors.errors import DetachedEntityError


class _Over:
    __slots__ = ()

    def __getattr__(self, name: str) -> NoReturn:
        raise DetachedEntityError("entity", name)


OVER: Final[Untyped] = _Over()
