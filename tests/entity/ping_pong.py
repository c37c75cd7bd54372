"""Two messages, and what an entity replies to them."""

from __future__ import annotations

from statefun_actors import Entity, message
from statefun_actors.model import Send
from tests.dispatch.world import CALLER, World


@message("test/ping")
class Ping:
    pass


@message("test/pong")
class Pong:
    text: str


async def replies(kind: type[Entity], *messages: object, **state: object) -> list[object]:
    effects = await World(kind, state).effects(*messages)
    assert all(isinstance(effect, Send) and effect.target == CALLER for effect in effects)
    return [effect.value for effect in effects if isinstance(effect, Send)]
