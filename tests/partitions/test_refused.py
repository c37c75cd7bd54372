"""A message that the store of its receiver refuses, between partitions."""

from __future__ import annotations

import asyncio
from pathlib import Path

from statefun_actors.ingress import Handled
from statefun_actors.store import Commit, CommitRefusedError, MemoryStore
from statefun_actors.types import pack
from tests.partitions.systems import system
from tests.partitions.test_links import HERE, THERE, Cell, PassOn, kept, seen, until

REFUSED = 6_666


class RefusingStore(MemoryStore):
    """A store in memory that refuses each state that contains :data:`REFUSED`."""

    async def commit(self, commit: Commit) -> None:
        if any(str(REFUSED).encode() in (row.packed or b"") for row in commit.entities):
            raise CommitRefusedError("the test", "it refuses the state", "Nothing helps.")
        await super().commit(commit)


async def test_a_message_that_the_store_of_its_receiver_refuses_is_a_dead_letter_there(tmp_path: Path) -> None:
    """All others arrive once, in the order of the sender."""
    async with system(tmp_path, Cell, stores=[MemoryStore(), RefusingStore()]) as both:
        numbers = [*range(5), REFUSED, *range(5, 10)]
        asked = [both.ask(Cell.at(HERE), pack(PassOn([THERE], number))) for number in numbers]
        assert await asyncio.gather(*asked) == [Handled()] * len(numbers)
        await until(lambda: len(seen(both, THERE)) == 10 and not kept(both))
        assert seen(both, THERE) == list(range(10))
        [letter] = both.members[1].store.dead_letters()
        assert letter.message.value == pack(PassOn([], REFUSED))
        assert letter.message.caller == Cell.at(HERE)
