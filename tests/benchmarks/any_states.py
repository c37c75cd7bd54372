"""µs for a request of a program for SDK 2.x, next to Apache's: ``python -m tests.benchmarks.any_states``.

The same program on Apache's SDK 2.2.2 and on ``statefun_actors.compat.statefun2``: a state that it does not declare
holds a protobuf as ``Any``; each message is decoded, changes it, sends a message and a record. SDK 2.2.2 runs only on
the protobuf that pip installs for it, since upb refuses its generated code. So next to them is SDK 3.3.0 on upb with
the workload in its own words and protocol, whose state is a declared number. Batches of 1 and 100. Each peer is a
process of its own; they take turns, each tells its best short stretch, and the medians of these are compared. Before
anything is measured, the two that run the same program must give the same reply.
"""

from __future__ import annotations

import statistics
import sys
from typing import Final

from google.protobuf.duration_pb2 import Duration

from statefun_actors.address import Address
from statefun_actors.model import Batch, Invocation
from statefun_actors.types import pack
from statefun_actors.wire import V2
from tests.benchmarks import handler
from tests.benchmarks.figures import Figure, needed, parser_of, report
from tests.benchmarks.handler import ADDRESSES, Peer
from tests.benchmarks.official_sdk import python_with_sdk
from tests.wire.reference import parsed, request

VERSION: Final = "2.2.2"
SIZES: Final = (1, 100)
OURS: Final = "ours"
SDK_2: Final = f"SDK-pip {VERSION}"
SDK_3: Final = "SDK-upb 3.3.0, its own words"
AIMS: Final = {(SDK_2, 1): 8.0, (SDK_2, 100): 8.0, (SDK_3, 1): 1.5, (SDK_3, 100): 2.2}


def requests(size: int) -> list[bytes]:
    """Batches of *size* for different accounts, from different callers."""
    return [
        request(
            V2,
            Batch(
                Address("bank/account", f"account-{account}"),
                {"balance": pack(Duration(seconds=1_000 + account))},
                [
                    Invocation(pack(Duration(seconds=1 + index)), Address("bank/user", f"user-{account}-{index}"))
                    for index in range(size)
                ],
            ),
        )
        for account in range(ADDRESSES)
    ]


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    options = parser.parse_args()
    name = "a program for SDK 2.x, undeclared Any states"
    old = needed(name, options, lambda: python_with_sdk("SDK-pip", VERSION, server=False))
    upb = needed(name, options, lambda: python_with_sdk("SDK-upb"))
    peers = {
        OURS: (Peer(sys.executable, "any_states", "statefun_actors.compat.statefun2"), requests),
        SDK_2: (Peer(old, "any_states", "statefun"), requests),
        SDK_3: (Peer(upb, "sdk", "loop"), handler.requests),
    }
    taken: dict[tuple[str, int], list[float]] = {(name, size): [] for name in peers for size in SIZES}
    try:
        for size in SIZES:
            ours, theirs = (
                parsed(V2, peers[name][0].handle("function", requests(size)[:1], 1, 1)[1]) for name in (OURS, SDK_2)
            )
            assert ours == theirs, "the peers do not agree"
        for _ in range(options.rounds):
            for size in SIZES:
                for name, (peer, batches) in peers.items():
                    datas = batches(size)
                    few = datas[:10] if name == SDK_2 and size == max(SIZES) else datas
                    times = max(1, 20 // size)
                    taken[name, size].append(peer.handle("function", few, times, times)[0])
    finally:
        for peer, _ in peers.values():
            peer.close()
    for (name, size), values in taken.items():
        print(f"{name:30} batches of {size:3}: {statistics.median(values):8.1f} µs")
    report(
        (
            Figure(
                name=f"a program for SDK 2.x, Any states, batches of {size}",
                ours=taken[OURS, size],
                peer=peer,
                theirs=taken[peer, size],
                inverse=True,
                aim=aim,
            )
            for (peer, size), aim in AIMS.items()
        ),
        options,
    )


if __name__ == "__main__":
    main()
