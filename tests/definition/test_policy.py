"""The arguments that a failure policy refuses."""

from __future__ import annotations

from typing import Any

import pytest

from statefun_actors import DeadLetter, DefinitionError, Discard

ALLOWED = (
    "Kafka allows only 1 to 249 of the characters A-Z, a-z, 0-9, `.`, `_` and `-`; not `.` or `..`; "
    "choose another topic="
)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (
            {"egress": "x"},
            "an egress is <namespace>/<name>: got 'x'. Write <namespace>/<name>, such as 'bank/account'.",
        ),
        ({"egress": "a/\ud800"}, "the egress 'a/\\ud800' contains text that UTF-8 can't encode; choose another name"),
        (
            {"egress": "statefun-actors/partition-1"},
            "the egress 'statefun-actors/partition-1' is in a namespace of this library; choose another one",
        ),
        ({"egress": "a/b", "topic": ""}, "topic= is a non-empty string that UTF-8 can encode; got ''"),
        ({"egress": "a/b", "topic": "a b"}, f"the topic is 'a b', but {ALLOWED}"),
        ({"egress": "a/b c"}, f"the topic is 'b c', but {ALLOWED}"),
        ({"egress": "a/b", "attempts": 0}, "attempts= is the total number of attempts, at least 1; got 0"),
        ({"egress": "a/b", "attempts": True}, "attempts= is the total number of attempts, at least 1; got True"),
        *(
            (
                {"egress": "a/b", "backoff": backoff},
                f"backoff= is in seconds, 0 or more and at most ten years; got {backoff}",
            )
            for backoff in (-1, float("nan"), float("inf"), 1e300, 10**400, True)
        ),
        (
            {"egress": "a/b", "backoff": 10**5000},
            "backoff= is in seconds, 0 or more and at most ten years; got <int that can't be printed>",
        ),
        ({"egress": "a/b", "as_value": 1}, "as_value= is True or False; got 1"),
    ],
)
def test_a_dead_letter_that_could_not_be_written_is_refused(arguments: Any, problem: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        DeadLetter(**arguments)

    assert str(caught.value) == f"DeadLetter(...): {problem}"


def test_everything_is_said_at_once() -> None:
    arguments: Any = {"egress": "x", "attempts": 0, "backoff": float("nan")}
    with pytest.raises(DefinitionError) as caught:
        DeadLetter(**arguments)

    assert caught.value.problems == (
        "an egress is <namespace>/<name>: got 'x'. Write <namespace>/<name>, such as 'bank/account'.",
        "attempts= is the total number of attempts, at least 1; got 0",
        "backoff= is in seconds, 0 or more and at most ten years; got nan",
    )


def test_a_message_is_tried_once_at_least_before_it_is_discarded() -> None:
    with pytest.raises(DefinitionError) as caught:
        Discard(attempts=0)

    assert str(caught.value) == "Discard(...): attempts= is the total number of attempts, at least 1; got 0"
