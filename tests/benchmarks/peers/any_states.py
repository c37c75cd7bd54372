"""The workload in the words of the 2.0 SDK, with a state that the program does not declare, for both SDKs.

``python -m tests.benchmarks.peers.any_states statefun`` runs it on Apache's SDK, with
``statefun_actors.compat.statefun2`` on ours. Annotations are no strings, which the 2.0 SDK can't read.
"""

import sys
from importlib import import_module
from typing import Any

from google.protobuf.duration_pb2 import Duration

from tests.benchmarks.peers.loop import answer


def handler(sdk: Any) -> Any:
    """The request handler of *sdk*, a module with the API of the 2.x SDK."""
    functions = sdk.StatefulFunctions()

    @functions.bind("bank/account")  # type: ignore[untyped-decorator]
    async def account(context: Any, message: Duration) -> None:
        balance = context.state("balance").unpack(Duration) or Duration()
        balance.seconds += message.seconds
        context.state("balance").pack(balance)
        id = context.address.identity
        context.pack_and_send("fraud/checker", id, message)
        record = sdk.kafka_egress_record(topic="receipts", key=id, value=message)
        context.pack_and_send_egress("bank/receipts", record)

    return sdk.AsyncRequestReplyHandler(functions)


if __name__ == "__main__":
    respond = handler(import_module(sys.argv[1]))

    async def handle(data: bytes) -> bytes:
        return bytes(await respond(data))

    answer({"function": handle})
