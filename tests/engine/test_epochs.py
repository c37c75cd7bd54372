"""Epochs: messages that share a commit, commits that fail, and replies that wait for one."""

from __future__ import annotations

import asyncio
from typing import ClassVar

import pytest

from statefun_actors import Entity, handles
from statefun_actors.engine import EpochLostError
from statefun_actors.ingress import Answer, AnswerLost, IngressMessage, NotTaken, Replied, Wait
from statefun_actors.store import Commit, Message
from statefun_actors.types import pack
from tests.engine.counters import Counter, Gate
from tests.engine.engines import HeldStore, held, running, send, until


class Shouter(Entity, typename="test/shouter"):
    """Its first run shouts once, the second one twice."""

    runs: ClassVar[int] = 0

    @handles(int)
    def shout(self, message: int) -> None:
        Shouter.runs += 1
        for _ in range(Shouter.runs):
            self.send_egress("test/shouts", message)


async def test_the_next_epoch_runs_while_one_is_written_and_falls_with_it() -> None:
    store = HeldStore()
    async with running(Counter, store=store) as engine:
        store.let_go.clear()
        send(engine, Counter.at("a"), pack(1))
        await until(lambda: store.begun == 1)
        send(engine, Counter.at("a"), pack(1))
        second = asyncio.create_task(engine.durable())
        await until(lambda: held(engine, Counter.at("a"), "n") == 2)
        store.fail = True
        store.let_go.set()
        with pytest.raises(EpochLostError) as raised:
            await second
        store.fail = False
        await engine.idle()

        assert str(raised.value) == "not stored, so send it again: store test: the disk is full"
        assert held(engine, Counter.at("a"), "n") is None
        assert store.load([Counter.at("a")]) == [None]


async def test_a_failed_commit_loses_nothing_that_was_durable() -> None:
    store, answers = HeldStore(), list[Answer]()
    async with running(Counter, store=store) as engine:
        send(engine, Counter.at("a"), pack(5))
        await engine.durable()
        store.fail = True
        send(engine, Counter.at("a"), pack(7))
        with pytest.raises(EpochLostError):
            await engine.durable()
        engine.take(IngressMessage(Counter.at("a"), pack(7)), answers.append)
        store.fail = False
        await engine.idle()
        send(engine, Counter.at("a"), pack(1))
        await engine.durable()

        assert held(engine, Counter.at("a"), "n") == 6
        assert answers == [NotTaken("store test: the disk is full")]
        assert engine.view.error is None


async def test_a_read_that_fails_while_a_commit_is_written_runs_nothing_of_that_commit_twice() -> None:
    store, Shouter.runs = HeldStore(), 0
    await store.commit(Commit(messages=[Message(1, Shouter.at("a"), pack(5))], next_seq=2))
    answers: list[Answer] = []
    async with running(Shouter, Counter, store=store) as engine:
        store.let_go.clear()
        await until(lambda: store.begun == 2)  # which deals with that message
        durable = asyncio.create_task(engine.durable())
        store.fail_reads = 1
        engine.take(IngressMessage(Counter.at("b"), pack(1), wait=Wait.HANDLED), answers.append)
        for _ in range(20):
            await asyncio.sleep(0)
        store.let_go.set()
        await asyncio.wait([durable])
        await engine.idle()

        assert len(store.egress_after(0, 10)) == 1
        assert answers == [NotTaken("store test: the disk can't be read")]
        assert held(engine, Counter.at("b"), "n") is None
        assert store.counts()["messages"] == 0


async def test_a_commit_that_succeeds_while_the_memory_is_lost_counts_for_those_who_wait() -> None:
    Gate.open, Gate.entered = asyncio.Event(), []
    store, answers = HeldStore(), list[Answer]()
    async with running(Gate, Counter, store=store) as engine:
        store.let_go.clear()
        engine.take(IngressMessage(Gate.at("slow"), pack(1), wait=Wait.HANDLED), answers.append)
        await until(lambda: Gate.entered)
        await until(lambda: store.begun)
        store.fail_reads = 1
        send(engine, Counter.at("b"), pack(1))
        await until(lambda: engine.view.lost)
        early = list(answers)
        store.let_go.set()
        await until(lambda: answers)
        Gate.open.set()
        await engine.idle()

        assert (early, answers) == ([], [AnswerLost("store test: the disk can't be read")])
        assert held(engine, Gate.at("slow"), "n") == 1


async def test_replies_are_released_only_once_their_epoch_is_durable() -> None:
    store = HeldStore()
    answers: list[Answer] = []
    async with running(Counter, store=store) as engine:
        store.let_go.clear()
        engine.take(IngressMessage(Counter.at("a"), pack(1), wait=Wait.HANDLED), answers.append)
        await until(lambda: store.begun == 1)
        before = list(answers)
        store.let_go.set()
        await engine.idle()

        assert (before, answers) == ([], [Replied(pack(1))])


async def test_callers_that_wait_for_a_reply_get_an_error_when_the_epoch_is_lost() -> None:
    store = HeldStore()
    answers: list[Answer] = []
    async with running(Counter, store=store) as engine:
        store.fail = True
        engine.take(IngressMessage(Counter.at("a"), pack(1), wait=Wait.REPLY), answers.append)
        await until(lambda: answers)
        store.fail = False

        assert answers == [NotTaken("store test: the disk is full")]


async def test_messages_of_successive_loop_iterations_share_a_commit() -> None:
    store = HeldStore()
    async with running(Counter, store=store) as engine:
        for _ in range(3):
            send(engine, Counter.at("a"), pack(1))
            send(engine, Counter.at("b"), pack(1))
            await asyncio.sleep(0)
        await engine.idle()

    assert store.begun == 1


async def test_a_message_that_comes_alone_waits_for_no_other() -> None:
    store = HeldStore()
    async with running(Counter, store=store) as engine:

        async def turns_until_a_commit_of(messages: int) -> int:
            await engine.idle()
            store.begun = turns = 0
            for _ in range(messages):
                send(engine, Counter.at("a"), pack(1))
            while not store.begun:
                await asyncio.sleep(0)
                turns += 1
            return turns

        alone, alone_again = await turns_until_a_commit_of(1), await turns_until_a_commit_of(1)
        assert await turns_until_a_commit_of(2) == alone + 1 == alone_again + 1


async def test_no_stream_of_messages_keeps_an_epoch_open() -> None:
    store = HeldStore()
    async with running(Counter, store=store) as engine:
        turns = 0
        while not store.begun:
            send(engine, Counter.at("a"), pack(1))
            send(engine, Counter.at("b"), pack(1))
            await asyncio.sleep(0)
            turns += 1
            assert turns < 20
