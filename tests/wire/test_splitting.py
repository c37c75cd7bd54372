"""Small requests are split without protobuf: the parts must be those that protobuf finds."""

from __future__ import annotations

import pytest
from google.protobuf.message import DecodeError
from hypothesis import example, given
from hypothesis import strategies as st

from statefun_actors.wire import V3, v3_pb2
from statefun_actors.wire.encoding import varint
from statefun_actors.wire.malformed import MalformedRequestError
from statefun_actors.wire.splitting import SMALL, split

TARGET = b"\x0a\x04bank\x12\x07account\x1a\x03ada"

parts = st.binary(max_size=200)


def in_field(tag: int, part: bytes) -> bytes:
    return bytes([tag]) + varint(len(part)) + part


def enclosed(batch: bytes) -> bytes:
    return b"\xa2\x06" + varint(len(batch)) + batch


def as_protobuf(data: bytes) -> tuple[bytes, list[bytes], list[bytes]]:
    batch = v3_pb2.Request.FromString(data).invocation
    return batch.target, batch.state[:], batch.invocations[:]


@given(st.lists(parts, max_size=4), st.lists(parts, max_size=4))
def test_requests_as_flink_writes_them_have_the_parts_that_protobuf_finds(
    states: list[bytes], messages: list[bytes]
) -> None:
    fields = [in_field(0x0A, TARGET), *(in_field(0x12, each) for each in states)]
    data = enclosed(b"".join([*fields, *(in_field(0x1A, each) for each in messages)]))

    assert split(data) == (None if len(data) > SMALL else (TARGET, states, messages))
    assert as_protobuf(data) == (TARGET, states, messages)


@given(
    st.lists(st.tuples(st.sampled_from([0x0A, 0x12, 0x1A, 0x22, 0x08, 0x9A, 0x80, 0]), parts), max_size=5),
    st.binary(max_size=3),
    st.integers(-2, 2),
)
@example([(0x0A, TARGET)], b"", 1)
@example([(0x0A, b"")], b"", 0)
@example([(0x0A, TARGET), (0x0A, TARGET)], b"", 0)
@example([(0x0A, TARGET)], b"\x1a", 0)
@example([(0x0A, TARGET)], b"\x1a\x80", 0)
@example([(0x0A, TARGET)], b"\x1a\x80\x80", 0)
@example([(0x0A, TARGET)], b"\x1a\x80\x00", 0)
def test_what_is_split_has_the_parts_that_protobuf_finds(
    fields: list[tuple[int, bytes]], rest: bytes, off: int
) -> None:
    batch = b"".join(in_field(tag, part) for tag, part in fields) + rest
    data = b"\xa2\x06" + varint(max(0, len(batch) + off)) + batch

    found = split(data)

    assert found is None or found == as_protobuf(data)


@given(st.binary(max_size=40))
@example(b"")
@example(b"\xa2")
@example(b"\xa2\x06")
@example(b"\xa2\x06\x80")
@example(b"\xa2\x06\x80\x80")
def test_other_bytes_are_left_to_protobuf(rest: bytes) -> None:
    for data in (rest, b"\xa2\x06" + rest):
        found = split(data)
        if found is not None:
            assert found == as_protobuf(data)


@given(st.binary(max_size=300), st.integers(0, 300))
def test_a_request_that_is_cut_off_is_refused_however_it_is_read(message: bytes, kept: int) -> None:
    data = enclosed(in_field(0x0A, TARGET) + in_field(0x1A, message))
    cut = data[: min(kept, len(data) - 1)]

    assert split(cut) is None
    with pytest.raises(MalformedRequestError):
        V3.read(cut)


def test_a_malformed_part_is_refused_as_before() -> None:
    data = enclosed(in_field(0x0A, TARGET) + in_field(0x1A, b"\xff"))
    assert split(data) == (TARGET, [], [b"\xff"])

    with pytest.raises(DecodeError):
        v3_pb2.ToFunction.FromString(data)
    with pytest.raises(MalformedRequestError, match="bytes that are not one"):
        V3.read(data)
