"""Calls from outside to an activity get its reply, or its failure after the last attempt."""

from __future__ import annotations

from pathlib import Path

import pytest

from statefun_actors import AsyncRuntime, activity, message
from statefun_actors.calls import MessageRefusedError, NoReplyError
from statefun_actors.conversations import Activity
from statefun_actors.testing import TestRuntime
from tests.http.running import running

APP = """
from statefun_actors import activity

runs = []

@activity("outside/card", attempts=2, backoff=0.01)
async def charge(succeeds: int, key: str) -> str:
    runs.append(key)
    if runs.count(key) != succeeds:
        raise ConnectionError("the bank is away")
    return f"attempt {succeeds}"
"""


@message("outside/charge")
class Charge:
    succeeds: int
    """The number of the attempt that succeeds."""


@message("outside/charged")
class Charged:
    attempt: int


def card(attempts: int) -> Activity[Charge, Charged]:
    runs: list[str] = []

    @activity("outside/card", attempts=attempts, backoff=0.01)
    async def charge(message: Charge, key: str) -> Charged:
        runs.append(key)
        if runs.count(key) != message.succeeds:
            raise ConnectionError("the bank is away")
        return Charged(message.succeeds)

    return charge


@pytest.mark.parametrize("attempts", [1, 2, 3])
async def test_a_call_gets_the_failure_of_the_last_attempt(attempts: int) -> None:
    charge = card(attempts)
    async with AsyncRuntime(charge) as runtime:
        with pytest.raises(MessageRefusedError) as until_reply:
            await runtime.ask(charge.at("a"), Charge(9), Charged, timeout=20)
        with pytest.raises(MessageRefusedError) as until_handled:
            await runtime.ask(charge.at("b"), Charge(9), timeout=20)

    assert str(until_reply.value) == "outside/card/a refused the message: ConnectionError: the bank is away"
    assert str(until_handled.value) == "outside/card/b refused the message: ConnectionError: the bank is away"


@pytest.mark.parametrize("succeeds", [1, 2, 3])
async def test_a_call_gets_the_reply_of_a_later_attempt(succeeds: int) -> None:
    charge = card(3)
    async with AsyncRuntime(charge) as runtime:
        assert await runtime.ask(charge.at("a"), Charge(succeeds), Charged, timeout=20) == Charged(succeeds)
        assert await runtime.ask(charge.at("b"), Charge(succeeds), timeout=20) == Charged(succeeds)


async def test_in_a_test_a_call_gets_the_error_itself() -> None:
    charge = card(1)
    async with TestRuntime(charge) as runtime:
        with pytest.raises(ConnectionError, match=r"^the bank is away$"):
            await runtime.ask(charge.at("a"), Charge(9), Charged)


async def test_in_a_test_a_call_is_unanswered_while_an_attempt_waits() -> None:
    charge = card(2)
    async with TestRuntime(charge) as runtime:
        for key, succeeds in (("a", 2), ("b", 9)):
            with pytest.raises(NoReplyError):
                await runtime.ask(charge.at(key), Charge(succeeds), Charged, key=key)
        await runtime.clock.advance(1)

        assert await runtime.ask(charge.at("a"), Charge(2), Charged, key="a") == Charged(2)
        with pytest.raises(MessageRefusedError, match=r": ConnectionError: the bank is away$"):
            await runtime.ask(charge.at("b"), Charge(9), Charged, key="b")


def test_over_http_a_call_gets_the_reply_or_the_failure(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    with running(tmp_path, "--memory") as server:
        found = [server.send(f"/ingress/outside/card/{key}?wait=20s", key)[:2] for key in (1, 2, 3)]

    assert found == [
        (200, '"attempt 1"'),
        (200, '"attempt 2"'),
        (422, "ConnectionError: the bank is away\n"),
    ]
