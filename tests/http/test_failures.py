"""Reports of a failed batch: one line to Flink, one in the log, and a traceback now and then."""

from __future__ import annotations

import logging

import pytest

from statefun_actors.address import Address
from statefun_actors.errors import StateDecodeError, UnhandledMessageError
from statefun_actors.http.failure_log import TRACEBACK_EVERY, FailureLog, first_line
from statefun_actors.model import Batch, Invocation, TypedValue


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def batch(*typenames: str, id: str = "ada") -> Batch:
    return Batch(Address("bank/account", id), {}, [Invocation(TypedValue(name, b"")) for name in typenames])


def raised(error: BaseException) -> BaseException:
    """*error*, with a traceback."""
    try:
        raise error
    except BaseException as caught:
        return caught


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("no money"), "ValueError: no money"),
        (ValueError(), "ValueError: ValueError()"),
        (ValueError("first\nsecond\nthird"), "ValueError: first …"),
        (ValueError("a\tb\x1b[31m\u2028c"), "ValueError: a\\tb\\x1b[31m …"),
        (ValueError("x" * 1000), "ValueError: " + "x" * 287 + "…"),
        (
            ValueError("Traceback (most recent call last):\n  File a\nKeyError: 'secret'"),
            "ValueError: KeyError: 'secret'",
        ),
        (ValueError("Traceback (most recent call last):"), "ValueError"),
        (ValueError("\ud800"), "ValueError: \\ud800"),
        (UnhandledMessageError("a/b", ["x/y"], "c/d"), "UnhandledMessageError: a/b takes x/y, got c/d. Add a handler"),
        (StateDecodeError("A", "n", "`int`", "x/y", ""), "StateDecodeError: the stored state A.n can't be read"),
    ],
)
def test_an_error_is_one_short_line(error: BaseException, line: str) -> None:
    shown = first_line(error)

    assert shown.startswith(line)
    assert len(shown) <= 300
    assert shown.isprintable()
    shown.encode()


def test_the_log_line_has_address_types_and_error(caplog: pytest.LogCaptureFixture) -> None:
    FailureLog().log(batch("bank/deposit", "bank/withdraw", "bank/deposit"), raised(ValueError("no money")))

    [record] = caplog.records
    assert record.getMessage() == (
        "bank/account/ada: a batch of 3 failed (bank/deposit x 2, bank/withdraw): ValueError: no money"
    )
    assert record.levelno == logging.ERROR


def test_hostile_addresses_and_many_types_stay_one_short_line(caplog: pytest.LogCaptureFixture) -> None:
    FailureLog().log(batch(*(f"a/t{n}\n" for n in range(100)), id="x\nERROR faked" * 1000), raised(ValueError("no")))

    message = caplog.records[0].getMessage()
    assert "\n" not in message
    assert "95 more types" in message
    assert len(message) < 1000


def test_a_traceback_is_logged_once_a_minute_for_each_kind(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    failures = FailureLog(clock)
    one, other = raised(ValueError("a")), raised(KeyError("b"))

    for _ in range(3):
        failures.log(batch("a/b"), one)
        failures.log(batch("a/b"), other)
    clock.now = TRACEBACK_EVERY
    failures.log(batch("a/b"), one)

    assert [record.exc_info is not None for record in caplog.records] == [True, True, False, False, False, False, True]


def test_kinds_without_end_do_not_fill_the_memory(caplog: pytest.LogCaptureFixture) -> None:
    failures = FailureLog(Clock())
    error = raised(ValueError("a"))
    for number in range(3000):
        failures.log(Batch(Address(f"bank/a{number}", "x"), {}, batch("a/b").invocations), error)

    assert len(failures._tracebacks._written) <= 1000
    assert len(caplog.records) == 3000
