"""Timers and asks are changed by forms of the console; and forms for what is not there."""

from __future__ import annotations

import asyncio
import re

import pytest

from tests.console.asked_and_told import notice, question, seen
from tests.console.served import DEADLINE, Box, Site, Start, site

NO_DEAD_LETTER = (
    "there is no dead letter 7: it has been retried or discarded, or never existed. `statefun-actors dead-letters "
    "list` lists the current ones."
)

NO_TIMER = (
    "there is no delayed message {}: it has been delivered or cancelled, never existed, or is one of "
    "this library's own, such as the timeout of an ask. `statefun-actors timers` lists the pending ones."
)

NOT_OPEN = (
    "the reply address none... takes no answer: it has been answered, its time is over, or it never was. "
    "`statefun-actors asks APP` lists the open ones."
)


@pytest.mark.parametrize(
    ("act", "fields", "problem"),
    [
        (
            "pause",
            [("type", "console/none")],
            "expected a function type that is served, stored or paused here, got 'console/none'",
        ),
        (
            "resume",
            [("type", "console/box"), ("id", "x")],
            "console/box/x is not paused. `statefun-actors pause` without a target lists what is paused.",
        ),
        ("failing-retry", [], "choose at least one message"),
        ("failing-drop", [], "choose at least one message"),
        (
            "failing-drop",
            [("message", "7:console/box/fine"), ("sure", "1")],
            "the chosen message of console/box/fine is not failing any more",
        ),
        ("dead-letters-retry", [], "choose at least one dead letter"),
        ("dead-letters-retry", [("number", "x")], "expected a number as number, got 'x'"),
        ("dead-letters-discard", [("number", "7"), ("sure", "1")], NO_DEAD_LETTER),
        ("dead-letter-edit", [("number", "7"), ("json", "{}")], NO_DEAD_LETTER),
        ("timers-fire", [], "choose at least one delayed message"),
        ("timers-fire", [("timer", "17")], "expected a due time and a number as timer, got '17'"),
        ("timers-cancel", [("timer", "5:17"), ("sure", "1")], NO_TIMER.format(17)),
        ("ask-answer", [("token", "none"), ("json", "{}")], NOT_OPEN),
        (
            "ask-cancel",
            [("token", "")],
            "expected the token of one open ask, got an empty one: statefun-actors asks lists the open asks",
        ),
    ],
)
async def test_missing_things_cannot_be_changed(
    store: str | None, act: str, fields: list[tuple[str, str]], problem: str
) -> None:
    async with site(store=store) as console:
        answer = await console.act(act, fields)

        assert answer.status == 400
        assert notice(answer.text) == problem


async def timer(console: Site) -> str:
    """The key of a delayed message to ``ada`` in three days."""
    await console.runtime.tell(Box.at("ada"), Start())
    found = re.search(r'name="timer" value="(.+?)"', (await console.get("/console/timers")).text)
    assert found is not None
    return found[1]


async def test_a_timer_is_delivered_at_once(store: str | None) -> None:
    async with site(store=store) as console:
        after = await console.after(await console.act("timers-fire", [("timer", await timer(console))]))

        assert "Delivered 1 delayed message." in after
        assert "No delayed messages." in after
        await seen(console, "entity?address=console/box/ada", "later")


async def test_a_timer_is_cancelled_after_a_question(store: str | None) -> None:
    async with site(store=store) as console:
        fields = [("timer", await timer(console))]
        asked = await console.act("timers-cancel", fields)
        after = await console.after(await console.act("timers-cancel", [*fields, ("sure", "1")]))
        again = await console.act("timers-cancel", [*fields, ("sure", "1")])

        assert question(asked.text) == "Cancel 1 delayed message? It is never delivered."
        assert "No delayed messages." in after
        assert again.status == 400
        assert notice(again.text) == NO_TIMER.format(fields[0][1].partition(":")[2])


async def open_ask(console: Site) -> str:
    """The first characters of the token of an open ask."""
    await console.runtime.tell(Box.at("ada"), Start())
    async with asyncio.timeout(DEADLINE):
        while not (found := re.search(r'href="ask\?token=(.+?)"', (await console.get("/console/asks")).text)):
            pass
    return found[1]


async def test_an_ask_is_answered(store: str | None) -> None:
    async with site(store=store) as console:
        token = await open_ask(console)
        page = (await console.get(f"/console/ask?token={token}")).text
        fields = [("token", token), ("json", '{"text": "by hand"}')]
        after = await console.after(await console.act("ask-answer", fields))

        assert "console/put as JSON" in page
        assert "Answered the ask of console/box/ada with console/put." in after
        assert "No asks are open." in after
        await seen(console, "entity?address=console/box/ada", "by hand")


async def test_an_ask_is_cancelled_after_a_question(store: str | None) -> None:
    async with site(store=store) as console:
        token = await open_ask(console)
        asked = await console.act("ask-cancel", [("token", token)])
        await console.after(await console.act("ask-cancel", [("token", token), ("sure", "1")]))

        assert question(asked.text) == 'Cancel the ask of console/box/ada? It gets NoAnswer("failed", "cancelled").'
        await seen(console, "entity?address=console/box/ada", "cancelled")


async def test_a_notice_is_shown_only_by_its_key(store: str | None) -> None:
    async with site(store=store) as console:
        page = (await console.get("/console/?notice=You+are+hacked")).text

        assert "hacked" not in page
        assert 'role="status"' not in page
