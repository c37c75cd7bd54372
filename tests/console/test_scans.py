"""Searches for entities by the value of a field: what is found, their progress, and how they end."""

from __future__ import annotations

import asyncio
import errno
import os
import re
from collections.abc import Sequence
from decimal import Decimal
from html import unescape
from pathlib import Path
from threading import Event, Lock, Thread
from threading import enumerate as threads
from typing import Any

import pytest

from statefun_actors import Address, AsyncRuntime, Entity, handles, message, persisted
from statefun_actors.admin import field_matcher
from statefun_actors.console.scans import MOST_FOUND, Scan, Scans, Search
from statefun_actors.dispatch import Application
from statefun_actors.model import TypedValue
from statefun_actors.store import Commit, EntityRecord, EntityRow, MemoryStore, pack
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.types import codec_for
from tests.console.served import Site, query

TYPE = "searched/account"


class Account(Entity, typename=TYPE):
    owner: str = persisted(default="")
    cents: int = persisted(default=0)
    open: bool = persisted(default=False)
    share: Decimal | None = persisted(default=None)
    tags: list[str] = persisted(factory=list)

    @handles(int)
    def add(self, message: int) -> None:
        self.cents += message


APP = Application(Account)
_TYPES: dict[str, Any] = {"owner": str, "cents": int, "open": bool, "share": Decimal, "tags": list[str]}


def row(id: str, **fields: object) -> EntityRow:
    codecs = {name: codec_for(_TYPES[name]) for name in fields}
    state: dict[str, TypedValue | None] = {
        name: TypedValue(codecs[name].typename, codecs[name].encode(value)) for name, value in fields.items()
    }
    return EntityRow(Address(TYPE, id), pack(EntityRecord(state, {}, 0)))


ADA = row("ada", owner="<b>ada</b>", cents=42, open=True, share=Decimal("1.50"), tags=["a", "b"])


@pytest.mark.parametrize(
    ("field", "written", "found"),
    [
        *[("cents", "42", True), ("cents", "42.0", True), ("cents", "4", False), ("cents", '"42"', False)],
        *[("owner", "<b>ada</b>", True), ("owner", "ada", False), ("open", "true", True), ("open", "1", False)],
        *[("owner", '"<b>ada</b>"', True), ("owner", '"ada"', False), ("owner", '"', False), ("share", '"1.50"', True)],
        *[("share", "1.50", True), ("tags", '["a","b"]', True), ("tags", "[]", False), ("none", "", False)],
        *[("cents", "\ud800", False), ("cents", "[" * 5_000, False), ("cents", "1e999", False), ("cents", "", False)],
    ],
)
def test_a_field_has_a_value_as_json_or_as_a_text(field: str, written: str, found: bool) -> None:
    assert field_matcher(TYPE, field, written, 0, APP, APP.codecs())(ADA) is found


def test_a_field_that_cannot_be_read_matches_nothing() -> None:
    matches = field_matcher(TYPE, "cents", "1", 0, APP)
    assert not matches(EntityRow(Address(TYPE, "damaged"), b"\xff"))
    wrong = EntityRecord({"cents": TypedValue("io.statefun.types/long", b"\xff\xff")}, {}, 0)
    assert not matches(EntityRow(Address(TYPE, "wrong"), pack(wrong)))


def filled(path: Path | None, rows: Sequence[EntityRow]) -> MemoryStore | SqliteStore:
    store = MemoryStore() if path is None else SqliteStore(path)
    asyncio.run(store.commit(Commit(entities=rows)))
    return store


async def ended(scan: Scan) -> None:
    async with asyncio.timeout(60):
        while not scan.ending:  # noqa: ASYNC110 - it runs in a thread
            await asyncio.sleep(0.001)


