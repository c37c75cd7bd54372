"""Replies, delayed messages and cancellation tokens, as the real Flink carries them."""

from __future__ import annotations

import pytest

from tests.flink.app import Ask, Asker, OtherReminder, Remind, Reminder, Unremind
from tests.flink.gate import Gate
from tests.flink.seen import Flink

pytestmark = pytest.mark.flink


def test_a_function_and_an_entity_reply_to_their_caller(flink: Flink) -> None:
    asker = flink.at(Asker)
    flink.send(asker, "hello")

    assert sorted(flink.seen(2)) == [("answer to hello", 0), ("user hello after None", 1)]


def test_a_delayed_message_fires_even_if_the_job_crashes_meanwhile(flink: Flink) -> None:
    reminder = flink.at(Reminder)
    flink.send(reminder, Remind("short", 1), Remind("long", 3_000))
    flink.until(lambda: flink.told("short"), "the short one")
    flink.checkpoint()
    flink.crash()
    flink.until(lambda: flink.told("long"), "the long one")
    flink.settle()

    before, after = flink.told_by_run()
    assert sorted(who.partition(" ")[0] for who in before) == ["set", "short"]
    assert after == {f"long {reminder.id}": [0]}


def rung(flink: Flink) -> list[str]:
    return [what for what, _ in flink.seen() if what != "set"]


def ring_last(flink: Flink, ms: int) -> None:
    """Return when a reminder without a token has fired that was due after all others."""
    flink.send(flink.at(Reminder), Remind("last", ms))
    flink.until(lambda: flink.told("last"), "the last one")


def test_a_pending_message_is_replaced_by_the_next_of_its_token(flink: Flink) -> None:
    reminder = flink.at(Reminder)
    flink.send(reminder, Remind("first", 1000, "bell"))
    flink.wait_records(1)  # it is pending in Flink
    flink.send(reminder, Remind("second", 200, "bell"), Remind("third", 300, "bell"))
    ring_last(flink, 1200)

    assert rung(flink) == ["third", "last"]


def test_a_token_is_the_entitys_own(flink: Flink) -> None:
    flink.send(flink.at(Reminder), Remind("one type", 200, "bell"))
    flink.send(flink.at(OtherReminder), Remind("another type, same id", 250, "bell"))
    flink.send(flink.at(Reminder, "bob"), Remind("same type, another id", 300, "bell"))
    flink.wait_records(3)  # all are pending
    ring_last(flink, 400)

    assert sorted(rung(flink)) == ["another type, same id", "last", "one type", "same type, another id"]


def test_a_cancelled_message_never_comes_and_an_unknown_token_does_no_harm(flink: Flink) -> None:
    reminder = flink.at(Reminder)
    flink.send(reminder, Unremind("unknown"), Remind("first", 1000, "bell"), Remind("kept", 300, "other"))
    flink.wait_records(2)
    flink.send(reminder, Unremind("bell"))
    flink.until(lambda: flink.told("kept"), "what was not cancelled")
    flink.send(reminder, Unremind("other"))  # too late, and harmless
    ring_last(flink, 1000)

    assert rung(flink) == ["kept", "last"]


def test_a_token_can_be_used_again_once_its_message_has_come(flink: Flink) -> None:
    reminder = flink.at(Reminder)
    flink.send(reminder, Remind("one", 1, "bell"))
    flink.until(lambda: flink.told("one"), "the first")
    flink.send(reminder, Remind("two", 1, "bell"))
    flink.until(lambda: flink.told("two"), "the second")


def test_flink_fails_the_job_for_a_function_that_has_a_token_pending_twice(flink: Flink) -> None:
    with Gate() as gate:
        flink.send(flink.at("flink/timer"), Ask(gate.port))
        gate.visitor().answer("xx")
        flink.wait_restart()
        gate.visitor().answer("xy")

        assert flink.seen(2) == [("0 x", 0), ("1 y", 0)]


def test_temporary_files_of_flink_are_in_a_folder_that_goes_with_it(flink: Flink) -> None:
    names = {path.name.partition("-")[0] for path in flink.jvm.temporary.iterdir()}

    assert "flink" in names  # such as flink-dist-cache-…
