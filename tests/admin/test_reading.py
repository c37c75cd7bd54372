"""A store read as instances of its classes, by another process than the engine's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from statefun_actors import Address, Entity, StateDecodeError, handles, persisted
from statefun_actors.admin import read_entities
from statefun_actors.store import StoreError
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.testing import TestRuntime

START = datetime(2026, 1, 1, tzinfo=UTC)


class Basket(Entity, typename="shop/basket"):
    total: int = persisted(default=0)
    wishes: list[str] = persisted(factory=list, expire_after_write=timedelta(days=1))

    @handles(str)
    def wish(self, message: str) -> None:
        self.wishes.append(message)

    @handles(int)
    def take(self, message: int) -> None:
        self.total += message


class Renamed(Entity, typename="shop/basket"):
    total: str = persisted(default="")


async def stored(path: Path, **messages: int | str) -> None:
    async with TestRuntime(Basket, start=START, store=SqliteStore(path)) as runtime:
        for id_, message in messages.items():
            await runtime.tell(Address("shop/basket", id_), message)


async def test_entities_come_by_id_as_instances_of_their_class(tmp_path: Path) -> None:
    await stored(tmp_path / "shop.db", bob=3, ada=5, adam=7)

    assert list(read_entities(tmp_path / "shop.db", Basket, now=START)) == [
        ("ada", Basket(total=5)),
        ("adam", Basket(total=7)),
        ("bob", Basket(total=3)),
    ]
    assert [id_ for id_, _ in read_entities(tmp_path / "shop.db", Basket, "ada", now=START)] == ["ada", "adam"]


async def test_expired_fields_are_absent_and_so_is_an_entity_without_fields(tmp_path: Path) -> None:
    await stored(tmp_path / "shop.db", ada="tea")

    read = [dict(read_entities(tmp_path / "shop.db", Basket, now=START + timedelta(days=days))) for days in (0, 2)]

    assert read == [{"ada": Basket(wishes=["tea"])}, {}]


def test_without_a_store_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="the file does not exist"):
        next(read_entities(tmp_path / "none.db", Basket))


async def test_state_of_another_type_is_an_error(tmp_path: Path) -> None:
    await stored(tmp_path / "shop.db", ada=5)

    with pytest.raises(StateDecodeError):
        list(read_entities(tmp_path / "shop.db", Renamed, now=START))
