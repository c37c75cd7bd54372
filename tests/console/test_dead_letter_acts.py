"""Dead letters are discarded or retried by forms of the console."""

from __future__ import annotations

import html
import re

import pytest

from tests.console.asked_and_told import question, seen
from tests.console.served import Box, GiveUp, Site, site


async def given_up(console: Site, *texts: str) -> list[str]:
    """Dead letters of *texts*; returns their numbers."""
    for text in texts:
        await console.runtime.tell(Box.at(text), GiveUp(text))
    page = (await console.get("/console/dead-letters")).text
    return re.findall(r'name="number" value="(\d+)"', page)


async def test_chosen_dead_letters_are_discarded_after_a_question(store: str | None) -> None:
    async with site(store=store) as console:
        first, second, _ = await given_up(console, "one", "two", "three")
        fields = [("number", first), ("number", second)]
        asked = await console.act("dead-letters-discard", fields)
        after = await console.after(await console.act("dead-letters-discard", [*fields, ("sure", "1")]))

        assert question(asked.text) == "Discard 2 dead letters? They are deleted."
        assert asked.text.count('name="number-encoded"') == 2
        assert "Discarded 2 dead letters." in after
        assert re.findall("gave up on ([a-z]+)", after) == ["three"]


async def test_all_dead_letters_of_an_address_are_retried(store: str | None) -> None:
    async with site(store=store) as console:
        await given_up(console, "one", "two")
        fields = [("all", "1"), ("to", "console/box/o"), ("sure", "1")]
        after = await console.after(await console.act("dead-letters-retry", fields))

        assert "Retried 1 dead letter." in after
        assert 'name="to" value="console/box/o"' in after


@pytest.mark.parametrize(
    ("act", "asks", "done"),
    [
        (
            "dead-letters-discard",
            "Discard 2 dead letters for addresses that begin with 'console/box/o'? They are deleted.",
            "Discarded 2 dead letters.",
        ),
        (
            "dead-letters-retry",
            "Retry 2 dead letters for addresses that begin with 'console/box/o'?",
            "Retried 2 dead letters.",
        ),
    ],
)
async def test_all_dead_letters_are_those_of_the_question(store: str | None, act: str, asks: str, done: str) -> None:
    async with site(store=store) as console:
        await given_up(console, "one", "other", "two")
        asked = (await console.act(act, [("all", "1"), ("to", "console/box/o")])).text
        await given_up(console, "offside")
        hidden = re.findall(r'type="hidden" name="(.*?)" value="(.*?)"', asked)
        fields = [(name, value) for name, value in hidden if name != "csrf"]
        after = await console.after(await console.act(act, [*fields, ("sure", "1")]))

        assert question(asked) == asks
        assert done in after
        assert "gave up on offside" in after


async def test_a_dead_letter_is_retried_with_another_value(store: str | None) -> None:
    async with site(store=store) as console:
        (number,) = await given_up(console, "one")
        page = html.unescape((await console.get(f"/console/dead-letter?number={number}")).text)
        wrong = await console.act("dead-letter-edit", [("number", number), ("json", '{"text": []}')])
        fields = [("number", number), ("json", '{"text": "another"}')]
        after = await console.after(await console.act("dead-letter-edit", fields))

        assert '"text": "one"' in page
        assert "ValueError: gave up on one" in page
        assert wrong.status == 400
        assert "the JSON does not fit console/give-up: expected `str`, got `list` - at `$.text`." in html.unescape(
            wrong.text
        )
        assert '{"text": []}' in html.unescape(wrong.text)
        assert f"Retried dead letter {number} with another value." in after
        await seen(console, "dead-letters", "gave up on another")
