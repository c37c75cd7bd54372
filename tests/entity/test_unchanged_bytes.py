"""Values that are equal to what is stored in other bytes, or under another typename, are not written again."""

from __future__ import annotations

import math
import struct

import pytest

from statefun_actors import TypedValue, persisted
from statefun_actors.types import pack
from tests.dispatch.world import World
from tests.entity.deeds import DOUBLE, JSON, LONG, Account, changes, codec_json, do, reads, sets

FORTY_TWO = TypedValue(LONG, b"\x09" + (42).to_bytes(8, "little"))


async def test_a_value_that_is_not_canonical_is_not_rewritten_by_reading(served: type[Account]) -> None:
    spaced = TypedValue(JSON, b'[ "a" ]')
    repeated = TypedValue(LONG, FORTY_TWO.value + FORTY_TWO.value)
    world = World(served, {"history": spaced, "balance": repeated})
    read: list[object] = []

    def look(self: Account) -> None:
        read.append((self.history, self.balance))

    assert await changes(world, do(look), do(look)) == {}
    assert read == [(["a"], 42), (["a"], 42)]
    assert await changes(world, do(lambda self: self.history.append("b"))) == {"history": codec_json(["a", "b"])}


async def test_an_int_of_the_other_typename_is_read_and_kept_until_it_changes(served: type[Account]) -> None:
    short = TypedValue("io.statefun.types/int", b"\x0d" + (42).to_bytes(4, "little"))
    world = World(served, {"balance": short})

    assert await changes(world, reads("balance")) == {}
    assert await changes(world, do(lambda self: setattr(self, "balance", self.balance + 1))) == {"balance": pack(43)}


@pytest.mark.parametrize(
    ("typename", "data"),
    [("io.statefun.types/int", b"\x0d\x05\0\0\0"), ("type.googleapis.com/google.protobuf.Int64Value", b"\x08\x05")],
)
async def test_assigning_what_is_stored_under_another_typename_is_no_change(
    served: type[Account], typename: str, data: bytes
) -> None:
    world = World(served, {"balance": TypedValue(typename, data)})

    assert await changes(world, sets("balance", 5)) == {}
    assert await changes(world, sets("balance", 6)) == {"balance": pack(6)}


async def test_assigning_over_what_can_not_be_read_under_another_typename_is_a_change(served: type[Account]) -> None:
    world = World(served, {"balance": TypedValue("io.statefun.types/int", b"\xff")})

    assert await changes(world, sets("balance", 5)) == {"balance": pack(5)}


@pytest.mark.parametrize("bits", [0x7FF8000000000001, 0xFFF8000000000002, 0x7FF0000000000000, 0x8000000000000000])
async def test_a_float_field_keeps_every_float_exactly(served: type[Account], bits: int) -> None:
    value = struct.unpack("<d", bits.to_bytes(8, "little"))[0]
    world = World(served)

    await world.done(sets("ratio", value))

    assert world.state["ratio"] == TypedValue(DOUBLE, b"\x09" + bits.to_bytes(8, "little"))
    assert await changes(world, reads("ratio")) == {}
    assert await changes(world, sets("ratio", value)) == {}


async def test_floats_are_compared_by_their_bits(served: type[Account]) -> None:
    world = World(served, {"ratio": 0.0})

    assert await changes(world, sets("ratio", -0.0)) == {"ratio": pack(-0.0)}
    assert await changes(world, sets("ratio", -0.0)) == {}
    assert await changes(world, sets("ratio", 0.0)) == {"ratio": pack(0.0)}
    assert math.copysign(1, 0.0) == 1


async def test_a_default_int_of_a_float_field_reads_as_a_float() -> None:
    class Meter(Account, typename="bank/meter"):
        level: float = persisted(default=1)

    read: list[object] = []
    await World(Meter).done(do(lambda self: read.append(repr(self.level))))

    assert read == ["1.0"]
