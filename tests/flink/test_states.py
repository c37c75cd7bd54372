"""States: declared to Flink by the reply that asks for them, kept there, deleted there."""

from __future__ import annotations

import pytest
from google.protobuf.duration_pb2 import Duration

from statefun_actors import TypedValue
from tests.flink.app import Admin, Clear, Count, Counter, Fill, Forget, Remind, Reminder, Shelf, Show, User
from tests.flink.seen import Flink

pytestmark = pytest.mark.flink

EMPTY = "[False, 0, 0.0, None, b'', None, None, [], False, '', '']"


def full(text: str, *items: str) -> str:
    size = len(text)
    held = [True, size, -0.5, text, text.encode(), size, Fill(text), list(items), True, text, text]
    return repr(held)


def shown(flink: Flink, times: int) -> list[str]:
    """The shelf's reports, without states that expire soon."""
    flink.until(lambda: len(showings(flink)) >= times, f"{times} showings")
    return showings(flink)


def showings(flink: Flink) -> list[str]:
    return [what for what, _ in flink.seen() if what.startswith("[")]


def test_states_of_every_type_are_kept_through_a_crash(flink: Flink) -> None:
    shelf = flink.at(Shelf)
    flink.send(shelf, Show(), Fill("é"), Show(), Fill(""), Show())
    before = shown(flink, 3)
    flink.checkpoint()
    flink.crash()
    flink.send(shelf, Fill("zwei"), Show())
    flink.until(lambda: showings(flink)[-1] == full("zwei", "é", "", "zwei"), "the states")

    assert before == [EMPTY, full("é", "é"), full("", "é", "")]


def test_a_state_expires_in_flink(flink: Flink) -> None:
    shelf = flink.at(Shelf)
    flink.send(shelf, Fill("text"))
    flink.seen(1)
    flink.send(flink.at(Reminder), Remind("a moment later", ms=5))
    flink.until(lambda: flink.told("a moment later"), "a moment to go by")
    flink.send(shelf, Show())

    assert shown(flink, 1) == [full("text", "text")]
    flink.until(lambda: flink.told("''"), "a state that is gone")


def test_clear_deletes_all_states(flink: Flink) -> None:
    shelf = flink.at(Shelf)
    flink.send(shelf, Fill("text"), Clear())
    flink.seen(2)
    flink.send(shelf, Show())

    assert shown(flink, 1) == [EMPTY]


def test_a_deleted_field_is_deleted(flink: Flink) -> None:
    counter = flink.at(Counter)
    flink.send(counter, Count(5), Forget())
    flink.seen(3)
    flink.send(counter, Count(2))

    assert sorted(flink.seen(5)) == [("count", 2), ("count", 5), ("forgotten", 0), ("total", 5), ("total", 7)]


def test_a_functions_states_are_kept_and_deleted(flink: Flink) -> None:
    forgetful = flink.at("flink/forgetful")
    for at, by in enumerate((2, 3, 0, 4)):
        flink.send(forgetful, Count(by))
        flink.seen(at + 1)  # so each of them has a batch of its own

    assert [what for what, _ in flink.seen()] == ["2", "5", "None", "4"]


def test_a_function_takes_a_union_and_keeps_python_values(flink: Flink) -> None:
    greeter = flink.at("flink/greeter")
    flink.send(greeter, User("ada"), Admin("bob"))

    assert flink.seen(2) == [("user ada after None", 1), ("admin bob after ada", 2)]


def test_a_function_without_a_hint_takes_and_keeps_everything(flink: Flink) -> None:
    anything = flink.at("flink/anything")
    flink.send(anything, "text", 1, Duration(seconds=1), TypedValue("their/own", b"\xff"), TypedValue("empty/one", b""))
    flink.wait_records(5)
    flink.send(anything, b"")

    assert [what for what, _ in flink.seen(6)] == [
        "nothing",
        "io.statefun.types/string",
        "io.statefun.types/long",
        "type.googleapis.com/google.protobuf.Duration",
        "their/own",
        "empty/one",
    ]
