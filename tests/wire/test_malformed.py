"""Malformed requests, and their errors: one short line each."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statefun_actors.address import Address
from statefun_actors.errors import StatefunActorsError
from statefun_actors.model import Batch, Invocation, TypedValue
from statefun_actors.wire import V2, V3, Dialect, MalformedRequestError, v2_pb2, v3_pb2
from tests.wire import strategies
from tests.wire.reference import BOTH, new_request, request

BATCH = Batch(
    Address("bank/account", "ada"),
    {"balance": TypedValue("bank/json", b"5"), "owner": None},
    [Invocation(TypedValue("bank/deposit", b"{}"), Address("bank/user", "bob"))] * 2,
)

Change = Callable[[v3_pb2.ToFunction | v2_pb2.ToFunction], object]

both = pytest.mark.parametrize("dialect", BOTH, ids=lambda dialect: dialect.protocol)


def complaint(dialect: Dialect, data: bytes) -> str:
    with pytest.raises(MalformedRequestError) as raised:
        dialect.read(data)
    return str(raised.value).removeprefix(f"not a request of protocol {dialect.protocol}: ")


def changed(dialect: Dialect, change: Change) -> bytes:
    message = new_request(dialect)
    message.ParseFromString(request(dialect, BATCH))
    change(message)
    return message.SerializeToString()


@both
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda message: message.Clear(), "expected a batch, got none - at `invocation`"),
        (
            lambda message: message.invocation.ClearField("target"),
            "expected an Address, got none - at `invocation.target`",
        ),
        (
            lambda message: setattr(message.invocation.target, "namespace", ""),
            "expected an Address with a namespace, a type without '/', and an id, "
            "got namespace '', type 'account', id 'ada' - at `invocation.target`",
        ),
        (
            lambda message: setattr(message.invocation.target, "type", ""),
            "expected an Address with a namespace, a type without '/', and an id, "
            "got namespace 'bank', type '', id 'ada' - at `invocation.target`",
        ),
        (
            lambda message: setattr(message.invocation.target, "id", ""),
            "expected an Address with a namespace, a type without '/', and an id, "
            "got namespace 'bank', type 'account', id '' - at `invocation.target`",
        ),
        (
            lambda message: setattr(message.invocation.invocations[1].caller, "id", ""),
            "expected an Address with a namespace, a type without '/', and an id, "
            "got namespace 'bank', type 'user', id '' - at `invocation.invocations[1].caller`",
        ),
        (
            lambda message: setattr(message.invocation.invocations[0].caller, "type", "a/b"),
            "expected an Address with a namespace, a type without '/', and an id, "
            "got namespace 'bank', type 'a/b', id 'bob' - at `invocation.invocations[0].caller`",
        ),
        (
            lambda message: setattr(message.invocation.invocations[0].caller, "type", f"a/\n{'b' * 100}"),
            "expected an Address with a namespace, a type without '/', and an id, "
            f"got namespace 'bank', type 'a/\\n{'b' * 54}...', id 'bob' - at `invocation.invocations[0].caller`",
        ),
        (
            lambda message: message.invocation.invocations[1].ClearField("argument"),
            "expected a value, got none - at `invocation.invocations[1].argument`",
        ),
        (
            lambda message: message.invocation.state.append(message.invocation.state[0]),
            "expected each state once, got 'balance' twice - at `invocation.state[2]`",
        ),
        (
            lambda message: message.invocation.ClearField("invocations"),
            "expected at least one invocation, got none - at `invocation.invocations`",
        ),
    ],
)
def test_faults_are_reported_with_their_place(dialect: Dialect, change: Change, expected: str) -> None:
    assert complaint(dialect, changed(dialect, change)) == expected


@both
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "expected a batch, got none - at `invocation`"),
        (b"\xa2\x06\x00", "expected an Address, got none - at `invocation.target`"),
        (b"{}", "expected a ToFunction message, got 2 bytes that are not one"),
        (b"\xa2\x06\x05", "expected a ToFunction message, got 3 bytes that are not one"),
        (b"\xa2\x06\x03\x0a\x01\xff", "expected an Address, got 1 bytes that are not one - at `invocation.target`"),
        (
            b"\xa2\x06\x0f\x0a\x0d\x0a\x04bank\x12\x01a\x1a\x02\xff\xfe",
            "expected an Address, got 13 bytes that are not one - at `invocation.target`",
        ),
    ],
)
def test_bytes_that_are_no_request_are_refused(dialect: Dialect, data: bytes, expected: str) -> None:
    assert complaint(dialect, data) == expected


def test_a_typed_value_without_a_value_is_no_argument() -> None:
    data = changed(V3, lambda message: setattr(message.invocation.invocations[0].argument, "has_value", False))

    assert complaint(V3, data) == "expected a value, got none - at `invocation.invocations[0].argument`"


@given(batch=strategies.batches)
def test_a_request_of_3x_is_never_taken_for_one_of_2x(batch: Batch) -> None:
    assert complaint(V2, request(V3, batch)) == (
        "expected a value, got a TypedValue, a value of protocol 3.x - at `invocation.invocations[0].argument`"
    )


def test_a_request_of_2x_is_not_taken_for_one_of_3x() -> None:
    assert complaint(V3, request(V2, BATCH)) == (
        "expected a value, got a google.protobuf.Any, a value of protocol 2.x - at `invocation.invocations[0].argument`"
    )


def test_the_error_says_its_facts_and_that_a_retry_cannot_help() -> None:
    error = MalformedRequestError("3.x", "an Address", "none", "invocation.target")

    assert isinstance(error, StatefunActorsError)
    assert isinstance(error, ValueError)
    assert (error.protocol, error.expected, error.got, error.where) == (
        "3.x",
        "an Address",
        "none",
        "invocation.target",
    )
    assert not error.retryable


def check(dialect: Dialect, data: bytes) -> None:
    """Whatever *data* is, reading it gives a sound batch or a MalformedRequestError on one short line."""
    try:
        batch = dialect.read(data)
    except MalformedRequestError as error:
        said = str(error)
    else:
        said = ""
        assert batch.invocations
        assert all(batch.target)
        assert all(each.caller is None or all(each.caller) for each in batch.invocations)
    assert "\n" not in said
    assert len(said) < 400


@both
@given(data=st.binary(max_size=60))
def test_random_bytes_are_a_batch_or_malformed(dialect: Dialect, data: bytes) -> None:
    check(dialect, data)
    check(dialect, b"\xa2\x06" + bytes([len(data)]) + data)


@both
@given(batch=strategies.batches, cut=st.integers(0, 200))
def test_a_truncated_request_is_a_batch_or_malformed(dialect: Dialect, batch: Batch, cut: int) -> None:
    check(dialect, request(dialect, batch)[:-cut])


@both
@given(
    batch=strategies.batches,
    changes=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 3), st.binary(max_size=3)), min_size=1, max_size=4),
)
def test_a_damaged_request_is_a_batch_or_malformed(
    dialect: Dialect, batch: Batch, changes: list[tuple[int, int, bytes]]
) -> None:
    data = request(dialect, batch)
    for place, length, instead in changes:
        at = place % (len(data) + 1)
        data = data[:at] + instead + data[at + length :]

    check(dialect, data)


@both
def test_groups_nested_without_end_are_malformed(dialect: Dialect) -> None:
    check(dialect, b"\x0b" * 20_000)
    check(dialect, b"\xa2\x06\xa1\x9c\x01" + b"\x1b" * 20_001)
