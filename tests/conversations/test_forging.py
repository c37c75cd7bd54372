"""Asks, answers and recurring messages can't be forged by other entities or from outside."""

from __future__ import annotations

from datetime import timedelta

import pytest
from google.protobuf.any_pb2 import Any

from statefun_actors import (
    Address,
    Entity,
    NoAnswer,
    NoReplyError,
    TypedValue,
    ValueMismatchError,
    answers,
    handles,
    persisted,
)
from statefun_actors.asking import (
    ANSWER,
    FAILED,
    ORDER,
    REPLY,
    SCHEDULE,
    Answer,
    Cease,
    Close,
    Expire,
    Fire,
    Open,
    Recurrence,
    Repeat,
    Run,
    answer,
    failed,
    order,
    run_id,
    run_key,
    schedule_id,
)
from statefun_actors.testing import TestRuntime
from statefun_actors.types import any_of, pack

NUMBER = pack(7)


class Victim(Entity, typename="test/victim"):
    seen: list[str] = persisted(factory=list)
    ticks: int = persisted(default=0)

    @handles(str)
    def go(self, message: str) -> Address | None:
        if message == "link":
            return self.reply_address(then=self.decided, timeout=timedelta(hours=1), keep="mine")
        if message == "every":
            self.send_every(timedelta(hours=1), self.address, 1, name="hourly")
        return None

    @handles(int)
    def tick(self, message: int) -> None:
        self.ticks += message

    @handles(Any)
    def rest(self, message: Any) -> None:
        self.seen.append(f"any {message.type_url}")

    @answers
    def decided(self, answer: Any | NoAnswer, kept: str) -> None:
        self.seen.append(f"{kept}: {answer.reason if isinstance(answer, NoAnswer) else answer.type_url}")


class Forger(Entity, typename="test/forger"):
    """Sends any message to any address, as its own message says."""

    @handles(Any)
    def send_it(self, message: Any) -> None:
        self.send(forged[0], any_of(forged[1]))

    @handles(str)
    def ask_it(self, message: str) -> None:
        self.ask(forged[0], forged[1], then=self.reported)

    @answers
    def reported(self, answer: Any | NoAnswer) -> None: ...


forged: tuple[Address, TypedValue] = (Address("test/none", "x"), NUMBER)


async def forge(runtime: TestRuntime, target: Address, value: TypedValue) -> None:
    global forged  # noqa: PLW0603 - the entity's message must not be checked on its way to it
    forged = (target, value)
    await runtime.tell(Forger.at("f"), 1.5)


def opening(
    asker: Address, *, question: TypedValue | None = None, target: Address | None = None, ms: int = 1000
) -> Open:
    return Open(
        asker, "decided", (pack("forged").typename, pack("forged").value), None, ms, 0, target,
        None if question is None else (question.typename, question.value),
    )  # fmt: skip


async def test_an_answer_comes_from_the_reply_function_alone() -> None:
    victim = Victim.at("v")
    envelope = answer(Answer("decided", None, None, (NUMBER.typename, NUMBER.value)))
    async with TestRuntime(Victim, Forger) as runtime:
        for value in (envelope, failed("no"), order(Cease()), TypedValue(ANSWER, b"\xff"), TypedValue(ORDER, b"")):
            await forge(runtime, victim, value)

        assert runtime.state(victim).seen == []
        assert [letter.error_type for letter in runtime.dead_letters] == ["UnhandledMessageError"] * 5


async def test_a_handler_that_sends_an_order_that_can_not_be_read_has_asked_nothing() -> None:
    global forged  # noqa: PLW0603 - the entity's message must not be checked on its way to it
    forged = (Address(REPLY, "t"), TypedValue(ORDER, b"junk"))
    async with TestRuntime(Victim, Forger) as runtime:
        with pytest.raises(NoReplyError):  # no reply can come later
            await runtime.ask(Forger.at("f"), 1.5)
        await runtime.tell(Victim.at("v"), 1)

        assert runtime.state(Victim.at("v")).ticks == 1


async def test_an_entity_opens_asks_of_its_own_only(caplog: pytest.LogCaptureFixture) -> None:
    victim, forger = Victim.at("v"), Forger.at("f")
    token = Address(REPLY, "f" * 32)
    poisoned = answer(Answer("decided", (pack("x").typename, pack("x").value), None, (NUMBER.typename, NUMBER.value)))
    async with TestRuntime(Victim, Forger) as runtime:
        for content in (
            opening(victim),
            opening(victim, target=victim, question=NUMBER),
            opening(forger, target=victim, question=poisoned),
            opening(forger, target=victim, question=order(Cease())),
            opening(forger, target=Address(REPLY, "0"), question=failed("no")),
            opening(forger, target=victim),
            opening(forger, question=NUMBER),
            opening(forger, ms=0),
            opening(forger, ms=1 << 60),
        ):
            await forge(runtime, token, order(content))
        for broken in (b"", b"\xff\xff", b"\x91\xa4open", order(opening(forger)).value[:-3]):
            await forge(runtime, token, TypedValue(ORDER, broken))

        assert runtime.asks == []
        assert runtime.state(victim).seen == []
        assert runtime.dead_letters == []

        assert caplog.messages[0] == (
            "statefun-actors/reply: a message of test/forger/f is dropped: a function opens only asks of its own, for "
            "at most ten years, and does not ask with this library's own messages"
        )
        assert caplog.messages[9] == (
            "statefun-actors/reply: a message of test/forger/f is dropped, since it can't be read: "
            "Input data was truncated"
        )

        await forge(runtime, token, order(opening(forger)))
        assert [ask.asker for ask in runtime.asks] == [forger]


