"""``Call``: its table of events by kinds of calls; and the answers of an engine that ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from statefun_actors import Address, Entity, handles
from statefun_actors.dispatch import Application
from statefun_actors.engine import Engine, ManualClock
from statefun_actors.engine.call import Call
from statefun_actors.engine.epoch import Epoch
from statefun_actors.ingress import Answer, GivenUp, Handled, IngressMessage, Interrupted, NotTaken, Replied, Wait
from statefun_actors.store import Commit, MemoryStore
from statefun_actors.types import pack
from tests.engine.asked import Counter, Later
from tests.engine.engines import DEADLINE, held, running, send, until
from tests.engine.refusing import POISON, RefusingStore

FIRST, SECOND = pack("first"), pack("second")
REFUSED = GivenUp("ValueError: no")

Event = Callable[[Call, Epoch], None]


def replied(call: Call, epoch: Epoch) -> None:
    call.replied(FIRST, epoch)


def replied_again(call: Call, epoch: Epoch) -> None:
    call.replied(SECOND, epoch)


def handled(call: Call, epoch: Epoch) -> None:
    call.handled(None, epoch)


def asked(call: Call, epoch: Epoch) -> None:
    call.await_reply(epoch)


def given_up(call: Call, epoch: Epoch) -> None:
    call.handled(REFUSED, epoch)


@pytest.mark.parametrize(
    ("until_reply", "events", "answer"),
    [
        (False, [replied], None),
        (False, [replied, handled], Replied(FIRST)),
        (False, [replied, replied_again, handled], Replied(FIRST)),
        (False, [replied, asked], Replied(FIRST)),
        (False, [replied, given_up], GivenUp("ValueError: no")),
        (False, [handled], Handled()),
        (False, [handled, replied], Handled()),
        (False, [asked], None),
        (False, [asked, replied], Replied(FIRST)),
        (False, [asked, given_up], GivenUp("ValueError: no")),
        (False, [given_up, replied], GivenUp("ValueError: no")),
        (True, [replied], Replied(FIRST)),
        (True, [replied, replied_again], Replied(FIRST)),
        (True, [replied, given_up], Replied(FIRST)),
        (True, [handled], None),
        (True, [handled, replied], Replied(FIRST)),
        (True, [asked, replied], Replied(FIRST)),
        (True, [given_up], GivenUp("ValueError: no")),
    ],
)
def test_the_first_answer_counts(*, until_reply: bool, events: list[Event], answer: Answer | None) -> None:
    call, epoch = Call("1", until_reply=until_reply), Epoch(1)

    for event in events:
        event(call, epoch)

    assert call.answer == answer
    assert epoch.answered == ([] if answer is None else [call])


def test_the_end_of_a_handler_is_committed_although_a_reply_is_still_to_come() -> None:
    call, epoch = Call("1", until_reply=True), Epoch(1)

    call.handled(None, epoch)

    assert not epoch.empty


def test_an_error_does_not_count_where_answers_are_compared() -> None:
    assert GivenUp("no", ValueError("no")) == GivenUp("no")
    assert hash(GivenUp("no", ValueError("no"))) == hash(GivenUp("no"))
    assert GivenUp("no") != GivenUp("yes")


async def test_the_answer_to_a_message_that_was_given_up_carries_the_exception() -> None:
    answers: list[Answer] = []
    async with running(Counter) as engine:
        engine.take(IngressMessage(Counter.at("a"), pack(1.5), wait=Wait.HANDLED), answers.append)
        await until(lambda: answers)

    [answer] = answers
    assert isinstance(answer, GivenUp)
    assert isinstance(answer.error, ValueError)


@pytest.mark.parametrize("key", [None, "key"])
@pytest.mark.parametrize("wait", list(Wait))
async def test_a_caller_that_cancels_gets_no_answer_and_its_message_is_delivered(wait: Wait, key: str | None) -> None:
    answers: list[Answer] = []
    async with running(Counter) as engine:
        cancel = engine.take(IngressMessage(Counter.at("a"), pack(1), wait=wait, key=key), answers.append)
        stored = cancel()
        await engine.idle()

        assert (stored, answers, held(engine, Counter.at("a"), "n")) == (False, [], 1)
        assert cancel() is True


@pytest.mark.parametrize("wait", list(Wait))
async def test_a_caller_that_has_its_answer_learns_from_cancel_that_its_message_is_durable(wait: Wait) -> None:
    answers: list[Answer] = []
    async with running(Counter) as engine:
        cancel = engine.take(IngressMessage(Counter.at("a"), pack(1), wait=wait), answers.append)
        await until(lambda: answers)

        assert cancel() is True


async def test_a_caller_that_cancels_before_its_message_enters_leaves_replies_to_the_function() -> None:
    """While the engine looks for a message that the store refuses, others wait for an epoch of their own."""
    answers: list[Answer] = []
    target, asker = Counter.at("a"), Later.at("asker")
    store = RefusingStore(["message"])
    async with running(Counter, Later, store=store) as engine:
        send(engine, Address("test/nobody", POISON), pack(1))
        await until(lambda: engine.view.isolating)
        engine.take(IngressMessage(target, pack(5), wait=Wait.REPLY, caller=asker), answers.append)()
        await engine.idle()

        assert (answers, held(engine, target, "n")) == ([], 5)
        assert not engine._core.working_set.callers.stand_ins


async def test_in_the_name_of_a_function_the_reply_goes_to_the_caller_until_it_cancels() -> None:
    answers: list[Answer] = []
    target, asker = Counter.at("a"), Later.at("asker")
    async with running(Counter, Later) as engine:
        cancel = engine.take(IngressMessage(target, pack(5), wait=Wait.REPLY, caller=asker), answers.append)
        await engine.idle()
        cancel()
        taken: list[Answer] = []
        engine.take(IngressMessage(target, pack(True), caller=asker), taken.append)
        await engine.idle()

        assert answers == [Replied(pack(5))]
        assert held(engine, target, "n") == 6


async def test_an_engine_that_ends_answers_callers_whose_messages_are_stored() -> None:
    answers: list[Answer] = []
    async with running(Later) as engine:
        engine.take(IngressMessage(Later.at("l"), pack(1), wait=Wait.REPLY), answers.append)
        await engine.idle()
        assert answers == []

    assert answers == [Interrupted()]


async def test_an_engine_that_has_ended_by_an_error_takes_nothing_and_is_idle() -> None:
    class Broken(MemoryStore):
        async def commit(self, commit: Commit) -> None:
            raise RuntimeError("a bug")

    class Quiet(Entity, typename="test/quiet"):
        @handles(int)
        def note(self, message: int) -> None: ...

    engine = Engine(Application(Quiet), Broken(), ManualClock())
    answers: list[Answer] = []
    task = asyncio.create_task(engine.run())
    engine.take(IngressMessage(Quiet.at("a"), pack(1)), answers.append)
    with pytest.raises(RuntimeError, match="a bug"):
        await asyncio.wait_for(task, DEADLINE)
    engine.take(IngressMessage(Quiet.at("a"), pack(1), wait=Wait.HANDLED), answers.append)
    await asyncio.wait_for(engine.idle(), DEADLINE)

    assert answers[-1] == NotTaken("the engine stops")
