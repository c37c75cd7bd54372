"""Functions that run the program which their message holds, in the words of the 2.0 SDK: the same lines for both SDKs.

``python programs.py`` answers requests with Apache's SDK, a line each in base64; ``error`` where it raises. Nothing
here imports statefun_actors, since one process can't hold the protobuf files of both; and annotations are no strings,
which the 2.0 SDK can't read.
"""

import asyncio
import base64
import json
import sys
from datetime import timedelta
from importlib import import_module
from typing import Any as Untyped
from typing import Union

from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.struct_pb2 import Value
from google.protobuf.timestamp_pb2 import Timestamp


def bound(functions: Untyped) -> Untyped:
    """*functions*, a StatefulFunctions of either SDK, with three functions that run programs."""

    @functions.bind("test/untyped")  # type: ignore[untyped-decorator]
    def untyped(context: Untyped, message) -> None:  # type: ignore[no-untyped-def] # no hint is the point
        program = Value()
        if message.Is(Value.DESCRIPTOR):
            message.Unpack(program)
            run(context, json.loads(program.string_value))
        else:
            context.send("test/seen", "any", message)

    def hinted(context: Untyped, message: Value) -> None:
        run(context, json.loads(message.string_value))

    functions.register("test/a.b/hinted", hinted)

    @functions.bind("test/union")  # type: ignore[untyped-decorator]
    def union(context: Untyped, message: Union[Duration, Value]) -> None:  # noqa: UP007 - as the documentation has it
        if isinstance(message, Duration):
            context.pack_and_send("test/seen", "duration", message)
        else:
            run(context, json.loads(message.string_value))

    return functions


def bound_sdk(sdk: Untyped) -> Untyped:
    """The same with further steps: *sdk* is a module with the whole API of the 2.x SDK."""
    functions = bound(sdk.StatefulFunctions())

    @functions.bind("test/sdk")  # type: ignore[untyped-decorator]
    def whole(context: Untyped, message: Value) -> None:
        for step, *given in json.loads(message.string_value):
            if step == "address":
                _tell_addresses(context)
            elif step in _STATE_STEPS:
                _STATE_STEPS[step](context, context.state(given[0]), *given[1:])
            elif step == "kafka":
                topic, key, seconds = given
                record = sdk.kafka_egress_record(topic=topic, key=key, value=Timestamp(seconds=seconds))
                context.pack_and_send_egress("test/kafka", record)
            elif step == "kinesis":
                stream, key, hash_key, seconds = given
                record = sdk.kinesis_egress_record(
                    stream=stream, partition_key=key, explicit_hash_key=hash_key, value=Timestamp(seconds=seconds)
                )
                held = Any()
                held.Pack(record)
                context.send_egress("test/kinesis", held)
            else:
                run(context, [[step, *given]])

    @functions.bind("test/async")  # type: ignore[untyped-decorator]
    async def asynchronous(context: Untyped, message: Value) -> None:
        whole(context, message)

    return functions


def _tell_addresses(context: Untyped) -> None:
    address, caller = context.address, context.caller
    parts = [repr(address), address.namespace, address.type, address.identity, address.typename()]
    if caller is not None and caller.identity:  # Apache's has an empty address for the ingress
        parts += [repr(caller), caller.namespace, caller.type, caller.identity, caller.typename()]
    context.pack_and_send("test/seen", "addresses", Value(string_value="|".join(parts)))


def _unpack(context: Untyped, state: Untyped) -> None:
    seen = state.unpack(Timestamp)
    context.pack_and_send("test/seen", "absent" if seen is None else "there", seen or Timestamp())


def _unpack_and_pack(_: Untyped, state: Untyped) -> None:
    seen = state.unpack(Timestamp) or Timestamp()
    seen.seconds += 1
    state.pack(seen)


def _change_in_place(_: Untyped, state: Untyped, seconds: int) -> None:
    if state.value is not None:
        state.value.Pack(Timestamp(seconds=seconds))


def _delete_value(_: Untyped, state: Untyped) -> None:
    del state.value


def _tell_flags(context: Untyped, state: Untyped) -> None:
    context.pack_and_send("test/seen", f"{state.modified} {state.deleted}", Duration())


_STATE_STEPS: dict[str, Untyped] = {
    "unpack": _unpack,
    "unpack_and_pack": _unpack_and_pack,
    "change_in_place": _change_in_place,
    "set_value": lambda _, state, seconds: setattr(state, "value", packed(seconds)),
    "delete_value": _delete_value,
    "flags": _tell_flags,
}


def packed(seconds: int) -> Any:
    """An Any that holds a Timestamp."""
    result = Any()
    result.Pack(Timestamp(seconds=seconds))
    return result


def run(context: Untyped, program: list[list[Untyped]]) -> None:
    """Do what *program* says, step by step."""
    for step, *arguments in program:
        _STEPS[step](context, *arguments)


def _swallow(context: Untyped, program: list[list[Untyped]]) -> None:
    try:
        run(context, program)
    except Exception:
        context.pack_and_send("test/seen", "swallowed", Duration())


def _read(context: Untyped, name: str) -> None:
    value = context[name]
    if value is None:
        context.pack_and_send("test/seen", f"{name} is absent", Duration())
    else:
        context.send("test/seen", name, value)


def _write(context: Untyped, name: str, seconds: int) -> None:
    context[name] = packed(seconds)


def _count(context: Untyped, name: str) -> None:
    seen = Timestamp()
    if context[name] is not None:
        context[name].Unpack(seen)
    seen.seconds += 1
    value = Any()
    value.Pack(seen)
    context[name] = value


def _delete(context: Untyped, name: str) -> None:
    del context[name]


def _fail(_: Untyped) -> None:
    raise ValueError("told to")


_STEPS: dict[str, Untyped] = {
    "send": lambda context, typename, to, n: context.send(typename, to, packed(n)),
    "pack_and_send": lambda context, typename, to, n: context.pack_and_send(typename, to, Timestamp(seconds=n)),
    "reply": lambda context, n: context.reply(packed(n)),
    "pack_and_reply": lambda context, n: context.pack_and_reply(Timestamp(seconds=n)),
    "send_after": lambda context, ms, typename, to, n: context.send_after(
        timedelta(milliseconds=ms), typename, to, packed(n)
    ),
    "pack_and_send_after": lambda context, ms, typename, to, n: context.pack_and_send_after(
        timedelta(milliseconds=ms), typename, to, Timestamp(seconds=n)
    ),
    "send_egress": lambda context, typename, n: context.send_egress(typename, packed(n)),
    "pack_and_send_egress": lambda context, typename, n: context.pack_and_send_egress(typename, Timestamp(seconds=n)),
    "send_to_self": lambda context, n: context.pack_and_send(
        context.address.typename() if callable(context.address.typename) else context.address.typename,
        context.address.identity,
        Duration(seconds=n),
    ),
    "read": _read,
    "write": _write,
    "count": _count,
    "delete": _delete,
    "swallow": _swallow,
    "fail": _fail,
}


def answer() -> None:
    """Apache's replies, until stdin ends."""
    statefun = import_module("statefun")
    functions = bound_sdk(statefun)
    handler = statefun.RequestReplyHandler(functions)
    later = statefun.AsyncRequestReplyHandler(functions) if hasattr(statefun, "AsyncRequestReplyHandler") else None
    for line in sys.stdin:
        try:
            data = base64.b64decode(line)
            done = asyncio.run(later(data)) if later is not None and b"test\x12\x05async" in data else handler(data)
            reply = base64.b64encode(done).decode()
        except Exception:
            reply = "error"
        print(reply, flush=True)


if __name__ == "__main__":
    answer()