@pytest.mark.parametrize("value", [order(Close("no")), answer(Answer("decided", None, None, ("x", b"")))])
async def test_no_question_passes_for_one_of_the_library_s_own_messages(value: TypedValue) -> None:
    global forged  # noqa: PLW0603 - as above
    forged = (Victim.at("v"), value)
    async with TestRuntime(Victim, Forger) as runtime:
        with pytest.raises(ValueMismatchError) as raised:
            await runtime.tell(Forger.at("f"), "go")

        assert str(raised.value) == (f"expected a message whose type is not reserved, got {value.typename}")


async def test_only_the_reply_function_itself_ends_an_ask_by_its_timeout() -> None:
    victim = Victim.at("v")
    async with TestRuntime(Victim, Forger) as runtime:
        link = await runtime.ask(victim, "link", Address)
        await forge(runtime, link, order(Expire()))
        await forge(runtime, link, order(opening(Forger.at("f"))))
        await forge(runtime, link, TypedValue(ANSWER, b""))

        [ask] = runtime.asks
        assert (ask.asker, ask.keep) == (victim, "mine")


async def test_recurring_messages_are_begun_and_ended_by_their_sender_alone(caplog: pytest.LogCaptureFixture) -> None:
    victim, forger = Victim.at("v"), Forger.at("f")
    theirs = Address(SCHEDULE, schedule_id(victim, "hourly"))
    own = Address(SCHEDULE, schedule_id(forger, "hourly"))
    every = Recurrence(5_000)
    one = (pack(1).typename, pack(1).value)
    async with TestRuntime(Victim, Forger) as runtime:
        await runtime.tell(victim, "every")
        for target, content in (
            (theirs, Cease()),
            (theirs, Fire(1, 0)),
            (theirs, Repeat(victim, "hourly", every, victim, one, 0)),
            (theirs, Repeat(forger, "hourly", every, victim, one, 0)),
            (own, Repeat(forger, "other", every, victim, one, 0)),
            (own, Repeat(forger, "hourly", Recurrence(0, "* * *"), victim, one, 0)),
            (own, Repeat(forger, "hourly", Recurrence(-5), victim, one, 0)),
            (own, Repeat(forger, "hourly", every, ("test", ""), one, 0)),
            (own, Repeat(forger, "hourly", every, victim, (FAILED, b"x"), 0)),
            (Address(SCHEDULE, "x"), Cease()),
            (Address(SCHEDULE, "99999999999999:x"), Cease()),
        ):
            await forge(runtime, target, order(content))
        await forge(runtime, own, TypedValue(ORDER, b"\xc1"))
        await runtime.clock.advance(timedelta(hours=2))

        assert runtime.state(victim).ticks == 2
        assert [schedule.sender for schedule in runtime.schedules] == [victim]
        assert runtime.dead_letters == []
        assert caplog.messages[0] == (
            "statefun-actors/schedule: a message of test/forger/f is dropped: a function starts and cancels only "
            "recurring messages of its own, with a valid recurrence, and does not repeat this library's own messages"
        )
        assert caplog.messages[-1].startswith(
            "statefun-actors/schedule: a message of test/forger/f is dropped, since it can't be read: "
        )


async def test_a_reply_to_a_firing_is_dropped() -> None:
    class Polite(Entity, typename="test/polite"):
        fired: int = persisted(default=0)

        @handles(str)
        def begin(self, message: str) -> None:
            self.send_every(timedelta(seconds=1), self.address, 1, name="a")

        @handles(int)
        def fire(self, message: int) -> int:
            assert self.caller == Address(SCHEDULE, schedule_id(self.address, "a"))
            self.reply(TypedValue(ORDER, b"\xff"))
            self.fired += 1
            return message

    async with TestRuntime(Polite) as runtime:
        await runtime.tell(Polite.at("p"), "begin")
        await runtime.clock.advance(3)

        assert runtime.state(Polite.at("p")).fired == 3
        assert runtime.dead_letters == []


async def test_a_run_is_opened_by_its_asker_only_and_at_the_id_of_its_content() -> None:
    victim, forger = Victim.at("v"), Forger.at("f")
    token = "f" * 32
    of_victim, own = (opening(asker, target=victim, question=NUMBER) for asker in (victim, forger))
    counter = Address(REPLY, run_id(own))
    async with TestRuntime(Victim, Forger) as runtime:
        for target, content in (
            (Address(REPLY, run_id(of_victim)), Run(token, of_victim)),
            (counter, Run(token, of_victim)),
            (Address(REPLY, token), Run(token, own)),
            (counter, Run(token, opening(forger))),
            (counter, own),
            (counter, Close("no")),
            (counter, Expire()),
        ):
            await forge(runtime, target, order(content))
        await forge(runtime, counter, NUMBER)

        assert runtime.asks == []
        assert runtime.state(victim).seen == []
        assert runtime.dead_letters == []

        await forge(runtime, counter, order(Run(token, own)))
        [ask] = runtime.asks
        assert (ask.asker, ask.address.id) == (forger, token)
        assert ask.target == Victim.at(run_key(counter.id, 0))
