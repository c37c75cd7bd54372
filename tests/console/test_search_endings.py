"""The page of a search says how it ended, and what was read and found until then."""

from __future__ import annotations

import asyncio
from typing import Literal

import pytest

from statefun_actors import Address, Entity, handles, persisted
from statefun_actors.console.look import Page
from statefun_actors.console.rendering import Frame, rendered
from statefun_actors.console.scans import Scan, Scans, Search
from statefun_actors.dispatch import Application
from statefun_actors.store import Commit, EntityRecord, EntityRow, MemoryStore, pack

TYPE = "endings/account"


class Account(Entity, typename=TYPE):
    cents: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> None:
        self.cents += message


SEARCH = Search(TYPE, "", "cents", "2", "1")


@pytest.mark.parametrize(
    ("ending", "text"),
    [
        ("cancelled", "The search was cancelled: 1 entity read, 0 found. Show begins it again."),
        (
            "replaced",
            "The search was stopped, because another one began: 1 entity read, 0 found. Show begins it again.",
        ),
        (
            "unseen",
            "The search was stopped, because no page showed it for a minute: 1 entity read, 0 found. Show begins it "
            "again.",
        ),
        ("done", "1 entity read, 0 found."),
    ],
)
def test_there_is_a_sentence_for_each(ending: Literal["cancelled", "replaced", "unseen", "done"], text: str) -> None:
    lists = dict.fromkeys(("rows", "types", "pauses", "field_names"), ())
    texts = dict.fromkeys(("typename", "prefix", "after", "number", "field", "value"), "")
    scan = Scan(SEARCH, scanned=1, ending=ending)
    content = {**lists, **texts, "scan": scan, "total": 1, "more": None, "next_from": None}
    page = Page(template="entities.html", title="Entities", content=content)

    response = rendered(page, Frame(name="entities", version=None, place=None, now_ms=0))

    assert f"<p>{text}</p>" in response.body.decode()


async def test_a_search_that_no_page_shows_ends() -> None:
    store, app = MemoryStore(), Application(Account)
    record = pack(EntityRecord({}, {}, 0))
    await store.commit(Commit(entities=[EntityRow(Address(TYPE, "a"), record)]))
    scans = Scans(app, app.codecs(), store, None)
    scan = scans.of(SEARCH, 0)
    scan.seen -= 61
    async with asyncio.timeout(60):
        while not scan.ending:  # noqa: ASYNC110 - plain values have no event
            await asyncio.sleep(0)

    assert (scan.ending, scan.scanned) == ("unseen", 0)
    scans.close()
