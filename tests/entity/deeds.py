"""Entities that do with their fields what a message says, and the changes of state after a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from statefun_actors import Discard, Entity, TypedValue, handles, message, persisted
from statefun_actors.types import codec_for
from tests.dispatch.world import World

LONG = "io.statefun.types/long"
DOUBLE = "io.statefun.types/double"
JSON = "statefun-actors/json"
UNREADABLE = TypedValue(LONG, b"\xff")


@message("test/do")
class Do:
    """What a test's entity is to do: names one of the functions in ``DEEDS``."""

    name: str


DEEDS: dict[str, Callable[[Any], object]] = {}


def do(deed: Callable[[Any], object]) -> Do:
    """The message that has the entity do *deed* with itself; what that returns is dropped."""
    name = f"{deed.__qualname__}-{len(DEEDS)}"
    DEEDS[name] = deed
    return Do(name)


class Account(Entity, typename="bank/account"):
    balance: int = persisted(default=0)
    history: list[str] = persisted(factory=list)
    owner: str | None = persisted(default=None)
    ratio: float = persisted(default=0.0)

    @handles
    def obey(self, message: Do) -> None:
        DEEDS[message.name](self)


class Guarded(Account, typename="bank/guarded", on_failure=Discard()):
    pass


def sets(name: str, value: object) -> Do:
    return do(lambda self: setattr(self, name, value))


def reads(name: str) -> Do:
    return do(lambda self: getattr(self, name))


async def changes(world: World, *messages: object) -> dict[str, TypedValue | None]:
    return dict((await world.done(*messages)).changes)


def codec_json(value: list[str]) -> TypedValue:
    return TypedValue(JSON, codec_for(list[str]).encode(value))
