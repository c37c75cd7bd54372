"""User code that raises what is no ``Exception``, wherever a value is read or written."""

from __future__ import annotations

import asyncio
from typing import Final

from statefun_actors import message
from statefun_actors.model import TypedValue


class OwnExit(BaseException):
    """A class of the user."""


RAISED: Final = {
    cls.__name__: cls
    for cls in (ValueError, SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError, OwnExit)
}
"""What is raised, by name; ValueError is the one that every place is made for."""


def leave(raised: str) -> str:
    """Raise the error of that name; return a text that names none."""
    if (cls := RAISED.get(raised)) is not None:
        raise cls("no setting")
    return raised


@message("test/hook")
class Hook:
    raised: str

    def __attrs_post_init__(self) -> None:
        leave(self.raised)


def hook(raised: str) -> TypedValue:
    """The message of a :class:`Hook` that can't be created."""
    return TypedValue("test/hook", b'{"raised":"%s"}' % raised.encode())


def unfit(raised: str) -> str:
    """The text of the error for it."""
    return f"expected values that `Hook` accepts, got {raised}: no setting"
