"""Straight into a store that no engine runs on: one commit for each call."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from statefun_actors.embedded.clock import Clock
from statefun_actors.embedded.control.control import LetterRetry, NoDeadLetterError, Posting
from statefun_actors.embedded.store import Commit, DeadLetterEntry, Message, Store, Timer


class StoreControl:
    """The control of *store*, which it closes. It must hold the store's lock, as whoever opened the store does."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def send(self, postings: Sequence[Posting]) -> None:
        first = self._store.next_seq()
        now_ms = self._clock.now_ms()
        messages: list[Message] = []
        timers: list[Timer] = []
        for seq, posting in enumerate(postings, first):
            if posting.delay_ms > 0:
                timers.append(Timer(seq, now_ms + posting.delay_ms, posting.target, posting.value))
            else:
                messages.append(Message(seq, posting.target, posting.value))
        await self._store.commit(Commit(messages=messages, timers=timers, next_seq=first + len(postings)))

    async def retry(self, letters: Sequence[LetterRetry]) -> None:
        there = self._letters(letter.seq for letter in letters)
        values = {letter.seq: letter.value for letter in letters}
        first = self._store.next_seq()
        messages = [
            Message(seq, entry.message.target, values[entry.seq] or entry.message.value, entry.message.caller)
            for seq, entry in enumerate(there, first)
        ]
        await self._store.commit(
            Commit(messages=messages, dead_letters_done=list(values), next_seq=first + len(messages))
        )

    async def discard(self, seqs: Sequence[int]) -> None:
        there = self._letters(seqs)
        await self._store.commit(Commit(dead_letters_done=[entry.seq for entry in there]))

    async def close(self) -> None:
        self._store.close()

    def _letters(self, seqs: Iterable[int]) -> list[DeadLetterEntry]:
        """Those of *seqs*, in their order, each once."""
        wanted = dict.fromkeys(seqs)
        found = {entry.seq: entry for entry in self._store.dead_letters() if entry.seq in wanted}
        if missing := [seq for seq in wanted if seq not in found]:
            raise NoDeadLetterError(missing)
        return [found[seq] for seq in wanted]
