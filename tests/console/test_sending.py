"""Messages that are sent by the forms of the console: from fields, as JSON, and their preview."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Annotated

import pytest

from statefun_actors import AsyncRuntime, Entity, handles, message
from tests.console.asked_and_told import NO_DURATION, NO_JSON, NOT_SERVED, notice, seen, text
from tests.console.served import Site, query, site


@message("console/count")
class Count:
    counts: dict[str, int]


class Shelf(Entity, typename="console/shelf"):
    @handles
    def count(self, message: Count) -> None: ...


def made_in_a_function() -> type[Entity]:
    @message("console/inner")
    class Inner:
        number: int

    @message("console/outer")
    class Outer:
        inner: Inner
        name: Annotated[str, "shown"]

    class Holder(Entity, typename="console/holder"):
        @handles
        def hold(self, message: Outer) -> None: ...

    return Holder


async def test_classes_that_were_made_in_a_function_have_a_form() -> None:
    holder = made_in_a_function()
    async with AsyncRuntime(holder, bind="127.0.0.1:0") as runtime:
        console = Site(runtime)
        form = f"send{query(to='console/holder/a', type='console/outer')}"
        page = await console.get(f"/console/{form}")
        fields = [("to", "console/holder/a"), ("type", "console/outer"), ("f.inner", '{"number": 1}'), ("f.name", "5")]
        after = await console.after(await console.act("send-message", fields, page=form))

    assert page.status == 200
    assert "Sent console/outer to console/holder/a." in after


async def test_a_message_is_sent_from_its_fields(store: str | None) -> None:
    async with site(store=store) as console:
        fields = [("to", "console/box/ada"), ("type", "console/put"), ("f.text", "<b>it's</b>")]
        after = await console.after(await console.act("send-message", fields))

        assert "Sent console/put to console/box/ada." in after
        await seen(console, "entity?address=console/box/ada", "<b>it's</b>")


async def test_a_message_is_sent_as_json_for_later(store: str | None) -> None:
    async with site(store=store) as console:
        fields = [("to", "console/box/ada"), ("type", "console/put"), ("json", '{"text": "x"}'), ("after", "1h")]
        after = await console.after(await console.act("send-message", fields))

        assert "Sent console/put to console/box/ada, to be delivered in 1h." in after
        assert "in 60 min" in (await console.get("/console/timers")).text


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"to": "nowhere"}, "an address is <namespace>/<name>/<id>: got 'nowhere'. Write it as 'bank/account/ada'."),
        ({"to": "console/none/x"}, NOT_SERVED),
        (
            {"type": ""},
            "console/box takes console/fail and console/give-up and console/put and console/start, so a message for it "
            "has to name its type",
        ),
        (
            {"type": "console/none"},
            "console/box takes console/fail, console/give-up, console/put, console/start, got console/none. Add a "
            "handler for it, or one for google.protobuf.Any, which takes every type without its own handler.",
        ),
        ({"json": "{"}, NO_JSON),
        ({"json": '{"text": 5}'}, "the JSON does not fit console/put: expected `str`, got `int` - at `$.text`."),
        (
            {"json": '{"text": "a", "text": "b"}'},
            'expected each key once, got "text" twice in one object. Remove one of them.',
        ),
        (
            {"after": "soon"},
            NO_DURATION,
        ),
    ],
)
async def test_a_message_that_does_not_fit_is_refused_with_what_was_entered(
    fields: dict[str, str], problem: str
) -> None:
    async with site() as console:
        form = {"to": "console/box/ada", "type": "console/put", "json": '{"text": "kept"}', **fields}
        answer = await console.act("send-message", list(form.items()))

        assert answer.status == 400
        assert notice(answer.text) == problem
        assert form["to"] in html.unescape(answer.text)
        assert "No entities" in (await console.get("/console/entities")).text


async def test_a_preview_shows_the_json_and_the_same_message_by_other_means(tmp_path: Path) -> None:
    async with site(store=str(tmp_path / "my store.db")) as console:
        page = await console.get(f"/console/send{query(to='console/box/a b', type='console/put', **{'f.text': 'it'})}")

        text = html.unescape(page.text)
        assert '{"text":"it"}</textarea>' in text
        assert (
            f"curl -X PUT 'http://{console.host}:{console.port}/ingress/console/box/a%20b?type=console%2Fput' "
            "-H 'Content-Type: application/json' -d '{\"text\":\"it\"}'"
        ) in text
        assert (
            f"statefun-actors send --store '{tmp_path}/my store.db' APP 'console/box/a b' console/put "
            '\'{"text":"it"}\''
        ) in text
        assert "await runtime.tell(Box.at('a b'), Put(text='it'))" in text


async def test_a_preview_of_a_delayed_message_has_its_delay_and_the_token(tmp_path: Path) -> None:
    path = f"/console/send{query(to='console/box/a', type='console/put', after='1h30m', **{'f.text': 'it'})}"
    async with site(store=str(tmp_path / "store.db"), token="secret") as console:
        text = html.unescape((await console.get(path, Authorization="Bearer secret")).text)

        assert (
            f"curl -X PUT 'http://{console.host}:{console.port}/ingress/console/box/a?type=console%2Fput&after=1h30m' "
            '-H "Authorization: Bearer $STATEFUN_ACTORS_TOKEN" '
            "-H 'Content-Type: application/json' -d '{\"text\":\"it\"}'"
        ) in text
        assert (
            f"statefun-actors send --store {tmp_path}/store.db --after 1h30m APP console/box/a console/put "
            '\'{"text":"it"}\''
        ) in text
        assert "await runtime.tell(Box.at('a'), Put(text='it'), after=5400)" in text


async def test_a_preview_says_what_is_wrong_with_the_delay() -> None:
    async with site() as console:
        path = f"/console/send{query(to='console/box/a', type='console/put', after='soon', **{'f.text': 'it'})}"
        page = (await console.get(path)).text

        assert text('<p class="bad" role="alert">(.*?)</p>', page) == NO_DURATION


async def test_a_key_that_is_repeated_in_a_field_is_refused_and_the_preview_says_so() -> None:
    fields = {"to": "console/shelf/a", "type": "console/count", "f.counts": '{"a": 1, "a": 2}'}
    problem = 'expected each key once, got "a" twice in one object. Remove one of them.'
    async with AsyncRuntime(Shelf, bind="127.0.0.1:0") as runtime:
        console = Site(runtime)
        form = f"send{query(to=fields['to'], type=fields['type'])}"
        refused = await console.act("send-message", list(fields.items()), page=form)
        preview = await console.get(f"/console/send{query(**fields)}")

        assert (refused.status, notice(refused.text)) == (400, problem)
        assert (preview.status, text(r'class="bad" role="alert">(.*?)</p>', preview.text)) == (200, problem)
        assert fields["f.counts"] in html.unescape(preview.text)
