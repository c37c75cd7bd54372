"""Events that make an open page current."""

from __future__ import annotations

import asyncio
import re

import pytest

from statefun_actors.console.changes import LONGEST_SECONDS
from tests.console.served import SEND, Box, GiveUp, Put, Site, Start, site


async def shown_version(console: Site) -> str:
    found = re.search(r'data-version="([^"]+)"', (await console.get("/console/")).text)
    assert found is not None
    return found[1]


async def test_a_page_is_notified_of_a_change() -> None:
    async with site() as console:
        version = await shown_version(console)
        waiting = asyncio.create_task(console.get(f"/console/changes?since={version}"))
        await console.runtime.tell(Box.at("ada"), Put("x"))

        event = await waiting

        new = await shown_version(console)
        assert new != version
        assert event.headers["content-type"] == "text/event-stream"
        assert event.text == f"retry: 1000\nid: {new}\nevent: changed\ndata: {new}\n\n"


FIELD = [("type", "console/box"), ("id", "ada"), ("field", "text"), ("json", '"new"')]
LATER = [("to", "console/box/ada"), ("type", "console/put"), ("f.text", "later"), ("after", "1h")]


@pytest.mark.parametrize(
    ("act", "page", "chosen", "fields"),
    [
        ("timers-cancel", "timers", 'name="(timer)" value="(.+?)"', []),
        ("dead-letters-discard", "dead-letters", 'name="(number)" value="(.+?)"', []),
        ("ask-cancel", "asks", r'href="ask\?(token)=(.+?)"', []),
        ("field-set", "field?type=console/box&id=ada&field=text", 'name="(was)" value="(.+?)"', FIELD),
        ("send-message", SEND, 'name="(csrf)" value="(.+?)"', LATER),
    ],
)
async def test_a_page_is_notified_of_each_act(act: str, page: str, chosen: str, fields: list[tuple[str, str]]) -> None:
    async with site() as console:
        await console.runtime.tell(Box.at("ada"), Start())
        await console.runtime.tell(Box.at("gone"), GiveUp("it"))
        found = re.search(chosen, (await console.get(f"/console/{page}")).text)
        assert found is not None
        version = await shown_version(console)
        done = await console.act(act, [(found[1], found[2]), *fields, ("sure", "1")])

        assert done.status == 303
        assert await shown_version(console) != version


async def test_a_page_is_notified_of_a_change_that_another_page_has_shown_already() -> None:
    async with site() as console:
        version = await shown_version(console)
        waiting = asyncio.create_task(console.get(f"/console/changes?since={version}"))
        assert await shown_version(console) == version  # the server has had both requests by now
        await console.runtime.tell(Box.at("ada"), Put("x"))
        assert await shown_version(console) != version
        async with asyncio.timeout(LONGEST_SECONDS / 2):
            assert f"id: {version}" not in (await waiting).text


async def test_a_change_between_two_connections_is_not_missed() -> None:
    async with site() as console:
        version = await shown_version(console)
        await console.runtime.tell(Box.at("ada"), Put("x"))

        event = await console.get("/console/changes", Last_Event_ID=version)

        assert f"id: {version}" not in event.text


async def test_a_page_that_waits_does_not_hold_up_the_end() -> None:
    async with site() as console:
        version = await shown_version(console)
        waiting = asyncio.create_task(console.get(f"/console/changes?since={version}"))
        assert await shown_version(console) == version  # the server has had both requests by now
        began = asyncio.get_running_loop().time()

    event = await waiting
    assert event.status == 200
    assert asyncio.get_running_loop().time() - began < 5
