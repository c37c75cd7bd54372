"""Failing messages are tried or dropped by forms of the console, and entities and types paused."""

from __future__ import annotations

import html

from tests.console.asked_and_told import notice, question, seen
from tests.console.served import Box, Fail, Put, site


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


async def test_messages_behind_a_failing_one_are_handled_after_it_is_dropped() -> None:
    async with site() as console:
        key = await console.failing("stuck", "this")
        await console.runtime.tell(Box.at("stuck"), Fail("next"))
        await console.act("failing-drop", [("message", key), ("sure", "1")])

        await seen(console, "failing", "can't take next")
