"""Handlers that fail: with a policy the job does not notice, without one the batch comes again."""

from __future__ import annotations

import json

import pytest

from tests.flink.app import Ask, Bare, Guarded
from tests.flink.egresses import LETTERS
from tests.flink.gate import Gate
from tests.flink.seen import Flink

pytestmark = pytest.mark.flink


def send_as_one_batch(flink: Flink, *messages: object) -> None:
    """Flink collects messages for an address during a request for it, so the test holds one request."""
    guarded = flink.at(Guarded)
    with Gate() as gate:
        flink.send(guarded, Ask(gate.port))
        held = gate.visitor()
        flink.send(guarded, *messages)
        flink.settle()  # so Flink has read them all
        held.answer("go on")


def letters(flink: Flink, count: int) -> list[dict[str, object]]:
    records = [record.kafka for record in flink.wait_records(count, LETTERS)]
    assert {(record.topic, record.key) for record in records} == {("letters", str(flink.at(Guarded)))}
    return [json.loads(record.value) for record in records]


def test_a_poisonous_message_in_mid_batch_leaves_the_job_up_and_the_rest_applied(flink: Flink) -> None:
    send_as_one_batch(flink, 1, -1, 2, -2, "nobody takes this", 3)

    found = [(letter["error_type"], letter.get("value"), letter["attempts"]) for letter in letters(flink, 3)]
    assert found == [
        ("TerminalError", -1, 1),
        ("ValueError", -2, 2),
        ("UnhandledMessageError", "nobody takes this", 1),
    ]
    assert added(flink, 3) == [1, 3, 6]


def test_a_thousand_poisonous_messages_in_one_batch_leave_the_job_up(flink: Flink) -> None:
    send_as_one_batch(flink, *(number for at in range(100) for number in (*[-2] * 10, at)))

    found = letters(flink, 1_000)
    assert [letter["error_type"] for letter in found] == ["ValueError"] * 1_000
    assert added(flink, 100) == [sum(range(at + 1)) for at in range(100)]


def added(flink: Flink, count: int) -> list[int]:
    flink.until(lambda: len(sums(flink)) >= count, f"{count} sums")
    return sums(flink)


def sums(flink: Flink) -> list[int]:
    return [number for what, number in flink.seen() if what == "added"]


def test_without_a_policy_the_batch_comes_again_and_has_happened_once(flink: Flink) -> None:
    with Gate() as gate:
        flink.send(flink.at(Bare), Ask(gate.port))
        for answer in ("fail", "fail", "go on"):
            gate.visitor().answer(answer)

        assert flink.seen(1) == [("ran", 1)]


def test_a_batch_under_way_when_the_job_crashes_comes_again_and_has_happened_once(flink: Flink) -> None:
    with Gate() as gate:
        flink.checkpoint()
        flink.send(flink.at(Bare), Ask(gate.port))
        before = gate.visitor()
        flink.crash()
        before.answer("go on")  # Flink drops the reply, but left the connection open; until then the address is busy
        gate.visitor().answer("go on")

        assert flink.seen(1) == [("ran", 1)]
        flink.settle()
        assert [number for what, number in flink.seen() if what == "ran"] == [1]
