"""Values that do not fit their field, and state that can not be read, fail their message."""

from __future__ import annotations

import pytest

from statefun_actors.types import pack
from tests.dispatch.world import World, text_of
from tests.entity.deeds import UNREADABLE, Account, Guarded, changes, codec_json, do, reads, sets


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("balance", None, "Account.balance: expected `int`, got `None`"),
        ("balance", "5", "Account.balance: expected `int`, got `str`"),
        ("balance", True, "Account.balance: expected `int`, got `bool`"),
        ("balance", 1 << 63, f"Account.balance: expected an int of 64 bits, got {1 << 63}"),
        ("owner", 5, "Account.owner: expected `str` or None, got `int`"),
        ("owner", "\ud800", "Account.owner: expected text that UTF-8 can encode, got '\\ud800', "
            "which holds a lone surrogate"),
        ("history", ["a", 5], "Account.history: expected `str`, got `int` - at `$[1]`"),
        ("history", ("a",), "Account.history: expected `list[str]`, got `tuple`"),
        ("history", None, "Account.history: expected `list[str]`, got `None`"),
    ],
)  # fmt: skip
async def test_a_value_that_does_not_fit_fails_its_message(name: str, value: object, error: str) -> None:
    failed = await World(Account).failed(sets(name, value))

    assert failed.index == 0
    assert text_of(failed.error) == f"FieldMismatchError: {error}"


async def test_the_message_that_does_not_fit_is_undone_and_the_rest_goes_on() -> None:
    world = World(Guarded)

    def both(self: Account) -> None:
        self.balance = 7
        self.owner = 5  # type: ignore[assignment]

    outcome = await world.done(sets("balance", 1), do(both), do(lambda self: self.history.append("a")))

    assert outcome.changes == {"balance": pack(1), "history": codec_json(["a"])}
    assert [(failure.index, text_of(failure.error)) for failure in outcome.failures] == [
        (1, "FieldMismatchError: Guarded.owner: expected `str` or None, got `int`")
    ]


async def test_in_a_batch_of_many_without_a_policy_any_message_may_be_at_fault() -> None:
    failed = await World(Account).failed(sets("balance", "5"), sets("owner", "ada"))

    assert failed.index is None


@pytest.mark.parametrize("swallow", [False, True])
async def test_state_that_can_not_be_read_fails_the_batch_when_it_is_read(served: type[Account], swallow: bool) -> None:
    def read(self: Account) -> None:
        try:
            self.balance += 1
        except ValueError:
            if not swallow:
                raise
            self.balance = 0

    failed = await World(served, {"balance": UNREADABLE}).failed(sets("owner", "ada"), do(read))

    assert failed.index is None
    assert text_of(failed.error) == (
        f"StateDecodeError: the stored state {served.__name__}.balance can't be read: expected `int`, "
        "got 1 bytes of 'io.statefun.types/long': malformed protobuf: a varint that does not end. "
        "Go back to the type that wrote it, or declare persisted(..., convert=fn) to read it."
    )


async def test_state_of_another_type_can_not_be_read(served: type[Account]) -> None:
    failed = await World(served, {"balance": "five"}).failed(reads("balance"))

    assert text_of(failed.error) == (
        f"StateDecodeError: the stored state {served.__name__}.balance can't be read: expected `int`, "
        "got state of type 'io.statefun.types/string'. "
        "Go back to the type that wrote it, or declare persisted(..., convert=fn) to read it."
    )


async def test_state_that_can_not_be_read_may_be_overwritten_or_deleted_unread(served: type[Account]) -> None:
    world = World(served, {"balance": UNREADABLE, "history": UNREADABLE})

    def delete(self: Account) -> None:
        del self.history
        self.balance = 3

    assert await changes(world, do(delete)) == {"balance": pack(3), "history": None}


async def test_unreadable_state_is_found_again_after_many_good_batches(served: type[Account]) -> None:
    world = World(served, {"balance": 5})
    for _ in range(3):
        await world.done(do(lambda self: setattr(self, "balance", self.balance + 1)))
    world.state["balance"] = UNREADABLE

    assert await changes(world, sets("owner", "ada")) == {"owner": pack("ada")}
    assert "can't be read" in str((await world.failed(reads("balance"))).error)
