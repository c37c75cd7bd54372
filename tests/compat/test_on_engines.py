"""Programs of Apache's SDKs run on the embedded engine and in TestRuntime, with everything that this library adds."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from statefun_actors import (
    Address,
    DeadLetter,
    Entity,
    RequestReplyHandler,
    Runtime,
    StateDecodeError,
    TypedValue,
    UndeclaredStateError,
    handles,
    kafka_record,
    message,
    persisted,
)
from statefun_actors.admin import known_codecs, show_entity
from statefun_actors.compat import statefun2, statefun3
from statefun_actors.compat.statefun2.kafka_egress_pb2 import KafkaProducerRecord
from statefun_actors.compat.statefun3 import IntType, Message, ValueSpec, message_builder, typed_value
from statefun_actors.dispatch import Application
from statefun_actors.model import Batch, Invocation
from statefun_actors.store import open_reader
from statefun_actors.testing import TestRuntime
from statefun_actors.types import pack
from statefun_actors.wire import V2, V3, v3_pb2
from tests.wire.reference import request

ADA = Address("example/greeter", "ada")
Items = statefun3.make_json_type("example/items")


def greeter(**options: Any) -> statefun3.StatefulFunctions:
    functions = statefun3.StatefulFunctions()

    @functions.bind("example/greeter", specs=[ValueSpec("seen", IntType), ValueSpec("items", Items)], **options)
    def greet(context: statefun3.Context, message: Message) -> None:
        if message.as_string() == "fail":
            raise ValueError("as told")
        context.storage.seen = (context.storage.seen or 0) + 1
        context.storage.items = [*(context.storage.items or []), message.as_string()]
        caller = context.caller
        if caller is not None and caller != context.address:
            context.send(message_builder(caller.typename, caller.id, int_value=context.storage.seen))
        later = message_builder(context.address.typename, context.address.id, str_value="later")
        if message.as_string() == "remind":
            context.send_after(timedelta(hours=1), later, cancellation_token="reminder")
        if message.as_string() == "forget":
            context.cancel_delayed_message("reminder")
        context.send_egress(statefun3.kafka_egress_message("example/greets", topic="t", value="hi", key=ADA.id))

    return functions


def shown(store: Path, functions: object) -> dict[str, object]:
    """The state of ADA in *store*, as the command line and the console show it."""
    app = Application(functions)
    with closing(open_reader(store)) as reader:
        view = show_entity(reader, ADA, 0, app, known_codecs(app))
    assert view is not None
    return dict(view.fields)


async def test_a_function_of_3_x_runs_in_virtual_time() -> None:
    async with TestRuntime(greeter()) as runtime:
        assert await runtime.ask(ADA, "remind", int) == 1
        await runtime.clock.advance(timedelta(hours=2))
        assert await runtime.ask(ADA, "remind", int) == 3
        await runtime.tell(ADA, "forget")
        await runtime.clock.advance(timedelta(hours=2))

        state = runtime.engine.view.state(ADA)
        assert state["seen"] == typed_value(IntType, 4)
        assert state["items"] == typed_value(Items, ["remind", "later", "remind", "forget"])
        assert runtime.egress("example/greets")[0] == kafka_record(topic="t", key="ada", value="hi")


def test_its_state_outlives_the_process_and_is_shown_as_json(tmp_path: Path) -> None:
    for seen in (1, 2):
        with Runtime(greeter(), store=tmp_path / "greets.db") as runtime:
            assert runtime.ask(ADA, "Ada", int) == seen

    assert shown(tmp_path / "greets.db", greeter()) == {"seen": 2, "items": ["Ada", "Ada"]}


async def test_a_failure_policy_gives_up_single_messages() -> None:
    functions = greeter(on_failure=DeadLetter("example/failed", attempts=2))
    async with TestRuntime(functions) as runtime:
        for text in ("one", "fail", "two"):
            await runtime.tell(ADA, text)

        assert runtime.engine.view.state(ADA)["seen"] == typed_value(IntType, 2)
        assert [str(letter.error) for letter in runtime.dead_letters] == ["as told"]


async def test_an_asynchronous_function_has_a_timeout() -> None:
    functions = statefun3.StatefulFunctions()

    @functions.bind("example/slow", timeout=0.01, on_failure=DeadLetter("a/b", attempts=1))
    async def slow(context: statefun3.Context, message: Message) -> None:
        await asyncio.sleep(60)

    async with TestRuntime(functions) as runtime:
        await runtime.tell(Address("example/slow", "1"), "x")

        [letter] = runtime.dead_letters
        assert letter.error_type == "HandlerTimeoutError"


@message("example/hello")
class Hello:
    name: str


class Greeter(Entity, typename="example/greeter"):
    seen: int = persisted(default=0)
    items: list[str] = persisted(factory=list, convert=lambda stored: json.loads(stored.value))

    @handles
    def hello(self, message: Hello) -> str:
        self.seen += 1
        self.items.append(message.name)
        return f"{self.seen}: {', '.join(self.items)}"


def test_a_class_takes_over_the_state_of_a_function(tmp_path: Path) -> None:
    with Runtime(greeter(), store=tmp_path / "greets.db") as runtime:
        assert runtime.ask(ADA, "Ada", int) == 1

    with Runtime(Greeter, store=tmp_path / "greets.db") as runtime:
        assert runtime.ask(Greeter.hello, "ada", Hello("Bea")) == "2: Ada, Bea"


async def test_a_stored_value_of_another_type_fails_the_batch_and_is_kept() -> None:
    functions = statefun3.StatefulFunctions()

    @functions.bind("example/greeter", specs=[ValueSpec("seen", statefun3.StringType)], on_failure=DeadLetter("a/b"))
    def greet(context: statefun3.Context, message: Message) -> None:
        context.storage.seen  # noqa: B018 - reading is what fails

    handler = statefun3.RequestReplyHandler(functions)
    data = request(V3, Batch(ADA, {"seen": typed_value(IntType, 1)}, [Invocation(typed_value(IntType, 1))]))
    with pytest.raises(StateDecodeError) as raised:
        await handler.handle_async(data)

    assert isinstance(raised.value, TypeError)
    assert str(raised.value) == (
        "the stored state example/greeter.seen can't be read: expected io.statefun.types/string, got 5 bytes of "
        "'io.statefun.types/int': expected a value of io.statefun.types/string, got io.statefun.types/int. Go back to "
        "the type that wrote it, or declare persisted(..., convert=fn) to read it."
    )


async def test_a_context_that_its_function_kept_sends_nothing() -> None:
    kept: list[statefun3.Context] = []
    functions = statefun3.StatefulFunctions()
    functions.register("example/keeper", lambda context, message: kept.append(context))

    async with TestRuntime(functions) as runtime:
        await runtime.tell(Address("example/keeper", "1"), "x")

    with pytest.raises(RuntimeError, match="works only in a handler"):
        kept[0].send(message_builder("a/b", "1", int_value=1))


def counter(**options: Any) -> statefun2.StatefulFunctions:
    functions = statefun2.StatefulFunctions()

    @functions.bind("example/greeter", **options)
    def greet(context: Any, message: Timestamp) -> None:
        seen = context.state("seen").unpack(Timestamp) or Timestamp()
        seen.seconds += message.seconds
        context.state("seen").pack(seen)
        context.pack_and_reply(seen)
        record = statefun2.kafka_egress_record(topic="t", key=context.address.identity, value=seen)
        context.pack_and_send_egress("example/greets", record)

    return functions


async def test_a_function_of_2_x_needs_no_declared_states_on_the_embedded_engine(tmp_path: Path) -> None:
    async with TestRuntime(counter()) as runtime:
        assert await runtime.ask(ADA, Timestamp(seconds=2), Timestamp) == Timestamp(seconds=2)
        assert await runtime.ask(ADA, Timestamp(seconds=3), Timestamp) == Timestamp(seconds=5)

        record = kafka_record(topic="t", key="ada", value=Timestamp(seconds=2))
        assert runtime.egress("example/greets")[0] == record
        assert runtime.engine.view.state(ADA)["seen"] == pack(Timestamp(seconds=5))


def test_its_state_outlives_the_process(tmp_path: Path) -> None:
    for seconds in (2, 4):
        with Runtime(counter(), store=tmp_path / "greets.db") as runtime:
            assert runtime.ask(ADA, Timestamp(seconds=2), Timestamp) == Timestamp(seconds=seconds)

    assert shown(tmp_path / "greets.db", counter()) == {"seen": "1970-01-01T00:00:04Z"}


async def test_a_state_that_is_deleted_is_absent_again() -> None:
    functions = statefun2.StatefulFunctions()

    @functions.bind("example/greeter")
    def greet(context: Any, message: Timestamp) -> None:
        if message.seconds:
            context.state("seen").pack(message)
        else:
            del context["seen"]
        context.pack_and_reply(context.state("seen").unpack(Timestamp) or Timestamp(seconds=-1))

    async with TestRuntime(functions) as runtime:
        answers = [(await runtime.ask(ADA, Timestamp(seconds=s), Timestamp)).seconds for s in (3, 0, 4)]
        assert answers == [3, -1, 4]


async def test_flink_must_send_the_states_of_2_x() -> None:
    data = request(V2, Batch(ADA, {}, [Invocation(pack(Timestamp(seconds=1)), ADA)]))
    with pytest.raises(UndeclaredStateError) as raised:
        await statefun2.AsyncRequestReplyHandler(counter())(data)

    assert isinstance(raised.value, KeyError)
    assert "add to its function in module.yaml: `states: [seen]`" in str(raised.value)


def test_records_of_2_x_are_registered_as_apaches_are() -> None:
    apache = (
        b'\n\x12kafka-egress.proto\x12"org.apache.flink.statefun.flink.io"F\n\x13KafkaProducerRecord\x12\x0b\n\x03key'
        b"\x18\x01 \x01(\t\x12\x13\n\x0bvalue_bytes\x18\x02 \x01(\x0c\x12\r\n\x05topic\x18\x03 \x01(\tB0\n,org.apache."
        b"flink.statefun.flink.io.generatedP\x01b\x06proto3"
    )
    assert KafkaProducerRecord.DESCRIPTOR.file.serialized_pb == apache


def test_values_keep_their_bytes() -> None:
    value = typed_value(Items, {"ä": 1})

    assert value == TypedValue("example/items", '{"ä": 1}'.encode())
    assert Message("a/b", "1", value).as_type(Items) == {"ä": 1}


async def test_a_function_of_2_x_with_declared_states_is_served_to_flink_3_x() -> None:
    handler = RequestReplyHandler(counter(states={"seen": Timestamp}))
    state = {"seen": pack(Timestamp(seconds=4))}
    data = request(V3, Batch(ADA, state, [Invocation(pack(Timestamp(seconds=1)), ADA)]))

    reply = v3_pb2.FromFunction.FromString(await handler.handle(data)).invocation_result

    [mutation], [answer] = reply.state_mutations, reply.outgoing_messages
    assert (mutation.state_name, mutation.state_value.typename) == (
        "seen",
        "type.googleapis.com/google.protobuf.Timestamp",
    )
    assert mutation.state_value.value == answer.argument.value == Timestamp(seconds=5).SerializeToString()
    assert reply.outgoing_egresses[0].argument.typename.endswith("io.statefun.sdk.egress.KafkaProducerRecord")
