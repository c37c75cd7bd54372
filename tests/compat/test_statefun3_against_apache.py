"""Random programs in the API of SDK 3.x: Apache's SDK and our module give the same reply to each request.

Programs keep away from what the module does otherwise on purpose: the empty cancellation token is an error here, and
the sign of -0.0, which some versions of protobuf lose.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any as Untyped

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from statefun_actors import Address, TypedValue
from statefun_actors.compat import statefun3
from statefun_actors.model import Batch, Invocation
from statefun_actors.types import pack
from statefun_actors.wire import V3
from tests.endpoint.official import test_against_sdk_3 as ours
from tests.endpoint.official.apache import Apache
from tests.endpoint.official.programs_3 import KINDS, MORE_KINDS, handler
from tests.wire.reference import request

texts = ours.texts
json_values = st.recursive(
    st.booleans() | st.integers() | texts, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=5
)
floats = st.floats(allow_nan=False, allow_infinity=False, width=32).map(lambda number: number + 0.0)
givens = {
    **ours.givens,
    "json": json_values,
    "upper": texts,
    "int": st.integers(-(1 << 31), (1 << 31) - 1),
    "float": floats,
}
typed = st.sampled_from(sorted(givens)).flatmap(lambda kind: st.tuples(st.just(kind), givens[kind]))
keywords = {
    "long_value": "long",
    "str_value": "string",
    "bool_value": "bool",
    "int_value": "int",
    "float_value": "float",
}
primitives = st.sampled_from(sorted(keywords)).flatmap(lambda key: st.tuples(st.just(key), givens[keywords[key]]))
kinds = st.sampled_from([*KINDS, *MORE_KINDS])
Steps = st.SearchStrategy[tuple[Untyped, ...]]
steps: Steps = st.one_of(
    ours.steps,
    st.builds(lambda *a: ("send", *a[:2], *a[2]), ours.typenames, ours.ids, typed),
    st.builds(lambda *a: ("primitive", *a[:2], *a[2]), ours.typenames, ours.ids, primitives),
    st.just(("self_address",)),
    st.tuples(st.just("tell"), kinds),
    st.builds(lambda a: ("write", *a), typed),
    st.tuples(st.just("delete"), kinds),
)
mistakes: Steps = st.one_of(
    ours.mistakes,
    st.tuples(st.just("send"), st.sampled_from(["", "nothing", "/", "a/"]), ours.ids, st.just("long"), st.just(1)),
    st.tuples(st.just("primitive"), ours.typenames, ours.ids, st.just("int_value"), st.just(1 << 31)),
    st.tuples(st.just("primitive"), ours.typenames, ours.ids, st.just("odd_value"), st.just(1)),
    st.tuples(st.just("write"), kinds, st.none()),
    st.tuples(st.just("kinesis"), ours.typenames, ours.ids, ours.ids, st.none(), st.just(1)),
)
swallowed = st.tuples(st.just("swallow"), st.lists(steps, max_size=2))
programs = st.lists(steps | swallowed, max_size=6) | st.lists(st.one_of(steps, steps, mistakes), max_size=3)
arguments = programs.map(lambda steps: pack(json.dumps(steps)))
raw = st.builds(TypedValue, st.sampled_from(["test/json", "test/unknown", "io.statefun.types/int"]), st.binary())
stored = {
    **ours.states,
    "json": st.none() | json_values.map(lambda held: TypedValue("test/json", json.dumps(held).encode())),
    "upper": st.none() | texts.map(lambda held: TypedValue("test/upper", held.encode())),
    "int": st.none() | givens["int"].map(lambda held: statefun3.typed_value(statefun3.IntType, held)),
    "float": st.none() | floats.map(lambda held: statefun3.typed_value(statefun3.FloatType, held)),
}
plain = st.fixed_dictionaries(ours.states) | st.fixed_dictionaries({}, optional=ours.states)
batches = st.one_of(
    st.builds(
        Batch,
        st.builds(Address, st.just("test/a.b/program"), ours.ids),
        plain,
        st.lists(st.builds(Invocation, arguments, ours.callers), min_size=1, max_size=4),
    ),
    st.builds(
        Batch,
        st.builds(Address, st.just("test/asynchronous"), ours.ids),
        st.fixed_dictionaries(stored) | st.fixed_dictionaries({}, optional=stored),
        st.lists(st.builds(Invocation, arguments | raw, ours.callers), min_size=1, max_size=4),
    ),
)
compat = handler(statefun3)


@pytest.fixture(scope="module", params=["SDK-pip", pytest.param("SDK-upb", marks=pytest.mark.slow)])
def apache(request: pytest.FixtureRequest) -> Iterator[Apache]:
    sdk = Apache("3.3.0", "programs_3.py", request.param)
    yield sdk
    sdk.close()


def our_reply(data: bytes) -> bytes | None:
    try:
        return compat.handle_sync(data)  # type: ignore[no-any-return]
    except Exception:
        return None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(batch=batches)
def test_the_same_program_gives_the_same_reply(apache: Apache, batch: Batch) -> None:
    data = request(V3, batch)

    assert ours.told(our_reply(data)) == ours.told(apache.reply(data))


def test_programs_do_something(apache: Apache) -> None:
    steps = [
        ["write", "long", 7],
        ["write", "json", {"a": [1, "é"]}],
        ["send_after", 5, "x/y", "z", "string", "s", "t"],
        ["reply", "stamp", 5],
        ["self_address"],
        ["tell", "int"],
        ["record", "e/f", "t", None, 4],
    ]
    one = Invocation(pack(json.dumps(steps)), Address("x/caller", "c"))
    states = {**dict.fromkeys([*KINDS, *MORE_KINDS]), "stamp": pack(Timestamp(seconds=3))}
    data = request(V3, Batch(Address("test/asynchronous", "u"), states, [one, one]))

    reply = ours.told(our_reply(data))

    assert len(reply.outgoing_messages) == 6
    assert len(reply.delayed_invocations) == len(reply.outgoing_egresses) == 2
    assert [mutation.state_name for mutation in reply.state_mutations] == ["json", "long"]
    assert ours.told(apache.reply(data)) == reply
