"""Any bytes decode to a value of the type, or raise a ValueError."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statefun_actors.model import TypedValue
from statefun_actors.types import codec_for, json_of, record_of_typed
from statefun_actors.types.primitives import INT
from tests.types.shapes import ALL, Line, Node, cases

CODECS = [codec_for(annotation) for annotation in ALL]
READABLE = [(codec, typename) for codec in CODECS for typename in (*codec.accepts, *codec.lenient)]

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 70), 1 << 70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["shop/added", "2020-01-01", "P1D", "1.5", "AAAA", "red"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["@type", "sku", "count", "lines", "x", "y", "value", "left", "children", "content"])
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


def read(codec: Any, data: bytes, typename: str | None = None) -> None:
    try:
        value = codec.decode(data, typename)
    except ValueError:
        return
    assert codec.encode(codec.decode(codec.encode(value))) == codec.encode(value)


@given(readable=st.sampled_from(READABLE), data=st.binary(max_size=40))
def test_random_bytes(readable: tuple[Any, str], data: bytes) -> None:
    read(readable[0], data, readable[1])


@given(codec=st.sampled_from(CODECS), obj=json_values)
def test_any_json(codec: Any, obj: Any) -> None:
    read(codec, json.dumps(obj).encode())


@given(case=cases(ALL), data=st.data())
def test_bytes_with_damage(case: tuple[Any, Any], data: st.DataObject) -> None:
    codec = codec_for(case[0])
    good = codec.encode(case[1])
    at = data.draw(st.integers(0, len(good)))
    damaged = good[:at] + data.draw(st.binary(max_size=2)) + good[at + data.draw(st.integers(0, 3)) :]

    read(codec, damaged)


@given(codec=st.sampled_from(CODECS), obj=json_values)
def test_any_json_form(codec: Any, obj: Any) -> None:
    try:
        value = codec.from_json(obj)
    except ValueError:
        return
    assert codec.decode(codec.encode(value)) == value


@given(typename=st.sampled_from([typename for _, typename in READABLE]) | st.text(max_size=9), data=st.binary())
def test_showing_and_reading_records(typename: str, data: bytes) -> None:
    typed = TypedValue(typename, data)

    json_of(typed)
    with suppress(ValueError):
        record_of_typed(typed)


SURROGATE = r"expected text that UTF-8 can encode, got '\ud800', which holds a lone surrogate"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "malformed JSON: Input data was truncated"),
        (b"[1", "malformed JSON: Input data was truncated"),
        (b"[1]x", "malformed JSON: trailing characters (byte 4)"),
        (b'["\xff"]', "malformed JSON: not UTF-8 (invalid start byte)"),
        (b'["\xed\xa0\x80"]', "malformed JSON: not UTF-8 (invalid continuation byte)"),
        (b'["\\ud800"]', f"malformed JSON: {SURROGATE} - at `$[0]`"),
        (b'{"a": "\\ud800"}', f"malformed JSON: {SURROGATE} - at `$.a`"),
        (b"[" * 100_000 + b"]" * 100_000, "malformed JSON: nested too deeply"),
        (b"NaN", "malformed JSON: invalid character (byte 0)"),
        (b'[{"a":1,"a":2}]', "malformed JSON: the key 'a' is repeated in one object"),
        (b'{"a":1, "a":2}', "malformed JSON: the key 'a' is repeated in one object"),
        (b'{"a":{"b":1,"b":2},"c":":"}', "malformed JSON: the key 'b' is repeated in one object"),
        (b'{"a":1,"\\u0061":2}', "malformed JSON: the key 'a' is repeated in one object"),
        (b"[9" + b"9" * 10_000 + b"]", "malformed JSON: "),
    ],
)
def test_malformed_json_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        codec_for(list[str]).decode(data)

    assert str(caught.value).startswith(reason)


def test_json_written_by_others_may_have_spaces_any_order_and_numbers_without_a_point() -> None:
    data = b'{ "y" : 1e0,\n "sku" : "a:b" ,\t"count":2, "new": {"a": ":"}, "price": null }'

    assert codec_for(Line).decode(data) == Line("a:b", 2, None)
    assert codec_for(list[float]).decode(b"[1, 123456789012345680000]") == [1.0, 123456789012345680000.0]


def test_a_value_nested_beyond_the_stack_is_refused() -> None:
    deep = b'{"value":1,"left":' * 50_000 + b"null" + b"}" * 50_000

    with pytest.raises(ValueError) as caught:
        codec_for(Node).decode(deep)

    assert str(caught.value) == "malformed JSON: nested too deeply"


def test_a_value_nested_deeper_than_the_limit_is_refused() -> None:
    deep = b'{"value":1,"left":' * 700 + b"null" + b"}" * 700

    for attempt in (codec_for(Node).decode, lambda data: codec_for(Node).from_json(json.loads(data))):
        with pytest.raises(ValueError) as caught:
            attempt(deep)

        assert (
            str(caught.value)
            == "expected `Node` nested at most 128 deep, got one nested deeper, or that contains itself"
        )


def test_locating_a_deep_error_takes_no_longer_than_reading() -> None:
    deep = b'{"value":1,"children":{"a":' * 100 + b'{"value":"x"}' + b"}}" * 100

    with pytest.raises(ValueError) as caught:
        codec_for(Node).decode(deep)

    assert str(caught.value) == f"expected `int`, got `str` - at `${'.children.a' * 100}.value`"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x09\x01", "malformed protobuf: it ends in the middle of a field"),
        (b"\x80", "malformed protobuf: a varint that does not end"),
        (b"\x08" + b"\xff" * 11, "malformed protobuf: a varint that does not end"),
        (b"\x00\x01", "malformed protobuf: field number 0"),
        (b"\x0f", "malformed protobuf: wire type 7"),
        (b"\x0b", "malformed protobuf: it ends in the middle of a group"),
        (b"\x0b\x14", "malformed protobuf: a group end without a start"),
        (b"\x0b" * 101, "malformed protobuf: groups nested too deeply"),
        (b"\x12\xff\xff\xff\xff\x0f", "malformed protobuf: it ends in the middle of a field"),
    ],
)
def test_malformed_primitives_say_why(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        INT.decode(data)

    assert str(caught.value) == reason
