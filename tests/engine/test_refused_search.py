"""The search for the message whose change a store refuses: it may be none of them, and others go on."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from statefun_actors.admin import EngineControl, Posting
from statefun_actors.dispatch import Application
from statefun_actors.engine import Engine, EngineOptions, ManualClock
from statefun_actors.ingress import Answer, Wait
from statefun_actors.store import Commit, CommitRefusedError, MemoryStore, Message
from statefun_actors.types import pack
from tests.engine.engines import DEADLINE, Listed, held, running, send, until
from tests.engine.poison import GUILTY, TARGETS, Counted, Refusing, given_up, letter


async def test_messages_during_the_search_for_the_refused_one_are_taken_in_order(refusing: Refusing) -> None:
    store = refusing()
    answers: list[Answer] = []
    async with running(Counted, store=store) as engine:
        engine.take(letter(GUILTY, "state"), answers.append)
        await until(lambda: engine.view.isolating)
        for number, wait in enumerate((Wait.TAKEN, Wait.HANDLED)):
            engine.take(letter(TARGETS[number], "ok", wait), answers.append)
        engine.take(letter(TARGETS[2], "ok", key="k"), answers.append)
        send(engine, TARGETS[4], pack("ok"))
        await engine.durable()
        await until(lambda: len(answers) == 4)
        await engine.idle()

        assert sorted(type(answer).__name__ for answer in answers) == ["GivenUp", "Replied", "Replied", "Taken"]
        assert [held(engine, TARGETS[number], "count") for number in (0, 1, 2, 4)] == [1, 1, 1, 1]


async def test_a_refusal_that_is_no_messages_fault_ends_the_engine_with_it(caplog: pytest.LogCaptureFixture) -> None:
    class Stubborn(MemoryStore):
        async def commit(self, commit: Commit) -> None:
            if commit.messages_done:
                raise CommitRefusedError("test", "it takes nothing")
            await super().commit(commit)

    store = Stubborn()
    await store.commit(Commit(messages=[Message(1, GUILTY, pack("ok"))], next_seq=2))
    engine = Engine(Application(Counted), store, ManualClock())
    with pytest.raises(CommitRefusedError) as raised:
        await asyncio.wait_for(engine.run(), DEADLINE)

    assert str(raised.value) == "store test: it takes nothing"
    assert caplog.messages[0] == (
        "the store refused a commit; its messages run again, one per commit, to find the cause: "
        "store test: it takes nothing"
    )
    assert not any("are kept" in text for text in caplog.messages)


async def test_a_commit_that_is_refused_only_as_a_whole_is_taken_in_parts(caplog: pytest.LogCaptureFixture) -> None:
    class Small(MemoryStore):
        async def commit(self, commit: Commit) -> None:
            if len(commit.messages_done) > 1:
                raise CommitRefusedError("test", "it takes one message at a time")
            await super().commit(commit)

    store = Small()
    messages = [Message(seq, target, pack("ok")) for seq, target in enumerate(TARGETS[:2], 1)]
    await store.commit(Commit(messages=messages, next_seq=5))
    async with running(Counted, store=store) as engine:
        await engine.idle()

        assert [held(engine, target, "count") for target in TARGETS[:2]] == [1, 1]
        assert given_up(store) == []
        assert (
            "the search for the refused message found none: each message was stored alone. Messages share commits "
            "again; if this repeats, report it with the log"
        ) in caplog.messages


async def test_timers_and_messages_of_the_lost_epoch_come_once(refusing: Refusing) -> None:
    store, clock = refusing(), ManualClock()
    async with running(Counted, store=store, clock=clock) as engine:
        words = ["later" if number == 11 else "ok" for number in range(24)]
        await EngineControl(engine).send([Posting(TARGETS[n % 8], pack(word), n % 2) for n, word in enumerate(words)])
        await engine.idle()
        clock.set_ms(clock.now_ms() + timedelta(minutes=2) // timedelta(milliseconds=1))
        await engine.idle()

        assert [held(engine, target, "count") for target in TARGETS] == [3, 3, 3, 2, 3, 3, 3, 3]
        assert len(given_up(store)) == 1


async def test_sources_are_read_on_after_a_message_with_many_behind_it_was_given_up(refusing: Refusing) -> None:
    store, source, options = refusing(), Listed([(TARGETS[0], 1)] * 20), EngineOptions(epoch_steps=4)
    async with running(Counted, store=store, options=options, sources={"in": source}) as engine:
        for message in ("state", *["ok"] * 6):
            send(engine, GUILTY, pack(message))
        await engine.idle()

        assert [entry.message.target for entry in given_up(store)] == [GUILTY]
        assert (held(engine, GUILTY, "count"), held(engine, TARGETS[0], "count")) == (6, 20)
