"""Fields that a batch decodes when it begins, since earlier ones read them."""

from __future__ import annotations

from google.protobuf.any_pb2 import Any

from statefun_actors import Entity, TypedValue, handles, persisted
from statefun_actors.model import Send
from statefun_actors.types import value_of
from tests.dispatch.world import World


class Reader(Entity, typename="test/read-ahead"):
    count: int = persisted(default=0)

    @handles(Any)
    def take(self, message: Any) -> None:
        self.count += 1

    @handles(str)
    def take_text(self, message: str) -> int:
        return self.count


async def test_types_that_senders_choose_are_remembered_up_to_a_bound_and_those_with_a_handler_always() -> None:
    world = World(Reader, {"count": 0})

    for number in range(100):
        await world.done(TypedValue(f"sender/type-{number}", b""))
    remembered = set(Reader.__function_type__._ahead)
    await world.done("text")

    assert len(remembered) <= 20
    assert set(Reader.__function_type__._ahead) - remembered == {"io.statefun.types/string"}
    [reply] = await world.effects("text")
    assert isinstance(reply, Send)
    assert value_of(reply.value) == 100
