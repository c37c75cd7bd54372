"""Through an engine of this process: what is changed is part of its open epoch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from statefun_actors.address import Address
from statefun_actors.admin.control.control import DeadLetterRetry, Posting
from statefun_actors.engine import Engine, FailingMessage


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
