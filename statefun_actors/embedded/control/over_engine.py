"""Through an engine of this process: what is changed is part of its open epoch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from statefun_actors.embedded.control.control import LetterRetry, Posting
from statefun_actors.embedded.engine import Engine


class EngineControl:
    """The control of *engine*, which must be running. To be called in its event loop."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def send(self, postings: Sequence[Posting]) -> None:
        def submit() -> None:
            for posting in postings:
                self._engine.submit(posting.target, posting.value, delay_ms=posting.delay_ms)

        await self._engine.entered(submit)

    async def retry(self, letters: Sequence[LetterRetry]) -> None:
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

    async def close(self) -> None:
        pass

    def _look(self, seqs: Iterable[int]) -> None:
        """All of them first: nothing runs between this and what follows, so it is all of them or none."""
        for seq in seqs:
            self._engine.dead_letter(seq)
