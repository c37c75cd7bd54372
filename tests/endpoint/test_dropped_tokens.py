"""Cancellation tokens on the 2.x protocol, which does not have them."""

from __future__ import annotations

import asyncio

import pytest

from statefun_actors import Address, Entity, NoAnswer, RequestReplyHandler, activity, answers, handles
from statefun_actors.asking import REPLY, Open, Stop, order
from statefun_actors.model import TypedValue
from statefun_actors.types import pack
from tests.http.serving import request


@activity("tokens/pay")
async def pay(message: int) -> int:
    raise RuntimeError("no")


class Sender(Entity, typename="tokens/sender"):
    @handles(str)
    def later(self, message: str) -> None:
        self.send_after(5, self.address, 1, cancellation_token="t")

    @handles(int)
    def stop(self, message: int) -> None:
        self.cancel("t")

    @answers
    def paid(self, answer: int | NoAnswer) -> None: ...


def test_dropped_tokens_are_logged_once_for_each_class_that_uses_them(caplog: pytest.LogCaptureFixture) -> None:
    handler = RequestReplyHandler(Sender, pay, protocol=2)
    token, sender, run = Address(REPLY, "a" * 32), Sender.at("s"), Address("tokens/pay", "k")
    question = pack(1)
    opening = Open(sender, "paid", (question.typename, question.value), None, 1000, 0)
    for target, message, caller in (
        (token, order(opening), sender),
        (run, pack(1), token),
        (run, order(Stop()), token),
    ):
        state: dict[str, TypedValue | None] = {"ask": None, "early": None} if target is token else {}
        asyncio.run(handler.handle(request(target, message, state=state, caller=caller, protocol=2)))
    assert caplog.messages == ["tokens/pay/k: attempt 1 of 5 failed, the next in 1 s: RuntimeError: no"]

    caplog.clear()
    for text in ("x", 1):
        asyncio.run(handler.handle(request(sender, text, protocol=2)))
    assert caplog.messages == [
        "tokens/sender uses cancellation tokens, which the 2.x protocol does not have: they are dropped, "
        "and cancel(...) has no effect (logged once)"
    ]
