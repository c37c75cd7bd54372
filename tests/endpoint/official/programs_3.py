"""As ``programs.py``, for the 3.x SDK and for ``statefun_actors.compat.statefun3``, which has the same API.

The API of our own functions is another one, so a program's steps go through adapters.

``python programs_3.py`` answers requests with Apache's SDK, a line each in base64; ``error`` where it raises.
"""

import base64
import json
import sys
from datetime import timedelta
from importlib import import_module
from typing import Any as Untyped

from google.protobuf.timestamp_pb2 import Timestamp

KINDS = ("long", "string", "bool", "double", "stamp")
"""The kinds of values in programs: messages, states and records hold one of them."""
MORE_KINDS = ("json", "upper", "int", "float")
"""Further ones, which our own functions don't have."""


def run(steps: Untyped, program: list[list[Untyped]]) -> None:
    """Do what *program* says by the methods of *steps*."""
    for step, *arguments in program:
        getattr(steps, step)(*arguments)


def value(kind: str, given: Untyped) -> Untyped:
    """A value of *kind* as JSON has it, as Python has it."""
    if kind == "stamp":
        return Timestamp(seconds=given)
    return float(given) if kind == "double" else given


class _Steps:
    """The steps of a program, in the words of the 3.x SDK."""

    def __init__(self, statefun: Untyped, types: dict[str, Untyped], context: Untyped) -> None:
        self._statefun, self._types, self._context = statefun, types, context

    def _message(self, typename: str, to: str, kind: str, given: Untyped) -> Untyped:
        return self._statefun.message_builder(typename, to, value=value(kind, given), value_type=self._types[kind])

    def send(self, typename: str, to: str, kind: str, given: Untyped) -> None:
        self._context.send(self._message(typename, to, kind, given))

    def reply(self, kind: str, given: Untyped) -> None:
        caller = self._context.caller
        self._context.send(self._message(caller.typename, caller.id, kind, given))

    def send_after(self, ms: int, typename: str, to: str, kind: str, given: Untyped, token: str) -> None:
        delay = timedelta(milliseconds=ms)
        self._context.send_after(delay, self._message(typename, to, kind, given), cancellation_token=token)

    def cancel(self, token: str) -> None:
        self._context.cancel_delayed_message(token)

    def record(self, typename: str, topic: str, key: str | None, given: Untyped) -> None:
        self._context.send_egress(self._statefun.kafka_egress_message(typename, topic=topic, key=key, value=given))

    def stamp_record(self, typename: str, topic: str, given: int) -> None:
        self._context.send_egress(
            self._statefun.kafka_egress_message(
                typename, topic=topic, value=Timestamp(seconds=given), value_type=self._types["stamp"]
            )
        )

    def kinesis(self, typename: str, stream: str, key: str, hash_key: str | None, given: Untyped) -> None:
        self._context.send_egress(
            self._statefun.kinesis_egress_message(
                typename, stream=stream, partition_key=key, explicit_hash_key=hash_key, value=given
            )
        )

    def egress(self, typename: str, kind: str, given: Untyped) -> None:
        self._context.send_egress(
            self._statefun.egress_message_builder(typename, value=value(kind, given), value_type=self._types[kind])
        )

    def primitive(self, typename: str, to: str, keyword: str, given: Untyped) -> None:
        self._context.send(self._statefun.message_builder(typename, to, **{keyword: given}))

    def self_address(self) -> None:
        address, caller = self._context.address, self._context.caller
        names = [address.namespace, address.name, address.id, address.typename]
        names += [] if caller is None else [caller.namespace, caller.name, caller.id, caller.typename]
        self.send(address.typename, address.id, "string", "|".join(names))

    def swallow(self, program: list[list[Untyped]]) -> None:
        try:
            run(self, program)
        except Exception:
            self.send("test/seen", "swallowed", "bool", given=True)

    def tell(self, kind: str) -> None:
        held = getattr(self._context.storage, kind)
        if held is None:
            self.send("test/seen", f"{kind} is absent", "bool", given=True)
        else:
            self._context.send(
                self._statefun.message_builder("test/seen", kind, value=held, value_type=self._types[kind])
            )

    def write(self, kind: str, given: Untyped) -> None:
        setattr(self._context.storage, kind, value(kind, given))

    def delete(self, kind: str) -> None:
        delattr(self._context.storage, kind)

    def fail(self) -> None:
        raise ValueError("told to")


def handler(statefun: Untyped) -> Untyped:
    """A handler of two functions that run programs; *statefun* is a module with the API of the 3.x SDK."""
    types = {
        "long": statefun.LongType,
        "string": statefun.StringType,
        "bool": statefun.BoolType,
        "double": statefun.DoubleType,
        "stamp": statefun.make_protobuf_type(Timestamp),
        "json": statefun.make_json_type("test/json"),
        "upper": statefun.simple_type("test/upper", lambda text: text.upper().encode(), lambda data: data.decode()),
        "int": statefun.IntType,
        "float": statefun.FloatType,
    }
    expiry = {
        "string": {"expire_after_write": timedelta(seconds=3)},
        "double": {"expire_after_call": timedelta(milliseconds=1_500)},
    }
    functions = statefun.StatefulFunctions()
    specs = [statefun.ValueSpec(kind, types[kind], **expiry.get(kind, {})) for kind in KINDS]
    more = [*specs, *(statefun.ValueSpec(kind, types[kind]) for kind in MORE_KINDS)]

    @functions.bind("test/a.b/program", specs=specs)  # type: ignore[untyped-decorator]
    def program(context: Untyped, message: Untyped) -> None:
        run(_Steps(statefun, types, context), json.loads(message.as_string()))

    async def asynchronous(context: Untyped, message: Untyped) -> None:
        if message.is_string():
            run(_Steps(statefun, types, context), json.loads(message.as_string()))
        else:
            topic = message.value_typename().replace("/", ".")
            raw = statefun.kafka_egress_message("e/raw", topic, message.raw_value())
            context.send_egress(raw)

    functions.register("test/asynchronous", asynchronous, specs=more)

    return statefun.RequestReplyHandler(functions)


def answer() -> None:
    """Apache's replies, until stdin ends."""
    answered = handler(import_module("statefun"))
    for line in sys.stdin:
        try:
            reply = base64.b64encode(answered.handle_sync(base64.b64decode(line))).decode()
        except Exception:
            reply = "error"
        print(reply, flush=True)


if __name__ == "__main__":
    answer()
