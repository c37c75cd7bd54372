"""Hostile values on pages of the console: escaped, made visible and shortened."""

from __future__ import annotations

import html
import re

from tests.console.served import Box, Fail, GiveUp, Put, query, site
from tests.console.shown import HOSTILE


async def test_values_from_outside_are_escaped_made_visible_and_shortened(store: str | None) -> None:
    async with site(store=store) as console:
        await console.runtime.tell(Box.at(HOSTILE), Put(HOSTILE))
        await console.runtime.tell(Box.at(HOSTILE), GiveUp(HOSTILE))

        pages = [f"entity{query(type='console/box', id=HOSTILE)}", "entities", "dead-letters"]
        for page in pages:
            answer = await console.get(f"/console/{page}")

            assert answer.status == 200
            assert "&lt;script&gt;alert" in answer.text
            assert "<script>alert" not in answer.text
            assert not {"\u202e", "\x1b", "\u200f"} & set(answer.text)
            assert "\\u202e" in answer.text
        listed = (await console.get("/console/dead-letters")).text
        assert "é" * 3_000 not in listed
        assert 'title="' in listed


async def test_the_names_of_boxes_to_choose_are_visible_and_shortened(store: str | None) -> None:
    async with site(store=store) as console:
        await console.runtime.tell(Box.at(HOSTILE), Fail("x"))
        await console.failing_key("", "x")

        for page in ("", "failing", f"entity{query(type='console/box', id=HOSTILE)}"):
            text = (await console.get(f"/console/{page}")).text

            assert not {"\u202e", "\x1b", "\u200f"} & set(text)
            [name] = re.findall('aria-label="(the message of [^"]*)"', text)
            assert "\\u202e" in name
            assert len(html.unescape(name)) <= 121


async def test_a_hostile_query_is_escaped_too(store: str | None) -> None:
    async with site(store=store) as console:
        answer = await console.get(f"/console/entities{query(type=HOSTILE[:40], prefix=HOSTILE[:40], after='a')}")

        assert answer.status == 200
        assert "<script>alert" not in answer.text


async def test_a_query_that_is_not_utf8_is_refused(store: str | None) -> None:
    async with site(store=store) as console:
        answer = await console.get("/console/entities?prefix=%ff")

        assert (answer.status, answer.text) == (400, "expected a query in UTF-8\n")
