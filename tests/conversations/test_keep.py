"""``keep=`` takes any value that a field may hold, and gives it back unchanged, as it was when the handler asked."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import pytest

from statefun_actors import Address, Entity, NoAnswer, answers, handles
from statefun_actors.testing import TestRuntime


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@attrs.define
class Line:
    sku: str
    tags: list[str] = attrs.field(factory=list)


class Stock(Entity, typename="keep/stock"):
    @handles
    def reserve(self, message: int) -> int:
        return message


BERLIN = ZoneInfo("Europe/Berlin")
VALUES = [
    (int, 2**62),
    (float, float("-inf")),
    (str, "é\0"),
    (bytes, b"\x00\xff"),
    (bool, False),
    (datetime, datetime(2026, 3, 28, 9, tzinfo=BERLIN)),
    (datetime, datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1)),
    (list[datetime], [datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 3, 28, 9, tzinfo=BERLIN)]),
    (date, date(2024, 2, 29)),
    (timedelta, timedelta(microseconds=1)),
    (Decimal, Decimal("1.10")),
    (Colour, Colour.BLUE),
    (Line, Line("pen", ["blue"])),
    (dict[str, Line], {"z": Line("pen"), "a": Line("ink")}),
    (set[int], {3, 1}),
    (tuple[int, str], (1, "a")),
    (int | None, None),
    (int | None, 5),
    (Address, Address("a/b", "c/d")),
]


@pytest.mark.parametrize(("annotation", "value"), VALUES, ids=repr)
async def test_a_kept_value_comes_back_as_it_was(annotation: Any, value: Any) -> None:
    found: list[object] = []

    def reserved(self: Entity, answer: int | NoAnswer, kept: object) -> None:
        found.append(kept)

    reserved.__annotations__["kept"] = annotation
    then: Any = answers(reserved)

    class Order(Entity, typename="keep/order"):
        reserved = then

        @handles
        def begin(self, message: int) -> None:
            self.ask(Stock.at("s"), message, then=self.reserved, keep=value)

    async with TestRuntime(Order, Stock) as runtime:
        await runtime.tell(Order.at("o"), 1)

    assert [repr(kept) for kept in found] == [repr(value)]


async def test_a_value_that_changes_after_the_call_is_kept_as_it_was() -> None:
    found: list[object] = []

    class Order(Entity, typename="keep/changing"):
        @handles
        def begin(self, message: int) -> None:
            tags = ["blue"]
            self.ask(Stock.at("s"), message, then=self.reserved, keep=tags)
            tags.append("red")

        @answers
        def reserved(self, answer: int | NoAnswer, kept: list[str]) -> None:
            found.append(kept)

    async with TestRuntime(Order, Stock) as runtime:
        await runtime.tell(Order.at("o"), 1)

    assert found == [["blue"]]