@pytest.fixture(params=["memory", "sqlite"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return None if request.param == "memory" else tmp_path / "db"


def scans_of(store: MemoryStore | SqliteStore, path: Path | None) -> Scans:
    return Scans(APP, APP.codecs(), store, path)


def test_a_search_finds_entities_by_id_and_reads_all_of_the_prefix(path: Path | None) -> None:
    store = filled(path, [row(f"{number:04}", cents=number % 7) for number in range(100)])

    async def work() -> None:
        scans = scans_of(store, path)
        scan = scans.of(Search(TYPE, "000", "cents", "3", "1"), 0)
        assert scans.of(Search(TYPE, "000", "cents", "3", "1"), 0) is scan
        await ended(scan)
        assert (scan.ending, scan.scanned, [each.id for each in scan.found]) == ("done", 10, ["0003"])
        scans.close()

    asyncio.run(work())
    store.close()


def test_a_search_ends_when_it_has_found_enough(path: Path | None) -> None:
    store = filled(path, [row(f"{number:05}", cents=1) for number in range(MOST_FOUND + 5)])

    async def work() -> None:
        scans = scans_of(store, path)
        scan = scans.of(Search(TYPE, "", "cents", "1", ""), 0)
        await ended(scan)
        assert (scan.ending, len(scan.found), scan.scanned) == ("full", MOST_FOUND, MOST_FOUND)
        scans.close()

    asyncio.run(work())
    store.close()


def test_the_next_search_and_the_end_of_the_console_cancel_a_search(path: Path | None) -> None:
    store = filled(path, [row(f"{number:05}", cents=1) for number in range(20_000)])

    async def work() -> None:
        scans = scans_of(store, path)
        first = scans.of(Search(TYPE, "", "cents", "2", "1"), 0)
        before = scans.progress()
        second = scans.of(Search(TYPE, "", "cents", "2", "2"), 0)
        assert scans.progress() != before
        await ended(first)
        assert first.ending == "replaced"
        scans.close()
        assert second.ending == "cancelled"

    asyncio.run(work())
    store.close()


class Held:
    """Holds the first reader of a field until it is released, and counts those that read at the same time."""

    def __init__(self) -> None:
        self.reached, self.released, self._lock = Event(), Event(), Lock()
        self._now, self.most = 0, 0

    def read(self) -> None:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        self.reached.set()
        self.released.wait(60)
        with self._lock:
            self._now -= 1


HELD: list[Held] = []


@message("searched/slow")
class Slow:
    number: int

    def __attrs_post_init__(self) -> None:
        for held in HELD:
            held.read()


class Box(Entity, typename="searched/box"):
    slow: Slow | None = persisted(default=None)


def test_the_next_search_waits_until_the_cancelled_one_has_ended(tmp_path: Path) -> None:
    app = Application(Box)
    codec = codec_for(Slow)
    state = {"slow": TypedValue(codec.typename, codec.encode(Slow(1)))}
    box = EntityRow(Address("searched/box", "1"), pack(EntityRecord(dict(state), {}, 0)))
    store = filled(tmp_path / "db", [box])
    before = set(threads())

    def begun() -> list[Thread]:
        return [each for each in threads() if each not in before and "console" in each.name]

    async def work() -> None:
        scans = Scans(app, app.codecs(), store, tmp_path / "db")
        searches = [Search("searched/box", "", "slow", '{"number":1}', str(number)) for number in range(3)]
        first = scans.of(searches[0], 0)
        assert await asyncio.to_thread(held.reached.wait, 60)
        second, third = scans.of(searches[1], 0), scans.of(searches[2], 0)
        assert len(begun()) == 1
        held.released.set()
        await ended(third)
        assert [len(each.found) for each in (first, second, third)] == [1, 0, 1]
        assert second.ending == "replaced"
        assert held.most == 1
        scans.close()
        assert begun() == []

    held = Held()
    HELD.append(held)
    try:
        asyncio.run(work())
    finally:
        HELD.remove(held)
    store.close()


async def test_a_search_whose_store_cannot_be_opened_fails(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 300)
    scans = scans_of(MemoryStore(), path)
    scan = scans.of(Search(TYPE, "", "cents", "1", ""), 0)
    await ended(scan)
    error = OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), str(path / "partitions.json"))
    assert (scan.ending, scan.problem) == ("failed", str(error))
    scans.close()


async def test_the_page_shows_what_was_found_and_how_far_it_is(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "db")
    await store.commit(Commit(entities=[ADA, *(row(f"{number:03}", cents=1) for number in range(120))]))
    store.close()
    async with AsyncRuntime(Account, store=tmp_path / "db", bind="127.0.0.1:0", console="read-only") as runtime:
        site = Site(runtime)
        page = f"entities{query(type=TYPE, field='owner', value='<b>ada</b>', scan='1')}"
        text = await site.until(page, lambda text: "121 entities read, 1 found." in text)
        assert "<b>ada" not in text
        assert "ada" in unescape(text)

        page = f"entities{query(type=TYPE, field='cents', value='1', scan='2')}"
        seen: list[str] = []
        await site.until(page, lambda text: "121 entities read, 120 found." in text)
        while page:
            text = (await site.get(f"/console/{page}")).text
            seen += re.findall(r'data-label="id"><a href="entity[^"]*id=(\d+)"', text)
            found = re.search(r'href="(entities[^"]*)" rel="next"', text)
            page = "" if found is None else unescape(found[1])
        assert seen == [f"{number:03}" for number in range(120)]

        nothing = await site.get(f"/console/entities{query(type='no/type', field='cents', value='9')}")
        assert nothing.status == 200


async def test_the_page_says_why_a_search_has_ended(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "db")
    await store.commit(Commit(entities=[row(f"{number:05}", cents=1) for number in range(MOST_FOUND + 1)]))
    store.close()
    async with AsyncRuntime(Account, store=tmp_path / "db", bind="127.0.0.1:0", console="read-only") as runtime:
        site = Site(runtime)
        page = f"entities{query(type=TYPE, field='cents', value='1', scan='1')}"
        text = await site.until(page, lambda text: "Searching" not in text)
        stopped = (await site.get(f"/console/{page}2&cancel=1")).text
        again = (await site.get(f"/console/{page}2&cancel=1")).text

    assert "<p>Only the first 1,000 are shown: 1,000 entities read, 1,000 found.</p>" in text
    ended = "<p>The search was cancelled: 0 entities read, 0 found. Show begins it again.</p>"
    assert ended in stopped
    assert ended in again


def test_a_search_that_is_not_kept_is_not_begun_to_cancel_it(path: Path | None) -> None:
    store = filled(path, [row(f"{number:05}", cents=1) for number in range(20_000)])

    async def work() -> None:
        scans = scans_of(store, path)
        search, other = Search(TYPE, "", "cents", "2", "1"), Search(TYPE, "", "cents", "2", "2")
        running = scans.of(search, 0)
        assert scans.cancelled(other).ending == "cancelled"
        assert scans.cancelled(other).scanned == 0
        assert not running.cancelled.is_set()
        assert scans.cancelled(search) is running
        await ended(running)
        assert running.ending == "cancelled"
        scans.close()

    asyncio.run(work())
    store.close()
