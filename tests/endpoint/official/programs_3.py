"""As ``programs.py``, for the 3.x SDK. Its API is another one than ours, so a program's steps go through adapters.

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


def run(steps: Untyped, program: list[list[Untyped]]) -> None:
    """Do what *program* says by the methods of *steps*."""
    for step, *arguments in program:
        getattr(steps, step)(*arguments)


def value(kind: str, given: Untyped) -> Untyped:
    """A value of *kind* as JSON has it, as Python has it."""
    if kind == "stamp":
        return Timestamp(seconds=given)
    return float(given) if kind == "double" else given


class _Apache:
    """The steps of a program, in the words of Apache's SDK."""

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


def _apache() -> Untyped:
    statefun = import_module("statefun")
    types = {
        "long": statefun.LongType,
        "string": statefun.StringType,
        "bool": statefun.BoolType,
        "double": statefun.DoubleType,
        "stamp": statefun.make_protobuf_type(Timestamp),
    }
    expiry = {
        "string": {"expire_after_write": timedelta(seconds=3)},
        "double": {"expire_after_call": timedelta(milliseconds=1_500)},
    }
    functions = statefun.StatefulFunctions()
    specs = [statefun.ValueSpec(kind, types[kind], **expiry.get(kind, {})) for kind in KINDS]

    @functions.bind("test/a.b/program", specs=specs)  # type: ignore[untyped-decorator]
    def program(context: Untyped, message: Untyped) -> None:
        run(_Apache(statefun, types, context), json.loads(message.as_string()))

    return statefun.RequestReplyHandler(functions)


def answer() -> None:
    """Apache's replies, until stdin ends."""
    handler = _apache()
    for line in sys.stdin:
        try:
            reply = base64.b64encode(handler.handle_sync(base64.b64decode(line))).decode()
        except Exception:
            reply = "error"
        print(reply, flush=True)


if __name__ == "__main__":
    answer()
