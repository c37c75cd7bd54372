"""Through an engine of this process: what is changed is part of its open epoch."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from statefun_actors.address import Address
from statefun_actors.admin.answering import cancellation
from statefun_actors.admin.control.control import DeadLetterRetry, Posting
from statefun_actors.asking import REPLY
from statefun_actors.calls import NotOpenError
from statefun_actors.conversations import open_ask
from statefun_actors.engine import Caller, Engine, FailingMessage
from statefun_actors.model import TypedValue
from statefun_actors.types import pack

_ACCEPTED: Final = pack(True)


class EngineControl:
    """The control of *engine*, which must be running. To be called in its event loop."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def send(self, postings: Sequence[Posting]) -> None:
        def submit() -> None:
            for posting in postings:
                self._engine.submit(posting.target, posting.value, delay_ms=posting.delay_ms)

        await self._engine.entered(submit)

    async def retry(self, letters: Sequence[DeadLetterRetry]) -> None:
        values = {letter.seq: letter.value for letter in letters}

        def submit() -> None:
            self._look(values)
            for seq, value in values.items():
                self._engine.retry_dead_letter(seq, value)

        await self._engine.entered(submit)

    async def discard(self, seqs: Sequence[int]) -> None:
        wanted = dict.fromkeys(seqs)

        def submit() -> None:
            self._look(wanted)
            for seq in wanted:
                self._engine.discard_dead_letter(seq)

        await self._engine.entered(submit)

    async def answer(self, token: str, value: TypedValue) -> None:
        """Of several that answer at the same time, the reply function accepts one."""
        target = Address(REPLY, token)
        accepted: list[TypedValue] = []
        ticket = Caller(on_reply=accepted.append)
        handled = asyncio.get_running_loop().create_future()
        ticket.on_handled = lambda error: None if handled.done() else handled.set_result(error)
        ticket.on_lost = lambda error: None if handled.done() else handled.set_exception(error)

        def submit() -> None:
            self._check_open(target)
            self._engine.submit(target, value, ticket=ticket)

        try:
            await self._engine.entered(submit)
            await handled
        finally:
            self._engine.forget(ticket)
        if accepted != [_ACCEPTED]:
            raise NotOpenError(target)

    async def cancel_ask(self, token: str) -> None:
        target = Address(REPLY, token)
        order, caller = cancellation(target)

        def submit() -> None:
            self._check_open(target)
            self._engine.submit(target, order, caller=caller)

        await self._engine.entered(submit)

    def _check_open(self, target: Address) -> None:
        if open_ask(target.id, self._engine.state(target)) is None:
            raise NotOpenError(target)

    async def failing(self) -> list[FailingMessage]:
        return self._engine.failing_messages()

    async def retry_failing(self, addresses: Sequence[Address]) -> None:
        wanted = dict.fromkeys(addresses)
        for address in wanted:
            self._engine.check_failing(address)
        for address in wanted:
            self._engine.retry_failing(address)

    async def drop_failing(self, addresses: Sequence[Address], *, discard: bool = False) -> None:
        wanted = dict.fromkeys(addresses)

        def drop() -> None:
            for address in wanted:
                self._engine.check_failing(address)
            for address in wanted:
                self._engine.drop_failing(address, discard=discard)

        await self._engine.entered(drop)

    async def close(self) -> None:
        pass

    def _look(self, seqs: Iterable[int]) -> None:
        """All of them first: nothing runs between this and what follows, so it is all of them or none."""
        for seq in seqs:
            self._engine.dead_letter(seq)
