"""The changes by forms of the console, over HTTP, on a runtime with a file and in memory."""

from __future__ import annotations

import asyncio
import html
import re
from pathlib import Path

import pytest

from statefun_actors.console.values import digest
from tests.console.served import DEADLINE, FORM, Box, Fail, GiveUp, Put, Site, Start, query, site

NOT_SERVED = (
    "nothing here serves 'console/none'; served are console/box. Add its class to the application, or correct the "
    "address."
)
NO_JSON = "expected JSON, got '{': Input data was truncated. A text in JSON has quotes of its own: '\"ada\"'."
NO_DURATION = (
    "after: expected a duration, such as 500ms, 5s, 2m, 1h30m, 7d or PT5S (a number alone is seconds), got 'soon'"
)
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


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str | None:
    return str(tmp_path / "store.db") if request.param == "file" else None


async def seen(console: Site, page: str, text: str) -> None:
    async with asyncio.timeout(DEADLINE):
        while text not in html.unescape((await console.get(f"/console/{page}")).text):
            pass


def notice(page: str) -> str:
    """The text of the notice of *page*."""
    return _text(r'class="notice.*?>(.*?)</p>', page)


def question(page: str) -> str:
    """What *page* asks before a change."""
    return _text(r"Are you sure\?</h1>\s*<p>(.*?)</p>", page)


def _text(pattern: str, page: str) -> str:
    found = re.search(pattern, page, re.DOTALL)
    assert found is not None, page
    return html.unescape(re.sub("<.*?>", "", found[1]))


# Messages


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

        assert _text('<p class="bad" role="alert">(.*?)</p>', page) == NO_DURATION


# Failing messages


async def test_failing_messages_are_dropped_after_a_question(store: str | None) -> None:
    async with site(store=store) as console:
        fields = [("message", await console.failing("stuck", "this"))]
        asked = await console.act("failing-drop", fields)
        still = (await console.get("/console/failing")).text
        after = await console.after(await console.act("failing-drop", [*fields, ("sure", "1")]))

        assert asked.status == 200
        assert question(asked.text) == (
            "Drop the first message of console/box/stuck? It becomes a dead letter, and those behind are handled."
        )
        assert "console/box/stuck" in still
        assert "Dropped the first message of console/box/stuck." in after
        assert "No message is failing." in after
        await seen(console, "dead-letters", "console/box/stuck")


async def test_chosen_failing_messages_are_discarded(store: str | None) -> None:
    async with site(store=store) as console:
        chosen = [("message", await console.failing(id, id)) for id in ("one", "two")]
        asked = await console.act("failing-drop", [*chosen, ("discard", "1")])
        after = await console.after(await console.act("failing-drop", [*chosen, ("discard", "1"), ("sure", "1")]))

        assert question(asked.text) == "Discard 2 messages? They are deleted, and those behind are handled."
        assert "Discarded 2 messages." in after
        assert "No dead letters." in (await console.get("/console/dead-letters")).text


async def test_a_failing_message_is_tried_at_once(store: str | None) -> None:
    async with site(store=store) as console:
        key = await console.failing("stuck", "this")
        after = await console.after(await console.act("failing-retry", [("message", key)]))
        after_all = await console.after(await console.act("failing-retry", [("all", "1")]))

        assert "Tried 1 message again." in after
        assert "Tried 1 message again." in after_all


async def test_messages_of_paused_entities_are_not_among_all_that_are_tried(store: str | None) -> None:
    async with site(store=store) as console:
        key = await console.failing("stuck", "this")
        await console.act("pause", [("type", "console/box"), ("id", "stuck")])
        chosen = await console.act("failing-retry", [("message", key)])
        after_all = await console.after(await console.act("failing-retry", [("all", "1")]))

        assert "its messages are paused; resume it first" in html.unescape(chosen.text)
        assert "Tried 0 messages again." in after_all


async def test_only_the_message_of_the_question_is_dropped(store: str | None) -> None:
    async with site(store=store) as console:
        first = [("message", await console.failing("stuck", "this")), ("sure", "1")]
        await console.runtime.tell(Box.at("stuck"), Fail("next"))
        await console.after(await console.act("failing-drop", first))
        second = await console.failing_key("stuck", "next")
        refused = await console.act("failing-drop", first)
        await console.after(await console.act("failing-drop", [("message", second), ("sure", "1")]))
        gone = await console.act("failing-drop", first)

        assert refused.status == gone.status == 400
        assert notice(refused.text) == (
            "another message of console/box/stuck is the first one now: read it, then choose again"
        )
        assert notice(gone.text) == "the chosen message of console/box/stuck is not failing any more"


async def test_an_entity_is_paused_and_resumed(store: str | None) -> None:
    async with site(store=store) as console:
        fields = [("type", "console/box"), ("id-encoded", "a%20b")]
        paused = await console.after(await console.act("pause", fields))
        await console.runtime.tell(Box.at("a b"), Put("wait"))
        overview, failing = [(await console.get(f"/console/{page}")).text for page in ("", "failing")]
        resumed = await console.after(await console.act("resume", fields))

        assert "Paused console/box/a b. Its messages wait until it is resumed." in paused
        assert "messages wait until it is resumed" in paused
        assert 'action="resume"' in paused
        for page in (overview, failing):
            assert ">console/box/a b<" in page
            assert 'data-label="waiting" class="number">1<' in page
        assert "Resumed console/box/a b." in resumed
        await seen(console, "entity?type=console/box&id=a%20b", '"wait"')


async def test_a_type_is_paused_after_a_question(store: str | None) -> None:
    async with site(store=store) as console:
        fields = [("type-encoded", "console%2Fbox")]
        asked = await console.act("pause", fields)
        paused = await console.after(await console.act("pause", [*fields, ("sure", "1")]))
        await console.runtime.tell(Box.at("x"), Put("wait"))
        entity = (await console.get("/console/entity?type=console/box&id=x")).text
        resumed = await console.after(await console.act("resume", fields))

        assert "Pause all entities of console/box? Their messages wait until the type is resumed." in asked.text
        assert "Paused console/box." in paused
        assert "All entities of this type are paused since" in paused
        assert "is paused since" in entity
        assert "Waiting messages" in entity
        assert "Resumed console/box." in resumed


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


# Dead letters


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


# Fields


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


# Timers


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


# Asks


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


# Forms


async def test_a_notice_is_shown_only_by_its_key(store: str | None) -> None:
    async with site(store=store) as console:
        page = (await console.get("/console/?notice=You+are+hacked")).text

        assert "hacked" not in page
        assert 'role="status"' not in page


async def test_messages_behind_a_failing_one_are_handled_after_it_is_dropped() -> None:
    async with site() as console:
        key = await console.failing("stuck", "this")
        await console.runtime.tell(Box.at("stuck"), Fail("next"))
        await console.act("failing-drop", [("message", key), ("sure", "1")])

        await seen(console, "failing", "can't take next")
