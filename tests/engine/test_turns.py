"""The turns of mailboxes: who waits for an answer does not wait for all that was sent before."""

from __future__ import annotations

import asyncio

import pytest

from statefun_actors import Address, Entity, handles, persisted
from statefun_actors.engine import Engine, EngineOptions
from statefun_actors.engine.mailbox import Mailbox
from statefun_actors.engine.turns import Turns, is_awaited
from statefun_actors.ingress import Answer, IngressMessage, Replied, Wait
from statefun_actors.model import INGRESS
from statefun_actors.store import Commit, Message
from statefun_actors.types import pack
from tests.engine.asked import ask
from tests.engine.engines import Listed, held, running, send, until
from tests.engine.refusing import POISON, RefusingStore


class Echo(Entity, typename="test/echo"):
    @handles(int)
    def echo(self, message: int) -> int:
        return message


class Noted(Entity, typename="test/noted"):
    text: str = persisted(default="")

    @handles(str)
    def note(self, message: str) -> None:
        self.text = message


class Numbered(Entity, typename="test/numbered"):
    last: int = persisted(default=0)

    @handles(int)
    def note(self, message: int) -> None:
        self.last = message


def turns_of(others: int, awaited: int) -> Turns:
    """Turns of mailboxes ``r0``, ``r1`` and so on, and of ``a0``, ``a1`` and so on, which are awaited."""
    turns = Turns()
    for number in range(others):
        turns.append(with_message(f"r{number}", None))
    for number in range(awaited):
        turns.append(with_message(f"a{number}", Address(INGRESS, f"{number}")))
    return turns


def with_message(id: str, caller: Address | None) -> Mailbox:
    mailbox = Mailbox(Echo.at(id))
    mailbox.queue.append(Message(1, mailbox.address, pack(1), caller))
    return mailbox


def ids(mailboxes: list[Mailbox]) -> str:
    return " ".join(mailbox.address.id for mailbox in mailboxes)


@pytest.mark.parametrize(
    ("others", "awaited", "most", "turns"),
    [
        (5, 0, 3, "r0 r1 r2"),
        (0, 5, 3, "a0 a1 a2"),
        (1, 5, 4, "a0 r0 a1 a2"),
        (5, 1, 4, "a0 r0 r1 r2"),
        (5, 5, 4, "a0 r0 a1 r1"),
        (5, 5, 1, "a0"),
        (2, 1, 9, "a0 r0 r1"),
        (0, 0, 3, ""),
    ],
)
def test_those_that_are_awaited_come_first_and_leave_half_of_the_turns(
    others: int, awaited: int, most: int, turns: str
) -> None:
    lines = turns_of(others, awaited)

    taken = lines.next(most)

    assert ids(taken) == turns
    assert len(lines) == others + awaited - len(taken)


@pytest.mark.parametrize("most", [1, 2, 3, 5])
def test_the_lines_take_turns_however_few_run_at_once(most: int) -> None:
    lines = turns_of(4, 4)

    assert ids([mailbox for _ in range(8) for mailbox in lines.next(most)]) == "a0 r0 a1 r1 a2 r2 a3 r3"


@pytest.mark.parametrize("run", range(6))
def test_those_that_did_not_run_are_the_next_ones_in_the_same_order(run: int) -> None:
    lines = turns_of(4, 4)
    taken = lines.next(6)

    lines.put_back(taken[run:])

    assert ids([*taken[:run], *lines.next(8)]) == "a0 r0 a1 r1 a2 r2 a3 r3"


def test_a_line_that_was_empty_is_the_next_one_after_a_mailbox_of_the_other() -> None:
    lines = turns_of(0, 2)

    first = lines.next(1)
    lines.append(with_message("r0", None))
    lines.append(with_message("a2", Address(INGRESS, "2")))

    assert ids([*first, *lines.next(3)]) == "a0 r0 a1 a2"


