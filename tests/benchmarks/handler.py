"""µs from request bytes to reply bytes, next to Apache's SDK: ``python -m tests.benchmarks.handler``.

The workload of ``tests.benchmarks.peers`` with one state, and with three, in batches of 1, 10 and 100, protocol 3.x.
The floor is what protobuf in C and a join of known bytes need for one state, where each message that is sent is
serialized when it is sent. Each peer is a process of its own; they take turns, each tells its best short stretch, and
the medians of these are compared. Before anything is measured, all with the same states must give the same reply.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

from google.protobuf.duration_pb2 import Duration

from statefun_actors import RequestReplyHandler
from statefun_actors.address import Address
from statefun_actors.model import Batch, Invocation, TypedValue
from statefun_actors.types import pack
from statefun_actors.wire import V3, v3_pb2
from tests.benchmarks.figures import Figure, needed, parser_of, profiled, report
from tests.benchmarks.official_sdk import pythons
from tests.benchmarks.peers.ours import Account
from tests.wire.reference import request

ROOT = Path(__file__).parents[2]
SIZES = (1, 10, 100)
ADDRESSES = 64
UPB, PIP, UPB_3, FLOOR = "SDK-upb", "SDK-pip", "SDK-upb, three fields", "floor"
CLASS, ASYNC, FUNCTION, THREE = "our class", "our async class", "our function", "our async class, three fields"
AIMS: Final = {
    (CLASS, UPB): (2.0, 2.9),
    (ASYNC, UPB): (2.0, 2.9),
    (FUNCTION, UPB): (1.5, 2.2),
    (THREE, UPB_3): (1.8, 3.2),
    (CLASS, PIP): (14, 18),
    (FUNCTION, PIP): (14, 18),
}
"""Times as fast, for batches of 1 and of 100."""
TIMES_THE_FLOOR: Final = 1.4
"""At most, for a class and batches of 100."""


def requests(size: int, more: Mapping[str, TypedValue] | None = None) -> list[bytes]:
    """Batches of *size* for different accounts, from different callers; *more*: further states."""
    return [
        request(
            V3,
            Batch(
                Address("bank/account", f"account-{account}"),
                {"balance": pack(1_000 + account), **(more or {})},
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


Runs: TypeAlias = Mapping[str, tuple[Peer, str, Callable[[int], list[bytes]]]]
"""By name: a peer, one of its handlers, and its requests of batches of a size."""


def take_turns(runs: Runs, sizes: Sequence[int], rounds: int, *, slow: str) -> dict[tuple[str, int], list[float]]:
    """The µs of a request in each round, by the name and the size of the batch. *slow* gets fewer large requests."""
    taken: dict[tuple[str, int], list[float]] = {(name, size): [] for name in runs for size in sizes}
    for _ in range(rounds):
        for size in sizes:
            times = max(1, 20 // size)
            for name, (peer, handler, made) in runs.items():
                datas = made(size)
                few = datas[:10] if name == slow and size == max(sizes) else datas
                taken[name, size].append(peer.handle(handler, few, times, times)[0])
    return taken


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
    ours, floor = Peer(sys.executable, "ours"), Peer(sys.executable, "floor")
    sdks = {kind: Peer(python, "sdk", "loop") for kind, python in installed.items()}
    with_three = functools.partial(requests, more={"deposits": pack(7), "last": pack("+3")})
    runs: Runs = {
        CLASS: (ours, "class", requests),
        ASYNC: (ours, "async class", requests),
        FUNCTION: (ours, "function", requests),
        THREE: (ours, "three fields", with_three),
        **{kind: (peer, "function", requests) for kind, peer in sdks.items()},
        UPB_3: (sdks[UPB], "three fields", with_three),
        FLOOR: (floor, "floor", requests),
    }
    for size in SIZES:
        replies = {
            name: v3_pb2.FromFunction.FromString(peer.handle(handler, made(size)[:1], 1, 1)[1])
            for name, (peer, handler, made) in runs.items()
        }
        for name, (_, _, made) in runs.items():
            assert replies[name] == replies[UPB_3 if made is with_three else UPB], f"{name} does not agree"
    taken = take_turns(runs, SIZES, rounds, slow=PIP)
    for peer in (ours, floor, *sdks.values()):
        peer.close()
    _show({key: statistics.median(values) for key, values in taken.items()}, list(runs))

    def figure(mine: str, peer: str, size: int, aim: float, *, at_least: bool = True) -> Figure:
        return Figure(
            name=f"{mine}, batches of {size}: time of the peer",
            ours=taken[mine, size],
            peer=peer,
            theirs=taken[peer, size],
            inverse=at_least,
            aim=aim,
            at_least=at_least,
        )

    figures = [
        figure(mine, peer, size, aim)
        for (mine, peer), aims in AIMS.items()
        for size, aim in zip((1, 100), aims, strict=True)
    ]
    report([*figures, figure(CLASS, FLOOR, 100, TIMES_THE_FLOOR, at_least=False)], options)


async def profile() -> None:
    """Print the functions in which requests of one message spend their time."""
    handler = RequestReplyHandler(Account)
    datas = requests(1)
    with profiled():
        for _ in range(500):
            for data in datas:
                await handler.handle(data)


def _show(medians: dict[tuple[str, int], float], names: list[str]) -> None:
    print(f"{'µs for a batch of':30}" + "".join(f"{size:>10}" for size in SIZES))
    for name in names:
        print(f"{name:30}" + "".join(f"{medians[name, size]:10.1f}" for size in SIZES))


if __name__ == "__main__":
    main()
