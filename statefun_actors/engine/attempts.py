"""Attempts of activities: each is counted in the store before it begins, so that ``attempts=`` also limits crashes.

The message of the attempt is replaced by one that names this process. If the process ends before the attempt does, the
next process finds that message, and counts the attempt as failed. A clean stop cancels the attempt, and undoes that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any as Untyped

from statefun_actors.dispatch import begun_attempt
from statefun_actors.engine.epoch import Lost
from statefun_actors.engine.working_set import WorkingSet
from statefun_actors.model import Invocation, Outcome
from statefun_actors.store import Message


async def counted(working_set: WorkingSet, message: Message, run: Coroutine[Untyped, Untyped, Outcome]) -> Outcome:
    """Call *run* for *message* of an activity after the attempt is durable in the store; return the outcome."""
    try:
        begun = begun_attempt(Invocation(message.value, message.caller))
        if begun is None:
            return await run
        epoch = working_set.epoch
        epoch.messages[message.seq] = Message(message.seq, message.target, begun, message.target, message.headers)
        try:
            await _durable(working_set)
            return await run
        except asyncio.CancelledError:
            if not working_set.lost:
                working_set.epoch.messages[message.seq] = message
            raise
    finally:
        run.close()


async def _durable(working_set: WorkingSet) -> None:
    """Wait until the open epoch is durable. If it is lost instead, the engine cancels the caller."""
    durable = asyncio.get_running_loop().create_future()

    def end(lost: Lost | None) -> None:
        if lost is None and not durable.done():
            durable.set_result(None)

    working_set.epoch.on_end.append(end)
    await durable
