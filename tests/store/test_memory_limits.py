"""The check of a whole commit in the memory store: it never accepts a row that the check of each row refuses."""

from __future__ import annotations

import random

from statefun_actors import Address, TypedValue
from statefun_actors.store import Commit, CommitRefusedError, EntityRow, MemoryStore, Message, Timer

LARGEST = 300
POSITIONS = {"source:a": "1"}
"""With these, each row is checked."""


async def refused(commit: Commit, largest_row: int) -> bool:
    try:
        await MemoryStore(largest_row=largest_row).commit(commit)
    except CommitRefusedError:
        return True
    return False


def commit_of(chance: random.Random) -> Commit:
    def text() -> str:
        return chance.choice(["a", "b" * 90, "é" * 90, "x" * 200, "\ud800"] if chance.random() < 0.1 else ["a", "bb"])

    def number() -> int:
        return chance.choice([(1 << 63) - 1, 1 << 63, -(1 << 63) - 1] if chance.random() < 0.05 else [1, 2, 3])

    def address() -> Address:
        return Address(f"test/{text()}", text())

    def value() -> TypedValue:
        return TypedValue(text(), bytes(chance.randint(0, 120)))

    def rows() -> range:
        return range(chance.randint(0, 2))

    return Commit(
        entities=[EntityRow(address(), chance.choice([None, bytes(150)]), chance.choice([None, 5])) for _ in rows()],
        messages=[Message(number(), address(), value(), chance.choice([None, address()])) for _ in rows()],
        timers=[
            Timer(number(), number(), address(), value(), chance.choice([None, address()]), text()) for _ in rows()
        ],
    )


async def test_a_commit_is_refused_if_one_of_its_rows_is() -> None:
    chance = random.Random(7)
    outcomes = {True: 0, False: 0}
    for _ in range(300):
        commit = commit_of(chance)
        parts = [
            *(Commit(entities=[row], positions=POSITIONS) for row in commit.entities),
            *(Commit(messages=[message], positions=POSITIONS) for message in commit.messages),
            *(Commit(timers=[timer], positions=POSITIONS) for timer in commit.timers),
        ]
        expected = any([await refused(part, LARGEST) for part in parts])
        outcomes[expected] += 1
        assert await refused(commit, LARGEST) is expected
    assert min(outcomes.values()) > 30, outcomes
