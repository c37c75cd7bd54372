"""Fields are set by forms of the console."""

from __future__ import annotations

import html

import pytest

from statefun_actors.console.values import digest
from tests.console.asked_and_told import NO_JSON, NOT_SERVED, notice, question
from tests.console.served import FORM, Box, Put, query, site


async def test_a_field_is_set_after_a_question(store: str | None) -> None:
    async with site(store=store) as console:
        await console.runtime.tell(Box.at("ada"), Put("old"))
        where = {"type": "console/box", "id": "ada", "field": "text"}
        page = html.unescape((await console.get(f"/console/field{query(**where)}")).text)
        fields = [*where.items(), ("was", digest("old")), ("json", '"new"')]
        asked = await console.act("field-set", fields)
        after = await console.after(await console.act("field-set", [*fields, ("sure", "1")]))
        again = await console.act("field-set", [*fields, ("sure", "1")])

        assert f'name="was" value="{digest("old")}"' in page
        assert question(asked.text) == 'Set text of console/box/ada from "old" to "new"?'
        assert "Set text of console/box/ada." in after
        assert '<pre>"new"</pre>' in html.unescape(after)
        assert again.status == 400
        assert notice(again.text) == 'text has changed since: it is "new" now'


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"json": "5"}, "the JSON does not fit the field text: expected `str`, got `int`."),
        ({"json": "{"}, NO_JSON),
        ({"json": "null"}, "the JSON does not fit the field text: expected `str`, got `None`."),
        ({"field": "none"}, "Box has no field 'none'; it has: text, numbers"),
        ({"type": "console/none"}, NOT_SERVED),
        ({"id": ""}, "an id of console/box is a non-empty string: got ''. Write the id as a str."),
    ],
)
async def test_a_value_that_does_not_fit_a_field_is_refused(fields: dict[str, str], problem: str) -> None:
    async with site() as console:
        form = {"type": "console/box", "id": "ada", "field": "text", "was": digest(""), "json": '"x"', **fields}
        answer = await console.act("field-set", [*form.items(), ("sure", "1")])

        assert answer.status == 400
        assert notice(answer.text) == problem


async def test_a_large_value_is_edited_without_sending_what_is_stored() -> None:
    async with site() as console:
        await console.runtime.tell(Box.at("ada"), Put("x" * 3_000_000))
        fields = [("type", "console/box"), ("id", "ada"), ("field", "text"), ("was", digest("x" * 3_000_000))]
        long = await console.act("field-set", [*fields, ("json", f'"{"y" * 3_900_000}"'), ("sure", "1")])
        longer = await console.request("POST", "/console/field-set", "y" * 4_000_001, Content_Type=FORM)

        assert long.status == 303
        assert (longer.status, longer.text) == (
            413,
            "expected a form of at most 4,000,000 bytes, got 4,000,001: use the command line\n",
        )