def test_a_mailbox_is_awaited_if_a_call_from_outside_waits_for_its_next_message() -> None:
    callers = [None, Echo.at("a"), Address(INGRESS, "1")]
    mailboxes = [Mailbox(Echo.at("b")) for _ in callers]
    for mailbox, caller in zip(mailboxes, callers, strict=True):
        mailbox.queue.append(Message(1, mailbox.address, pack(1), caller))

    assert [is_awaited(mailbox) for mailbox in (*mailboxes, Mailbox(Echo.at("c")))] == [False, False, True, False]


async def test_a_caller_is_answered_before_messages_that_were_sent_earlier() -> None:
    many = [IngressMessage(Echo.at(f"{number}"), pack(number)) for number in range(5_000)]
    async with running(Echo, options=EngineOptions(held=10_000)) as engine:
        engine.take_all(many, lambda _: None)
        asked = ask(engine, Echo.at("other"), 7, Wait.HANDLED)

        assert await asked.answer() == Replied(pack(7))
        assert engine.view.waiting > 4_000
        await engine.idle()
        assert engine.view.waiting == 0


@pytest.mark.parametrize(("count", "found"), [(1, True), (2, True), (6, True), (7, False)])
def test_messages_that_nobody_waits_for_are_counted(count: int, *, found: bool) -> None:
    turns = turns_of(2, 5)
    turns.others[0].queue.append(Message(2, Echo.at("r0"), pack(1)))
    turns.others[1].beyond = 3

    assert turns.have_others(count) is found


class Insistent:
    """Callers at some addresses that ask again as soon as they are answered."""

    def __init__(self, engine: Engine, addresses: int, callers: int) -> None:
        self._engine, self._asks = engine, True
        self.answered = 0
        for number in range(callers):
            self._ask(Echo.at(f"{number % addresses}"))

    def _ask(self, target: Address) -> None:
        def on_answer(_: Answer) -> None:
            self.answered += 1
            if self._asks:
                asyncio.get_running_loop().call_soon(self._ask, target)

        self._engine.take(IngressMessage(target, pack(1), 0, Wait.HANDLED), on_answer)

    def stop(self) -> None:
        self._asks = False


@pytest.mark.parametrize("addresses", [4, 100])
async def test_callers_that_ask_again_and_again_leave_others_their_turns(addresses: int) -> None:
    """Each epoch has room for fewer messages than callers wait for."""
    async with running(Echo, Noted, options=EngineOptions(epoch_steps=20, batch=10)) as engine:
        callers = Insistent(engine, addresses, 200)
        await until(lambda: callers.answered > 200)
        before = callers.answered
        send(engine, Noted.at("other"), pack("here"))
        await until(lambda: held(engine, Noted.at("other"), "text") == "here" or callers.answered > before + 2_000)
        callers.stop()

        assert held(engine, Noted.at("other"), "text") == "here"
        await engine.idle()


async def test_callers_that_ask_again_and_again_do_not_keep_sources_from_being_read() -> None:
    source = Listed([(Numbered.at("n"), number) for number in range(1, 51)])
    options = EngineOptions(epoch_steps=20, batch=10, waiting=100)
    async with running(Echo, Numbered, sources={"listed": source}, options=options) as engine:
        callers = Insistent(engine, 100, 200)
        await until(lambda: held(engine, Numbered.at("n"), "last") == 50 or callers.answered > 20_000)
        callers.stop()

        assert held(engine, Numbered.at("n"), "last") == 50
        await engine.idle()


async def test_callers_that_ask_again_and_again_do_not_keep_a_refused_message_from_being_found() -> None:
    store = RefusingStore(("entity",))
    before = [Message(seq, Echo.at(f"{seq}"), pack(seq)) for seq in range(1, 20)]
    refused = Message(20, Noted.at("other"), pack(POISON))
    await store.commit(Commit(messages=[*before, refused], next_seq=21))
    async with running(Echo, Noted, store=store) as engine:
        callers = Insistent(engine, 200, 200)
        await until(lambda: list(store.dead_letters()) or callers.answered > 2_000)
        callers.stop()

        assert [letter.message for letter in store.dead_letters()] == [refused]
        await engine.idle()
