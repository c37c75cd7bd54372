"""Metadata of messages in 3.x: the headers of Kafka records become those of invocations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statefun_actors.address import Address
from statefun_actors.model import Headers, Invocation, TypedValue
from statefun_actors.wire import V3, MalformedRequestError, v3, v3_pb2
from statefun_actors.wire.encoding import varint
from tests.wire import strategies
from tests.wire.reference import fill_address, fill_value, read

TARGET, BOB = Address("bank/account", "ada"), Address("bank/user", "bob")
DEPOSIT = TypedValue("bank/deposit", b"5")
PLAIN = Invocation(DEPOSIT, BOB)
TRACED = v3_pb2.TypedValue.Metadata(key="traceparent", value=b"00-1-2-01", has_value=True).SerializeToString()


def entry(name: str, value: bytes | None) -> bytes:
    return v3_pb2.TypedValue.Metadata(key=name, value=value or b"", has_value=value is not None).SerializeToString()


names = st.sampled_from(["traceparent", "tracestate", "\u00e4", ""]) | st.text(max_size=4)
contents = st.none() | st.binary(max_size=4) | st.text(max_size=4).map(str.encode)
entries = st.lists(st.builds(entry, names, contents), max_size=4)
messages = st.builds(Invocation, strategies.values | st.just(DEPOSIT), st.sampled_from([None, BOB]))
BROKEN = [b"\xff", b"\x0a\x05ab", b"\x0a\x02\xff\xfe\x12\x01v\x18\x01", b"\x12\x01v\x18", b"\x00", b"\x0b"]


def part(invocation: Invocation, metadata: list[bytes], *, first: bool = False) -> bytes:
    """An invocation with these entries of metadata, which are written *first*, or last, as Flink does it."""
    caller, argument = v3_pb2.Address(), v3_pb2.TypedValue()
    fill_value(argument, invocation.argument)
    pieces = [argument.SerializeToString(), b"".join(b"\x22" + varint(len(each)) + each for each in metadata)]
    content = b"".join(reversed(pieces) if first else pieces)
    whole = b"\x12" + varint(len(content)) + content
    if invocation.caller is None:
        return whole
    fill_address(caller, invocation.caller)
    data = caller.SerializeToString()
    return b"\x0a" + varint(len(data)) + data + whole


def request(*parts: bytes, state: bytes | None = None) -> bytes:
    target = v3_pb2.Address(namespace="bank", type="account", id="ada").SerializeToString()
    batch = v3_pb2.Request.Batch(target=target, state=[] if state is None else [state], invocations=parts)
    return v3_pb2.Request(invocation=batch).SerializeToString()


def headers(*metadata: bytes) -> Headers | None:
    [invocation] = V3.read(request(part(PLAIN, list(metadata)))).invocations
    assert invocation == Invocation(DEPOSIT, BOB, invocation.headers)
    return invocation.headers


def forget() -> None:
    for prefixes in (v3._state_prefixes, v3._invocation_prefixes):
        prefixes.clear()
        prefixes.used = prefixes.resting = 0


@given(st.lists(st.tuples(messages, entries, st.booleans()), min_size=1, max_size=4))
def test_metadata_is_read_as_by_the_classes(given: list[tuple[Invocation, list[bytes], bool]]) -> None:
    forget()
    parts = [
        # Flink writes no metadata before a value: there, an empty entry hides the entries before it.
        part(invocation, metadata, first=first and metadata[-1:] != [b""])
        for invocation, metadata, first in given
    ]
    data = request(*parts)
    plain = request(*(part(invocation, []) for invocation, _, _ in given))

    for _ in range(3):  # the second time, the prefixes of parts without metadata are known
        assert V3.read(data) == read(V3, data)
        assert V3.read(plain) == read(V3, plain)


def test_headers_are_those_in_utf_8_and_of_a_repeated_name_the_last() -> None:
    found = headers(
        entry("traceparent", b"first"),
        entry("language", "\u00e4".encode()),
        entry("key", b"\xff\xfe"),
        entry("null", None),
        entry("empty", b""),
        entry("traceparent", b"last"),
        entry("traceparent", b"\xff"),
        entry("traceparent", None),
    )

    assert found == {"traceparent": "last", "language": "\u00e4", "empty": ""}


def test_no_header_that_is_text_means_no_headers() -> None:
    assert headers() is None
    assert headers(entry("null", None), entry("key", b"\xff")) is None
    assert headers(entry("", None)) is None


def test_an_empty_entry_at_the_end_hides_no_other() -> None:
    assert headers(TRACED, entry("", None)) == {"traceparent": "00-1-2-01"}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_malformed_header_is_left_out_alone(broken: bytes) -> None:
    assert headers(broken) is None
    assert headers(broken, TRACED) == {"traceparent": "00-1-2-01"}
    assert headers(TRACED, broken) == {"traceparent": "00-1-2-01"}
    batch = V3.read(request(part(PLAIN, []), part(PLAIN, [broken, TRACED]), part(PLAIN, [broken]), part(PLAIN, [])))
    assert [each.argument for each in batch.invocations] == [DEPOSIT] * 4
    assert [each.headers for each in batch.invocations] == [None, {"traceparent": "00-1-2-01"}, None, None]


@pytest.mark.parametrize("other", [b"\x20\x01", b"\x25\x01\x02\x03\x04", b"\x21" + bytes(8), b"\x23\x24"])
def test_a_field_4_that_is_no_message_is_no_metadata(other: bytes) -> None:
    content = part(Invocation(DEPOSIT), [])[2:] + other
    [invocation] = V3.read(request(b"\x12" + varint(len(content)) + content)).invocations

    assert invocation == Invocation(DEPOSIT)


@pytest.mark.parametrize("broken", BROKEN)
def test_metadata_of_a_state_is_not_read(broken: bytes) -> None:
    value = v3_pb2.TypedValue(typename="bank/json", has_value=True, value=b"{}").SerializeToString()
    value += b"\x22" + varint(len(broken)) + broken
    state = b"\x0a\x07balance\x12" + varint(len(value)) + value

    assert V3.read(request(part(PLAIN, []), state=state)).state == {"balance": TypedValue("bank/json", b"{}")}


def test_a_message_with_metadata_never_hits_the_cache_and_is_not_remembered() -> None:
    forget()
    plain, traced = part(PLAIN, []), part(PLAIN, [TRACED])
    for _ in range(3):
        V3.read(request(traced))
    assert not v3._invocation_prefixes
    for _ in range(3):
        V3.read(request(plain))
    used = v3._invocation_prefixes.used
    assert len(v3._invocation_prefixes) == 1
    assert used > 0

    batch = V3.read(request(plain, traced, plain))

    assert [each.headers for each in batch.invocations] == [None, {"traceparent": "00-1-2-01"}, None]
    assert (len(v3._invocation_prefixes), v3._invocation_prefixes.used) == (1, used + 1)


@given(st.integers(0, 80), st.integers(0, 80), st.sampled_from([b"", TRACED, *BROKEN]), st.booleans())
def test_bytes_around_metadata_are_read_as_with_an_empty_cache(at: int, cut: int, inserted: bytes, first: bool) -> None:
    """Forged: metadata in a part whose prefix is known, with lengths that may not fit."""
    known = part(PLAIN, [])
    forged = known[:at] + b"\x22" + varint(len(inserted)) + inserted + known[max(at, cut) :]
    whole = part(PLAIN, [inserted], first=first)
    for data in (request(known, forged), request(known, whole[:cut]), request(known, whole)):
        forget()
        fresh = outcome(data)
        for _ in range(3):
            V3.read(request(known))
        assert v3._invocation_prefixes

        assert outcome(data) == fresh


def outcome(data: bytes) -> object:
    try:
        return V3.read(data)
    except MalformedRequestError as error:
        return str(error)


def test_an_any_of_2x_with_metadata_is_still_named() -> None:
    content = b"\x0a\x09bank/long" + b"\x12\x01x\x22" + varint(len(TRACED)) + TRACED

    with pytest.raises(MalformedRequestError) as caught:
        V3.read(request(b"\x12" + varint(len(content)) + content))

    assert str(caught.value) == (
        "not a request of protocol 3.x: expected a value, got a google.protobuf.Any, a value of protocol 2.x - "
        "at `invocation.invocations[0].argument`"
    )
