"""Events that make an open page current."""

from __future__ import annotations

import asyncio
import re

from tests.console.served import Box, Put, Site, site


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
