"""The workload on Apache's SDK. Runs in a virtual environment that has it, and without statefun_actors.

python -m tests.benchmarks.peers.sdk loop
python -m tests.benchmarks.peers.sdk aiohttp [SECONDS]

With SECONDS it holds back replies as ``serve --linger SECONDS`` does.
"""

from __future__ import annotations

import runpy
import sys
import time
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from google.protobuf.duration_pb2 import Duration

from tests.benchmarks.peers.loop import answer

statefun = import_module("statefun")
functions = statefun.StatefulFunctions()
LINGER: Final = Path(__file__).parents[3] / "statefun_actors/http/linger.py"
"""It needs nothing else of the package, which this environment doesn't have."""
DURATION = statefun.make_protobuf_type(Duration)


@functions.bind("bank/account", specs=[statefun.ValueSpec("balance", statefun.LongType)])  # type: ignore[untyped-decorator]
def account(context: Any, message: Any) -> None:
    deposit = message.as_type(DURATION)
    context.storage.balance = (context.storage.balance or 0) + deposit.seconds
    id = context.address.id
    context.send(statefun.message_builder("fraud/checker", id, value=deposit, value_type=DURATION))
    context.send_egress(
        statefun.kafka_egress_message("bank/receipts", topic="receipts", key=id, value=deposit, value_type=DURATION)
    )


def with_message(context: Any, message: Any) -> None:
    """The same with a protobuf message as the state."""
    deposit = message.as_type(DURATION)
    balance = context.storage.balance or Duration()
    balance.seconds += deposit.seconds
    context.storage.balance = balance
    id = context.address.id
    context.send(statefun.message_builder("fraud/checker", id, value=deposit, value_type=DURATION))
    context.send_egress(
        statefun.kafka_egress_message("bank/receipts", topic="receipts", key=id, value=deposit, value_type=DURATION)
    )


def with_three_fields(context: Any, message: Any) -> None:
    """The same with two more states, which each message changes."""
    storage = context.storage
    storage.deposits = (storage.deposits or 0) + 1
    storage.last = f"+{message.as_type(DURATION).seconds}"
    account(context, message)


messages, three_fields = statefun.StatefulFunctions(), statefun.StatefulFunctions()
messages.bind("bank/account", specs=[statefun.ValueSpec("balance", DURATION)])(with_message)
three_fields.bind(
    "bank/account",
    specs=[
        statefun.ValueSpec("balance", statefun.LongType),
        statefun.ValueSpec("deposits", statefun.LongType),
        statefun.ValueSpec("last", statefun.StringType),
    ],
)(with_three_fields)

served: Counter[str] = Counter()


def counted(context: Any, message: Any) -> None:
    """The same without the other message; its record has the balance, and the requests so far as nanoseconds."""
    served["messages"] += 1
    context.storage.balance = balance = (context.storage.balance or 0) + message.as_type(DURATION).seconds
    reported = Duration(seconds=balance, nanos=served["requests"])
    topic = context.address.typename.replace("/account", ".out")
    context.send_egress(
        statefun.kafka_egress_message(
            "bank/receipts", topic=topic, key=context.address.id, value=reported, value_type=DURATION
        )
    )


for typename in ("theirs/account", "delayed/account"):
    functions.bind(typename, specs=[statefun.ValueSpec("balance", statefun.LongType)])(counted)

handler = statefun.RequestReplyHandler(functions)


def aiohttp_app(seconds: float) -> Any:
    web, linger = import_module("aiohttp.web"), runpy.run_path(str(LINGER))["Linger"](seconds)

    async def handle(request: Any) -> Any:
        served["requests"] += 1
        body, arrived, before = await request.read(), time.monotonic(), served["messages"]
        reply = await handler.handle_async(body)
        until = linger.until(served["messages"] - before)  # the function awaits nothing, so that these are its own
        if until is not None:
            await linger.hold(until - (time.monotonic() - arrived))
        return web.Response(body=reply, content_type="application/octet-stream")

    app = web.Application()
    app.add_routes([web.post("/statefun", handle)])
    return app


def main(mode: str, seconds: float) -> None:
    if mode == "loop":
        others = {"message": messages, "three fields": three_fields}
        handlers = {name: statefun.RequestReplyHandler(served).handle_async for name, served in others.items()}
        answer({"function": handler.handle_async, **handlers})
        return
    web, asyncio = import_module("aiohttp.web"), import_module("asyncio")

    async def serve() -> None:
        runner = web.AppRunner(aiohttp_app(seconds), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
        print(f"http://127.0.0.1:{runner.addresses[0][1]}/statefun", flush=True)
        await asyncio.Event().wait()

    asyncio.run(serve())


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 0.0)
