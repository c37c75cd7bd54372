"""The instance of a batch: one for all its messages, and cut off at its end."""

from __future__ import annotations

import pytest

from statefun_actors import Address, DetachedEntityError, StateDecodeError, TypedValue
from statefun_actors.types import pack
from tests.dispatch.world import World
from tests.entity.shopping import DEEDS, Cart, Do, Sure, failure, run

# --- the instance of a batch


async def test_one_instance_serves_the_whole_batch() -> None:
    seen: list[int] = []
    DEEDS["deed"] = lambda self: seen.append(id(self))

    await World(Cart).done(Do(), Do(), Do())

    assert len(set(seen)) == 1


async def test_a_running_instance_is_of_the_very_class() -> None:
    seen: list[type] = []

    await run(lambda self: seen.append(type(self)))

    assert seen == [Cart]


async def test_running_instances_can_be_shown_and_compared() -> None:
    seen: list[object] = []

    world = await run(lambda self: seen.extend([repr(self), self == Cart(total=3), Cart(total=3) == self]), total=3)

    assert seen == ["Cart(total=3, lines=[], owner=None)", True, True]
    assert world.state == {"total": pack(3), "lines": None, "user": None}


@pytest.mark.parametrize("kind", [Cart, Sure])
async def test_after_its_batch_an_instance_can_not_send_or_read_any_more(kind: type[Cart]) -> None:
    kept: list[Cart] = []

    def keep(self: Cart) -> None:
        self.total += 1
        kept.append(self)

    DEEDS["deed"] = keep
    world = World(kind, {"total": 3})
    outcome = await world.done(Do())
    (cart,) = kept

    for use in (
        lambda: cart.send(Address("a/b", "c"), 5),
        lambda: cart.reply(5),
        lambda: cart.id,
        lambda: cart.now,
        lambda: cart.lines,
        cart.clear,
        lambda: delattr(cart, "total"),
    ):
        with pytest.raises(DetachedEntityError):
            use()
    assert cart.total == 4
    assert repr(cart) == f"{kind.__name__}(total=4)"
    assert outcome.effects == []


async def test_an_instance_whose_batch_failed_is_cut_off_too() -> None:
    kept: list[Cart] = []

    def fail(self: Cart) -> None:
        kept.append(self)
        raise RuntimeError

    await failure(fail)

    with pytest.raises(DetachedEntityError):
        kept[0].send(Address("a/b", "c"), 5)


async def test_unreadable_state_does_not_hide_behind_a_repr() -> None:
    error = await failure(repr, total=TypedValue("io.statefun.types/long", b"\xff"))

    assert isinstance(error, StateDecodeError)
