"""µs from request bytes to reply bytes, next to Apache's SDK: ``python -m tests.benchmarks.handler``.

The workload of ``tests.benchmarks.peers``, in batches of 1, 10 and 100, protocol 3.x. Each peer is a process of its
own; they take turns, each tells its best short stretch, and the medians of these are compared. Before anything is
measured, all must give the same reply.
"""

from __future__ import annotations

import asyncio
import base64
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from google.protobuf.duration_pb2 import Duration

from statefun_actors import RequestReplyHandler
from statefun_actors.address import Address
from statefun_actors.model import Batch, Invocation
from statefun_actors.types import pack
from statefun_actors.wire import V3, v3_pb2
from tests.benchmarks.figures import Figure, needed, parser_of, profiled, report
from tests.benchmarks.official_sdk import pythons
from tests.benchmarks.peers.ours import Account
from tests.wire.reference import request

ROOT = Path(__file__).parents[2]
SIZES = (1, 10, 100)
ADDRESSES = 40
AIMS = {("SDK-upb", 1): 1.8, ("SDK-upb", 100): 2.5, ("SDK-pip", 1): 14, ("SDK-pip", 100): 18}
OURS = ("our class", "our function")


def requests(size: int) -> list[bytes]:
    """Batches of *size* for different accounts, from different callers."""
    return [
        request(
            V3,
            Batch(
                Address("bank/account", f"account-{account}"),
                {"balance": pack(1_000 + account)},
                [
                    Invocation(pack(Duration(seconds=1 + index)), Address("bank/user", f"user-{account}-{index}"))
                    for index in range(size)
                ],
            ),
        )
        for account in range(ADDRESSES)
    ]


class Peer:
    """A process that handles requests and says how long it took."""

    def __init__(self, python: Path | str, module: str, *arguments: str) -> None:
        command = [str(python), "-m", f"tests.benchmarks.peers.{module}", *arguments]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def handle(self, handler: str, datas: list[bytes], times: int, stretch: int) -> tuple[float, bytes]:
        """µs a request, and the reply to the first one."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        requests = [base64.b64encode(data).decode() for data in datas]
        work = {"handler": handler, "requests": requests, "times": times, "stretch": stretch}
        self._process.stdin.write(json.dumps(work) + "\n")
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer["us"], base64.b64decode(answer["reply"])

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument(
        "--profile", action="store_true", help="show where requests of one message spend their time instead"
    )
    options = parser.parse_args()
    if options.profile:
        asyncio.run(profile())
        return
    rounds: int = options.rounds
    installed = needed("request bytes to reply bytes", options, pythons)
    ours = Peer(sys.executable, "ours")
    sdks = {kind: Peer(python, "sdk", "loop") for kind, python in installed.items()}
    runs = {
        "our class": (ours, "class"),
        "our function": (ours, "function"),
        **{kind: (peer, "function") for kind, peer in sdks.items()},
    }
    taken: dict[tuple[str, int], list[float]] = {(name, size): [] for name in runs for size in SIZES}
    for size in SIZES:
        datas = requests(size)
        replies = {
            name: v3_pb2.FromFunction.FromString(peer.handle(handler, datas[:1], 1, 1)[1])
            for name, (peer, handler) in runs.items()
        }
        assert all(reply == replies["SDK-upb"] for reply in replies.values()), "the peers do not agree"
    for _ in range(rounds):
        for size in SIZES:
            datas = requests(size)
            for name, (peer, handler) in runs.items():
                few = datas[:10] if name == "SDK-pip" and size == 100 else datas
                taken[name, size].append(peer.handle(handler, few, max(1, 20 // size), max(1, 20 // size))[0])
    for peer in (ours, *sdks.values()):
        peer.close()
    _show({key: statistics.median(values) for key, values in taken.items()}, list(runs))
    report(
        (
            Figure(
                name=f"{mine}, batches of {size}: time of the peer",
                ours=taken[mine, size],
                peer=sdk,
                theirs=taken[sdk, size],
                inverse=True,
                aim=aim,
            )
            for (sdk, size), aim in AIMS.items()
            for mine in OURS
        ),
        options,
    )


async def profile() -> None:
    """Print the functions in which requests of one message spend their time."""
    handler = RequestReplyHandler(Account)
    datas = requests(1)
    with profiled():
        for _ in range(500):
            for data in datas:
                await handler.handle(data)


def _show(medians: dict[tuple[str, int], float], names: list[str]) -> None:
    print(f"{'µs for a batch of':22}" + "".join(f"{size:>10}" for size in SIZES))
    for name in names:
        print(f"{name:22}" + "".join(f"{medians[name, size]:10.1f}" for size in SIZES))


if __name__ == "__main__":
    main()
