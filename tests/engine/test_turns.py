"""The turns of mailboxes: who waits for an answer does not wait for all that was sent before."""

from __future__ import annotations

from collections import deque

import pytest

from statefun_actors import Address, Entity, handles
from statefun_actors.engine import EngineOptions
from statefun_actors.engine.mailbox import Mailbox
from statefun_actors.engine.turns import is_awaited, next_turns
from statefun_actors.ingress import IngressMessage, Replied, Wait
from statefun_actors.model import INGRESS
from statefun_actors.store import Message
from statefun_actors.types import pack
from tests.engine.asked import ask
from tests.engine.engines import running


class Echo(Entity, typename="test/echo"):
    @handles(int)
    def echo(self, message: int) -> int:
        return message


def line(prefix: str, count: int) -> deque[Mailbox]:
    return deque(Mailbox(Echo.at(f"{prefix}{number}")) for number in range(count))


@pytest.mark.parametrize(
    ("ready", "awaited", "most", "turns"),
    [
        (5, 0, 3, "r0 r1 r2"),
        (0, 5, 3, "a0 a1 a2"),
        (1, 5, 4, "a0 a1 a2 r0"),
        (5, 1, 4, "a0 r0 r1 r2"),
        (5, 5, 4, "a0 a1 r0 r1"),
        (5, 5, 1, "a0"),
        (2, 1, 9, "a0 r0 r1"),
        (0, 0, 3, ""),
    ],
)
def test_those_that_are_awaited_come_first_and_leave_half_of_the_turns(
    ready: int, awaited: int, most: int, turns: str
) -> None:
    lines = line("r", ready), line("a", awaited)

    taken = [mailbox.address.id for mailbox in next_turns(*lines, most)]

    assert taken == turns.split()
    assert len(lines[0]) + len(lines[1]) == ready + awaited - len(taken)


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
