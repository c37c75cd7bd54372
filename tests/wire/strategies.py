"""Batches and outcomes of every shape that both protocols can say."""

from __future__ import annotations

import struct

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from statefun_actors.address import Address
from statefun_actors.model import (
    Batch,
    Cancel,
    Done,
    Effect,
    Egress,
    Expiration,
    Invocation,
    MissingState,
    Send,
    SendAfter,
    StateSpec,
    TypedValue,
)
from tests.wire.reference import KAFKA, KINESIS

texts = st.text(max_size=6) | st.sampled_from(["ä" * 63, "x" * 127, "x" * 128, "x" * 2_100, "x" * 20_000])
names = st.text(min_size=1, max_size=6).filter(lambda name: "/" not in name)
typenames = st.builds(lambda namespace, name: f"{namespace}/{name}", st.text(min_size=1, max_size=6), names)
addresses = st.builds(Address, typenames, texts.filter(bool))
contents = st.binary(max_size=8) | st.integers(0, 20_000).map(bytes)


_longs = st.integers(-(1 << 63), (1 << 63) - 1)
_ints = st.integers(-(1 << 31), (1 << 31) - 1)
primitives = st.one_of(
    st.sampled_from([TypedValue("io.statefun.types/bool", b""), TypedValue("io.statefun.types/bool", b"\x08\x01")]),
    _longs.map(lambda n: TypedValue("io.statefun.types/long", b"\x09" + struct.pack("<q", n) if n else b"")),
    _ints.map(lambda n: TypedValue("io.statefun.types/int", b"\x0d" + struct.pack("<i", n) if n else b"")),
    st.floats().filter(bool).map(lambda n: TypedValue("io.statefun.types/double", b"\x09" + struct.pack("<d", n))),
    st.floats(width=32)
    .filter(bool)
    .map(lambda n: TypedValue("io.statefun.types/float", b"\x0d" + struct.pack("<f", n))),
    st.binary(max_size=6).map(lambda data: TypedValue("statefun-actors/bytes", data)),
    st.text(max_size=6).map(
        lambda text: (
            TypedValue("io.statefun.types/string", b"\x0a" + bytes([len(text.encode())]) + text.encode())
            if text
            else TypedValue("io.statefun.types/string", b"")
        )
    ),
)
values = st.builds(TypedValue, typenames, contents) | primitives
records = st.builds(TypedValue, st.sampled_from([KAFKA, KINESIS]), contents)

batches = st.builds(
    Batch,
    addresses,
    st.dictionaries(texts, st.none() | values, max_size=4),
    st.lists(st.builds(Invocation, values, st.none() | addresses), min_size=1, max_size=4),
)

tokens = texts
effects: SearchStrategy[Effect] = st.one_of(
    st.builds(Send, addresses, values),
    st.builds(SendAfter, addresses, values, st.integers(0, (1 << 63) - 1), st.none() | tokens),
    st.builds(Cancel, tokens),
    st.builds(Egress, typenames, values | records),
)
done = st.builds(Done, st.lists(effects, max_size=6), st.dictionaries(texts, st.none() | values, max_size=3))
missing = st.builds(
    MissingState,
    st.lists(
        st.builds(StateSpec, texts, typenames)
        | st.builds(
            StateSpec,
            texts,
            typenames,
            st.sampled_from([Expiration.AFTER_WRITE, Expiration.AFTER_CALL]),
            st.integers(1, (1 << 63) - 1),
        ),
        max_size=3,
    ),
)
