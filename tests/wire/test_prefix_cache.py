"""Parts of 3.x requests with equal prefixes: a result must not depend on earlier requests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statefun_actors.address import Address
from statefun_actors.model import Batch, Invocation, TypedValue
from statefun_actors.wire import V3, MalformedRequestError, v3, v3_pb2
from statefun_actors.wire.prefix_cache import MARK, MOST, PrefixCache
from tests.wire.reference import request

TARGET = Address("bank/account", "ada")
BOB = Address("bank/user", "bob")


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    for prefixes in (v3._state_prefixes, v3._invocation_prefixes):
        prefixes.clear()
        prefixes.used = prefixes.resting = 0


def batch_of(*values: bytes, caller: Address | None = BOB) -> Batch:
    return Batch(TARGET, {"balance": TypedValue("bank/json", values[0])}, [
        Invocation(TypedValue("bank/deposit", value), caller) for value in values
    ])  # fmt: skip


def read_three_times(data: bytes) -> Batch:
    """The first time the prefixes are new, the second time they are known."""
    first, second, third = (V3.read(data) for _ in range(3))

    assert first == second == third
    return third


def raw_request(*invocations: bytes, state: bytes = b"") -> bytes:
    """A request whose parts are these very bytes."""
    batch = v3_pb2.Request.Batch(
        target=v3_pb2.Address(namespace="bank", type="account", id="ada").SerializeToString(),
        state=[state] if state else [],
        invocations=invocations,
    )
    return v3_pb2.Request(invocation=batch).SerializeToString()


def as_classes_read(data: bytes) -> list[tuple[str, bytes]]:
    found = v3_pb2.ToFunction.FromString(data).invocation.invocations
    return [(each.argument.typename, each.argument.value) for each in found]


def part(value: bytes, *, typename: bytes = b"bank/deposit") -> bytes:
    """An invocation as Flink writes it."""
    argument = b"\x0a" + bytes([len(typename)]) + typename + MARK + bytes([len(value)]) + value
    return b"\x12" + bytes([len(argument)]) + argument


def test_a_part_that_came_before_is_read_without_parsing() -> None:
    data = request(V3, batch_of(b"5", b"6"))

    batch = read_three_times(data)

    assert batch == batch_of(b"5", b"6")
    assert (len(v3._invocation_prefixes), v3._invocation_prefixes.used) == (1, 4)
    assert list(v3._state_prefixes.values()) == [("balance", "bank/json", 1)]


@pytest.mark.parametrize("size", [0, 1, 127, 128, 300])
def test_values_of_any_length_are_read(size: int) -> None:
    batch = batch_of(bytes(size), b"\x10\x01\x1a" * (size // 3), caller=None)

    assert read_three_times(request(V3, batch)) == batch


def test_an_id_may_hold_what_stands_before_a_value() -> None:
    caller = Address("bank/user", "a\x10\x01\x1a\x01b")

    assert read_three_times(request(V3, batch_of(b"5", caller=caller))) == batch_of(b"5", caller=caller)


KNOWN = part(b"\x2a\x2a")
BEGINS_ALIKE = {
    "as long": part(b"\x2a\x2b"),
    "a field behind the value": b"\x12\x15" + KNOWN[2:] + b"\x20\x01",
    "a field behind the argument": KNOWN + b"\x20\x01",
    "a second value in the argument": b"\x12\x15" + KNOWN[2:-4] + b"\x1a\x00\x1a\x02\x07\x07",
    "a second argument": KNOWN + b"\x12\x05\x10\x01\x1a\x01\x07",
    "a caller behind it": KNOWN + b"\x0a\x16\x0a\x04bank\x12\x04user\x1a\x08user-0-0",
    "a length in two bytes": b"\x12\x14" + KNOWN[2:-3] + b"\x82\x00\x2a\x2a",
    "a value that says it is none": b"\x12\x13" + KNOWN[2:-6] + b"\x10\x00" + KNOWN[-4:],
    "cut off": KNOWN[:-1],
    "cut off before the bytes": KNOWN[:-2],
}


@pytest.mark.parametrize("other", BEGINS_ALIKE.values(), ids=BEGINS_ALIKE.keys())
def test_a_part_with_a_known_prefix_and_another_rest_is_parsed(other: bytes) -> None:
    read_three_times(raw_request(KNOWN))
    data = raw_request(KNOWN, other)
    alone = v3_pb2.Invocations.FromString
    expected = None
    try:
        expected = as_classes_read(data)
        refused = not alone(data).invocation.invocations[1].argument.has_value
    except Exception:
        refused = True

    if refused:
        with pytest.raises(MalformedRequestError):
            V3.read(data)
    else:
        got = V3.read(data)
        assert [(each.argument.typename, each.argument.value) for each in got.invocations] == expected


@given(st.lists(st.binary(max_size=6), max_size=4), st.integers(0, 40), st.binary(max_size=3))
def test_bytes_after_a_known_part_are_read_as_by_the_classes(values: list[bytes], cut: int, extra: bytes) -> None:
    known = [part(value) for value in values]
    read_three_times(raw_request(KNOWN, *known))
    changed = [each[:cut] + extra + each[cut:] for each in known]
    data = raw_request(KNOWN, *changed)
    try:
        expected = as_classes_read(data)
    except Exception:
        expected = None

    try:
        batch = V3.read(data)
    except MalformedRequestError:
        return  # an argument without a value, a caller that is none; or what the classes can't parse either

    assert [(each.argument.typename, each.argument.value) for each in batch.invocations] == expected


def test_where_no_part_begins_as_one_before_they_are_not_looked_for() -> None:
    prefixes = v3._invocation_prefixes

    part_of = b""
    for number in range(MOST + 4):
        part_of = part(b"7", typename=b"bank/%04d" % number)
        V3.read(raw_request(part_of))
        if prefixes.resting:
            break

    assert not prefixes.keys() - {part_of.partition(MARK)[0]}
    before = prefixes.resting
    assert V3.read(raw_request(KNOWN, KNOWN)).invocations[1].argument.value == b"\x2a\x2a"
    assert prefixes.resting == before - 2


def test_where_parts_begin_alike_they_go_on_being_remembered() -> None:
    prefixes = PrefixCache[None]()
    prefixes.used = MOST

    for number in range(MOST + 1):
        prefixes.remember(part(b"7", typename=b"bank/%04d" % number), b"", None, f"bank/{number:04}")

    assert (len(prefixes), prefixes.used, prefixes.resting) == (1, 0, 0)
