"""The pages of a long history: the kept messages once each, and the gaps between them."""

from __future__ import annotations

import html
import re
from pathlib import Path

from statefun_actors import Address, AsyncRuntime, Entity, handles, persisted
from statefun_actors.history.entries import key_of
from statefun_actors.store import Commit, HistoryRow
from statefun_actors.store.sqlite import SqliteStore
from tests.console.served import Site, query
from tests.console.test_history import plain
from tests.engine.recorded import record_with_gap

GAP = "1,234 messages, of any entities, were not recorded until"


class Long(Entity, typename="pages/long"):
    total: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> None:
        self.total += message


ADA = Long.at("ada")


async def test_a_gap_as_the_last_row_of_a_page_is_the_first_row_of_the_next_one(tmp_path: Path) -> None:
    first, second = await pages(tmp_path, ADA, older=20, newer=50, keep=1_000)

    assert (numbers(first), numbers(second)) == ([*range(70, 20, -1)], [*range(20, 0, -1)])
    assert (first.count(GAP), second.count(GAP)) == (0, 1)
    assert second.index(GAP) < second.index("conversation?")
    assert plain(second).count(" ago: the engine was at its limit, or they were too large.") == 1


async def test_a_gap_as_row_50_is_shown_once_and_the_page_has_50_messages(tmp_path: Path) -> None:
    first, second = await pages(tmp_path, ADA, older=20, newer=49, keep=1_000)

    assert (numbers(first), numbers(second)) == ([*range(69, 19, -1)], [*range(19, 0, -1)])
    assert (first.count(GAP), second.count(GAP)) == (1, 0)


async def test_a_gap_on_the_second_page_is_shown(tmp_path: Path) -> None:
    first, second = await pages(tmp_path, ADA, older=5, newer=60, keep=1_000)

    assert (first.count(GAP), second.count(GAP)) == (0, 1)
    assert numbers(second) == [*range(15, 0, -1)]


async def test_later_pages_stop_at_the_number_of_messages_that_are_kept(tmp_path: Path) -> None:
    found = await pages(tmp_path, ADA, older=150, newer=50, keep=120)

    assert [numbers(page) for page in found] == [
        [*range(200, 150, -1)],
        [*range(150, 100, -1)],
        [*range(100, 80, -1)],
    ]


async def test_a_damaged_number_of_messages_that_are_left_is_not_more_than_are_kept(tmp_path: Path) -> None:
    (first,) = await pages(tmp_path, ADA, older=10, newer=0, keep=5)
    assert numbers(first) == [10, 9, 8, 7, 6]
    async with AsyncRuntime(Long, store=tmp_path / "store.db", history=5, bind="127.0.0.1:0") as runtime:
        console = Site(runtime)
        for left, shown in (("9", 5), ("-1", 0), ("x", 5), ("3", 3), (f"{1 << 80}", 5)):
            page = (await console.get(f"/console/history{query(type=ADA.typename, id=ADA.id, left=left)}")).text
            assert len(numbers(page)) == shown, left


async def test_of_a_damaged_history_the_pages_say_so_and_show_what_is_newer(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.db")
    await store.commit(Commit(history=[HistoryRow(1, key_of(*ADA), b"\xc1")]))
    await record_with_gap(store, ADA, older=3, newer=0, keep=5)
    store.close()
    ada = {"type": ADA.typename, "id": ADA.id}
    async with AsyncRuntime(Long, store=tmp_path / "store.db", history=5, bind="127.0.0.1:0") as runtime:
        console = Site(runtime)
        history = (await console.get(f"/console/history{query(**ada)}")).text
        entity = (await console.get(f"/console/entity{query(**ada)}")).text
        conversation = (await console.get(f"/console/conversation{query(**ada, place='1.0.0')}")).text

    damaged = (
        "row 1 of the history can't be unpacked: MessagePack data is malformed: invalid opcode '\\xc1' (byte 0). State "
        "and messages are not affected. Restore a backup to see the entries up to this row."
    )
    for page in (history, entity):
        assert f"{damaged} Newer entries are shown." in plain(page)
        assert numbers(page) == [3, 2, 1]
    assert f"The history can't be read: {damaged}" in plain(conversation)
    assert "Newer entries are shown." not in plain(conversation)


async def pages(folder: Path, entity: Address, *, older: int, newer: int, keep: int) -> list[str]:
    """The pages of a history, each as linked by the one before."""
    store = SqliteStore(folder / "store.db")
    await record_with_gap(store, entity, older=older, newer=newer, keep=keep)
    store.close()
    found: list[str] = []
    async with AsyncRuntime(Long, store=folder / "store.db", history=keep, bind="127.0.0.1:0") as runtime:
        console = Site(runtime)
        links = [f"history{query(type=entity.typename, id=entity.id)}"]
        while links:
            assert len(found) < 10, "the links lead around in a circle"
            found.append((await console.get(f"/console/{links[0]}")).text)
            links = [html.unescape(link) for link in re.findall(r'href="(history\?[^"]+)" rel="next"', found[-1])]
    return found


def numbers(page: str) -> list[int]:
    """The values of the messages on *page*."""
    return [int(number) for number in re.findall(r'data-label="value">\D*?(\d+)<', page)]
