"""Fields that were renamed, and ``convert=`` for state of an older type."""

from __future__ import annotations

import pytest

from statefun_actors import Entity, TypedValue, handles, persisted
from statefun_actors.model import StateSpec
from statefun_actors.types import pack, value_of
from tests.dispatch.world import World
from tests.entity.deeds import DEEDS, JSON, LONG, UNREADABLE, Do, changes, codec_json, do, reads


class Renamed(Entity, typename="bank/renamed"):
    sum: int = persisted(default=0, name="balance")

    @handles
    def obey(self, message: Do) -> None:
        DEEDS[message.name](self)


async def test_a_renamed_field_keeps_its_state() -> None:
    world = World(Renamed, {"balance": 5})

    assert await changes(world, do(lambda self: setattr(self, "sum", self.sum + 1))) == {"balance": pack(6)}
    assert (await world.missing({}, do(lambda self: None))).specs == [StateSpec("balance", LONG)]


def from_text(stored: TypedValue) -> int:
    if stored.typename != "io.statefun.types/string":
        raise LookupError("no text")
    return int(value_of(stored))


class Converted(Entity, typename="bank/converted"):
    balance: int = persisted(default=0, convert=from_text)
    lines: list[str] = persisted(factory=list, convert=lambda stored: [stored.value.decode()])
    owner: str | None = persisted(default=None, convert=lambda stored: None)

    @handles
    def obey(self, message: Do) -> None:
        DEEDS[message.name](self)


async def test_convert_reads_state_of_an_older_type_without_rewriting_it() -> None:
    world = World(Converted, {"balance": "5", "lines": TypedValue("cart/line", b"a"), "owner": 5})
    read: list[object] = []

    assert await changes(world, do(lambda self: read.append((self.balance, self.lines, self.owner)))) == {}
    assert read == [(5, ["a"], None)]


async def test_converted_state_is_written_in_the_new_type_once_it_changes() -> None:
    world = World(Converted, {"balance": "5", "lines": TypedValue("cart/line", b"a")})

    def change(self: Converted) -> None:
        self.balance += 1
        self.lines.append("b")

    assert await changes(world, do(change)) == {"balance": pack(6), "lines": codec_json(["a", "b"])}


async def test_convert_is_asked_where_the_shape_changed_within_one_typename() -> None:
    world = World(Converted, {"lines": TypedValue(JSON, b'{"a": 1}')})
    read: list[object] = []

    await world.done(do(lambda self: read.append(self.lines)))

    assert read == [['{"a": 1}']]


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        (pack("x"), "3 bytes of 'io.statefun.types/string': convert= raised "
            "ValueError(\"invalid literal for int() with base 10: 'x'\")"),
        (pack(0.5), "9 bytes of 'io.statefun.types/double': convert= raised LookupError('no text')"),
        (UNREADABLE, "1 bytes of 'io.statefun.types/long': malformed protobuf: a varint that does not end; and "
            "convert= raised LookupError('no text')"),
    ],
)  # fmt: skip
async def test_state_that_convert_can_not_read_either_fails_the_batch(stored: TypedValue, reason: str) -> None:
    failed = await World(Converted, {"balance": stored}).failed(reads("balance"))

    assert str(failed.error) == (
        f"the stored state Converted.balance can't be read: expected `int`, got {reason}. "
        "Go back to the type that wrote it, or declare persisted(..., convert=fn) to read it."
    )


async def test_the_result_of_convert_must_fit() -> None:
    class Bad(Converted, typename="bank/bad"):
        balance: int = persisted(default=0, convert=lambda stored: "5")

    failed = await World(Bad, {"balance": "5"}).failed(reads("balance"))

    assert "convert= returned a value of another type: expected `int`, got `str`." in str(failed.error)
