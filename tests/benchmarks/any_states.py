"""µs for a request whose state is a protobuf in an undeclared ``Any``: ``python -m tests.benchmarks.any_states``.

Each message is decoded, changes the state, sends a message and a record, in batches of 1 and 100. Two programs of ours
do it: one for SDK 2.x, with ``statefun_actors.compat.statefun2`` on protocol 2.x, and a function that does not declare
its state, on protocol 3.x. Their peers are Apache's SDK 2.2.2 with the very program, on the protobuf that pip installs
for it, since upb refuses its generated code; and SDK 3.3.0 on upb with the workload in its own words and protocol,
whose state is a declared message. Each peer is a process of its own; they take turns, each tells its best short
stretch, and the medians of these are compared. Before anything is measured, those that do the same must give the same
reply.
"""

from __future__ import annotations

import statistics
import sys
from typing import Final

from google.protobuf.duration_pb2 import Duration

from statefun_actors.address import Address
from statefun_actors.model import Batch, Invocation
from statefun_actors.types import pack
from statefun_actors.wire import V2, V3
from tests.benchmarks.figures import Figure, needed, parser_of, report
from tests.benchmarks.handler import ADDRESSES, Peer, Runs, take_turns
from tests.benchmarks.official_sdk import python_with_sdk
from tests.wire.reference import parsed, request

VERSION: Final = "2.2.2"
SIZES: Final = (1, 100)
PROGRAM: Final = "a program for SDK 2.x"
FUNCTION: Final = "a function, 3.x"
SDK_2: Final = f"SDK-pip {VERSION}"
SDK_3: Final = "SDK-upb 3.3.0, a declared message"
AIMS: Final = {
    (PROGRAM, SDK_2): (8.0, 8.0),
    (PROGRAM, SDK_3): (1.5, 2.2),
    (FUNCTION, SDK_3): (1.5, 2.2),
}
"""Times as fast, for batches of 1 and of 100."""


def requests_2x(size: int) -> list[bytes]:
    """Batches of *size* for different accounts, from different callers."""
    return [request(V2, batch) for batch in _batches(size)]


def requests_3x(size: int) -> list[bytes]:
    """The same in protocol 3.x."""
    return [request(V3, batch) for batch in _batches(size)]


def _batches(size: int) -> list[Batch]:
    return [
        Batch(
            Address("bank/account", f"account-{account}"),
            {"balance": pack(Duration(seconds=1_000 + account))},
            [
                Invocation(pack(Duration(seconds=1 + index)), Address("bank/user", f"user-{account}-{index}"))
                for index in range(size)
            ],
        )
        for account in range(ADDRESSES)
    ]


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    options = parser.parse_args()
    name = "a protobuf message in an undeclared state"
    old = needed(name, options, lambda: python_with_sdk("SDK-pip", VERSION, server=False))
    upb = needed(name, options, lambda: python_with_sdk("SDK-upb"))
    peers: Runs = {
        PROGRAM: (Peer(sys.executable, "any_states", "statefun_actors.compat.statefun2"), "function", requests_2x),
        SDK_2: (Peer(old, "any_states", "statefun"), "function", requests_2x),
        FUNCTION: (Peer(sys.executable, "ours"), "undeclared", requests_3x),
        SDK_3: (Peer(upb, "sdk", "loop"), "message", requests_3x),
    }
    try:
        for size in SIZES:
            _check_that_they_agree(peers, size)
        taken = take_turns(peers, SIZES, options.rounds, slow=SDK_2)
    finally:
        for peer, _, _ in peers.values():
            peer.close()
    for (name, size), values in taken.items():
        print(f"{name:34} batches of {size:3}: {statistics.median(values):8.1f} µs")
    report(
        (
            Figure(
                name=f"{ours}, Any states, batches of {size}",
                ours=taken[ours, size],
                peer=peer,
                theirs=taken[peer, size],
                inverse=True,
                aim=aim,
            )
            for (ours, peer), aims in AIMS.items()
            for size, aim in zip(SIZES, aims, strict=True)
        ),
        options,
    )


def _check_that_they_agree(peers: Runs, size: int) -> None:
    for ours, theirs, dialect in ((PROGRAM, SDK_2, V2), (FUNCTION, SDK_3, V3)):
        replies = [
            parsed(dialect, peer.handle(handler, requests(size)[:1], 1, 1)[1])
            for peer, handler, requests in (peers[ours], peers[theirs])
        ]
        assert replies[0] == replies[1], f"{ours} and {theirs} do not agree"


if __name__ == "__main__":
    main()
