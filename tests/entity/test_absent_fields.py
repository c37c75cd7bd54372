"""Fields without a stored value: defaults, None, ``del`` and ``clear()``."""

from __future__ import annotations

import pytest

from statefun_actors import TypedValue
from statefun_actors.types import pack
from tests.dispatch.world import World
from tests.entity.deeds import Account, changes, codec_json, do, reads, sets


async def test_deleted_and_assigned_as_it_was_is_unchanged(served: type[Account]) -> None:
    def again(self: Account) -> None:
        del self.balance
        self.balance = 5

    assert await changes(World(served, {"balance": 5}), do(again)) == {}


@pytest.mark.parametrize(("name", "default"), [("balance", 0), ("owner", None), ("ratio", 0.0), ("history", [])])
async def test_absent_reads_as_the_default(served: type[Account], name: str, default: object) -> None:
    read: list[object] = []

    assert await changes(World(served), do(lambda self: read.append(getattr(self, name)))) == {}
    assert read == [default]


@pytest.mark.parametrize(("name", "default"), [("balance", 0), ("ratio", 0.0), ("history", [])])
async def test_assigning_to_an_absent_field_writes_even_the_default(
    served: type[Account], name: str, default: object
) -> None:
    written = await changes(World(served), sets(name, default))
    written_after_reading = await changes(World(served), reads(name), sets(name, default))

    assert list(written) == list(written_after_reading) == [name]


async def test_assigning_none_to_an_absent_field_writes_nothing(served: type[Account]) -> None:
    assert await changes(World(served), sets("owner", None)) == {}


async def test_a_factory_default_that_is_changed_in_place_is_written(served: type[Account]) -> None:
    world = World(served)

    def later(self: Account) -> None:
        self.history.append("a")

    assert await changes(world, reads("history"), reads("history"), do(later)) == {"history": codec_json(["a"])}


async def test_empty_and_false_values_are_values(served: type[Account]) -> None:
    world = World(served, {"owner": "", "balance": 0, "ratio": 0.0, "history": codec_json([])})
    read: list[object] = []

    await world.done(do(lambda self: read.append((self.owner, self.balance, self.ratio, self.history))))

    assert read == [("", 0, 0.0, [])]
    assert await changes(World(served), sets("owner", "")) == {"owner": TypedValue("io.statefun.types/string", b"")}


async def test_none_deletes_an_optional_field(served: type[Account]) -> None:
    assert await changes(World(served, {"owner": "ada"}), sets("owner", None)) == {"owner": None}


async def test_del_deletes_any_field_read_or_not(served: type[Account]) -> None:
    def delete(self: Account) -> None:
        del self.owner
        assert self.owner is None
        assert self.balance == 5
        del self.balance
        assert self.balance == 0
        del self.history
        assert self.history == []

    world = World(served, {"owner": "ada", "balance": 5, "history": codec_json(["a"])})

    assert await changes(world, do(delete)) == {"balance": None, "history": None, "owner": None}


async def test_deleting_what_is_absent_changes_nothing(served: type[Account]) -> None:
    def delete(self: Account) -> None:
        del self.owner
        del self.owner
        del self.history

    assert await changes(World(served), do(delete)) == {}


async def test_written_and_deleted_in_one_batch_never_was(served: type[Account]) -> None:
    def delete(self: Account) -> None:
        del self.owner

    assert await changes(World(served), sets("owner", "ada"), do(delete)) == {}
    assert await changes(World(served, {"owner": "bea"}), sets("owner", "ada"), do(delete)) == {"owner": None}


async def test_a_deleted_field_starts_again_from_its_default(served: type[Account]) -> None:
    def restart(self: Account) -> None:
        assert self.history == ["a"]
        del self.history
        self.history.append("b")

    world = World(served, {"history": codec_json(["a"]), "balance": 5})

    def count(self: Account) -> None:
        del self.balance
        self.balance += 1

    assert await changes(world, do(restart), do(count)) == {"history": codec_json(["b"]), "balance": pack(1)}


async def test_clear_deletes_all_fields(served: type[Account]) -> None:
    def clear(self: Account) -> None:
        self.balance = 7
        self.clear()
        assert (self.balance, self.history, self.owner) == (0, [], None)

    world = World(served, {"balance": 5, "history": codec_json(["a"])})

    assert await changes(world, do(clear)) == {"balance": None, "history": None}
