"""A shopping cart whose handler runs what a test gives it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from statefun_actors import Discard, Entity, handles, message, persisted
from tests.dispatch.world import World


@message("test/do")
class Do:
    name: str = "deed"


@attrs.define
class Line:
    sku: str


class Cart(Entity, typename="cart/cart"):
    total: int = persisted(default=0)
    lines: list[Line] = persisted(factory=list)
    owner: str | None = persisted(default=None, name="user")

    def add(self, sku: str) -> None:
        self.total += 1
        self.lines.append(Line(sku))

    @property
    def label(self) -> str:
        return f"{self.owner}: {self.total}"

    @property
    def broken(self) -> int:
        return self.totl  # type: ignore[attr-defined,no-any-return]

    @handles
    def obey(self, message: Do) -> object:
        return DEEDS[message.name](self)


class Sure(Cart, typename="cart/sure", on_failure=Discard()):
    pass


DEEDS: dict[str, Callable[[Any], Any]] = {}


async def failure(deed: Callable[[Any], Any], kind: type[Cart] = Cart, **state: object) -> BaseException:
    DEEDS["deed"] = deed
    outcome = await World(kind, state).outcome(Do())
    return outcome.failures[0].error if hasattr(outcome, "failures") else outcome.error  # type: ignore[union-attr]


async def run(deed: Callable[[Any], Any], **state: object) -> World:
    DEEDS["deed"] = deed
    world = World(Cart, state)
    await world.done(Do())
    return world
