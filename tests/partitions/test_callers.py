"""Callers outside that wait in one partition for a reply from another one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from statefun_actors import Address
from statefun_actors.ingress import Answer, IngressMessage, Replied, Wait
from statefun_actors.types import pack
from tests.partitions.systems import system
from tests.partitions.test_links import CELL, HERE, THERE, Cell, PassOn, seen, until


async def test_a_call_on_behalf_of_an_entity_does_not_keep_replies_from_other_partitions(tmp_path: Path) -> None:
    async with system(tmp_path, Cell) as both:
        asked = asyncio.create_task(both.ask(Cell.at(HERE), pack(PassOn([], 1)), wait=Wait.REPLY))
        await until(lambda: seen(both, HERE) == [1])
        [id] = both.members[0].engine._core.working_set.callers._open
        answers: list[Answer] = []
        on_behalf = IngressMessage(Cell.at(THERE), pack(PassOn([], 2)), wait=Wait.REPLY, caller=Address(CELL, "other"))
        both.members[1].engine.take(on_behalf, answers.append)
        await until(lambda: seen(both, THERE) == [2])
        await both.ask(Cell.at(THERE), pack(msgspec.json.encode(["statefun-actors/ingress", id])))
        assert await asked == Replied(pack("from elsewhere"))
        assert answers == []
