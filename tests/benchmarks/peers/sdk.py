"""The workload on Apache's SDK. Runs in a virtual environment that has it, and without statefun_actors.

python -m tests.benchmarks.peers.sdk loop
python -m tests.benchmarks.peers.sdk aiohttp
"""

from __future__ import annotations

import sys
from collections import Counter
from importlib import import_module
from typing import Any

from google.protobuf.duration_pb2 import Duration

from tests.benchmarks.peers.loop import answer

statefun = import_module("statefun")
functions = statefun.StatefulFunctions()
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


served: Counter[str] = Counter()


@functions.bind("theirs/account", specs=[statefun.ValueSpec("balance", statefun.LongType)])  # type: ignore[untyped-decorator]
def counted(context: Any, message: Any) -> None:
    """The same without the other message; its record has the balance, and the requests so far as nanoseconds."""
    context.storage.balance = balance = (context.storage.balance or 0) + message.as_type(DURATION).seconds
    reported = Duration(seconds=balance, nanos=served["requests"])
    context.send_egress(
        statefun.kafka_egress_message(
            "bank/receipts", topic="theirs.out", key=context.address.id, value=reported, value_type=DURATION
        )
    )


handler = statefun.RequestReplyHandler(functions)


def aiohttp_app() -> Any:
    web = import_module("aiohttp.web")

    async def handle(request: Any) -> Any:
        served["requests"] += 1
        reply = await handler.handle_async(await request.read())
        return web.Response(body=reply, content_type="application/octet-stream")

    app = web.Application()
    app.add_routes([web.post("/statefun", handle)])
    return app


def main(mode: str) -> None:
    if mode == "loop":
        answer({"function": handler.handle_async})
        return
    web, asyncio = import_module("aiohttp.web"), import_module("asyncio")

    async def serve() -> None:
        runner = web.AppRunner(aiohttp_app(), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
        print(f"http://127.0.0.1:{runner.addresses[0][1]}/statefun", flush=True)
        await asyncio.Event().wait()

    asyncio.run(serve())


if __name__ == "__main__":
    main(sys.argv[1])
