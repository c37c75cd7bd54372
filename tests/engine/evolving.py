"""Things stored by one class and read by another, and what is found at the start."""

from __future__ import annotations

from enum import Enum
from typing import Any as Untyped

import attrs

from statefun_actors import Entity, handles, persisted
from statefun_actors.dispatch import Application
from statefun_actors.engine import SystemClock, find_changes
from statefun_actors.store import MemoryStore
from statefun_actors.types import pack
from tests.engine.engines import running, send


def thing(annotation: Untyped, value: object = None, takes: Untyped = int, **more: Untyped) -> type[Entity]:
    """``test/thing`` with one field, ``held``, which becomes *value* with each message."""

    def take(self: Untyped, message: object) -> None:
        self.held = value

    decorate: Untyped = handles(takes)
    namespace = {
        "__annotations__": {"held": annotation | None, **more.pop("annotations", {})},
        "__module__": __name__,
        "__qualname__": "Thing",
        "held": persisted(default=None, **more.pop("field", {})),
        "take": decorate(take),
        **more,
    }
    metaclass: Untyped = type(Entity)
    made: type[Entity] = metaclass("Thing", (Entity,), namespace, typename="test/thing")
    return made


async def stored(cls: type[Entity], store: MemoryStore | None = None) -> MemoryStore:
    store = MemoryStore() if store is None else store
    async with running(cls, store=store) as engine:
        for id in ("a", "b"):
            send(engine, cls.at(id), pack(1))
        await engine.idle()
    return store


def found(store: MemoryStore, *served: object) -> tuple[list[str], list[str]]:
    """Unreadable data, and data that would be lost."""
    findings = find_changes(Application(*served), store, SystemClock().now_ms())
    return [str(each) for each in findings.unreadable], [str(each) for each in findings.losses]


@attrs.frozen
class Day:
    beats: int


@attrs.frozen
class DayWithDefault:
    beats: int
    mean: float = 0.0


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Colour(Enum):
    CRIMSON = "red"
    BLUE = "blue"
