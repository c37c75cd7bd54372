"""Random programs in the API of SDK 2.x: Apache's SDK and our module give the same reply to each request."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any as Untyped

import pytest
from google.protobuf.struct_pb2 import Value
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from statefun_actors import Address
from statefun_actors.compat import statefun2
from statefun_actors.model import Batch, Invocation
from statefun_actors.types import pack
from statefun_actors.wire import V2
from tests.endpoint.official import test_against_sdk_2 as ours
from tests.endpoint.official.apache import Apache
from tests.endpoint.official.programs import bound_sdk
from tests.endpoint.official.topics import topics
from tests.wire.reference import request

words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6)
Steps = st.SearchStrategy[tuple[Untyped, ...]]
steps: Steps = st.one_of(
    ours.steps,
    st.just(("address",)),
    st.tuples(st.sampled_from(["unpack", "unpack_and_pack", "delete_value", "flags"]), ours.states),
    st.tuples(st.sampled_from(["set_value", "change_in_place"]), ours.states, ours.numbers),
    st.tuples(st.just("kafka"), topics, st.none() | words, ours.numbers),
    st.tuples(st.just("kinesis"), words, words, st.none() | words, ours.numbers),
)
mistakes: Steps = st.one_of(
    ours.mistakes,
    st.tuples(st.just("unpack"), ours.unknown_states),
    st.tuples(st.just("kafka"), st.just(""), words, ours.numbers),
    st.tuples(st.just("kinesis"), words, st.just(""), words, ours.numbers),
)
programs = st.lists(steps, max_size=6) | st.lists(st.one_of(steps, steps, mistakes), max_size=3)
invocations = st.builds(
    Invocation, programs.map(lambda program: pack(Value(string_value=json.dumps(program)))), ours.callers
)
stored = {name: st.none() | ours.numbers.map(lambda n: pack(Timestamp(seconds=n))) for name in ("seen", "last", "cart")}


def batches(typename: str) -> st.SearchStrategy[Batch]:
    return st.builds(
        Batch,
        st.builds(Address, st.just(typename), ours.ids),
        st.fixed_dictionaries(stored),
        st.lists(invocations, min_size=1, max_size=4),
    )


functions = bound_sdk(statefun2)
handler = statefun2.RequestReplyHandler(functions)
async_handler = statefun2.AsyncRequestReplyHandler(functions)


@pytest.fixture(scope="module", params=["2.0.0", "2.2.2"])
def apache(request: pytest.FixtureRequest) -> Iterator[Apache]:
    sdk = Apache(request.param, "programs.py")
    yield sdk
    sdk.close()


def our_reply(data: bytes, target: Address) -> bytes | None:
    try:
        return asyncio.run(async_handler(data)) if target.typename == "test/async" else handler(data)
    except Exception:
        return None


@pytest.fixture(scope="module")
def apache_2_2() -> Iterator[Apache]:
    """The first version with an AsyncRequestReplyHandler."""
    sdk = Apache("2.2.2", "programs.py")
    yield sdk
    sdk.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(batch=batches("test/sdk") | ours.batches)
def test_the_same_program_gives_the_same_reply(apache: Apache, batch: Batch) -> None:
    data = request(V2, batch)

    assert ours.result(our_reply(data, batch.target)) == ours.result(apache.reply(data))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(batch=batches("test/async"))
def test_the_same_asynchronous_program_gives_the_same_reply(apache_2_2: Apache, batch: Batch) -> None:
    data = request(V2, batch)

    assert ours.result(our_reply(data, batch.target)) == ours.result(apache_2_2.reply(data))


@pytest.mark.parametrize("typename", ["test/sdk", "test/async"])
def test_programs_do_something(apache_2_2: Apache, typename: str) -> None:
    program = [["unpack_and_pack", "seen"], ["address"], ["kafka", "t", "k", 3], ["kinesis", "s", "k", None, 4]]
    one = Invocation(pack(Value(string_value=json.dumps(program))), Address("x/caller", "c"))
    batch = Batch(Address(typename, "u"), {"seen": None}, [one, one])
    data = request(V2, batch)

    reply = ours.result(our_reply(data, batch.target))

    assert len(reply.outgoing_messages) == 2
    assert len(reply.outgoing_egresses) == 4
    assert [mutation.state_name for mutation in reply.state_mutations] == ["seen"]
    assert ours.result(apache_2_2.reply(data)) == reply
