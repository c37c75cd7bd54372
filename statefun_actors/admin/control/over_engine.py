"""Control of an engine in this process: changes are part of its open epoch."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from statefun_actors.address import Address
from statefun_actors.admin.answering import cancellation
from statefun_actors.admin.control.engine_state import EngineState, state_of
from statefun_actors.admin.control.interface import DeadLetterRetry, FieldEdit, Posting, TimerKey
from statefun_actors.admin.views.timers import is_own
from statefun_actors.asking import REPLY
from statefun_actors.calls import NotOpenError
from statefun_actors.conversations import open_ask
from statefun_actors.engine import Engine, EpochLostError, FailingMessage, NoTimerError
from statefun_actors.ingress import Answer, AnswerLost, IngressMessage, Interrupted, NotTaken, Replied, TooMany, Wait
from statefun_actors.model import TypedValue
from statefun_actors.store import PauseTarget
from statefun_actors.types import pack

_ACCEPTED: Final = Replied(pack(True))


class EngineControl:
    """The control of *engine*, which must be running. Call it on its event loop."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def send(self, postings: Sequence[Posting]) -> None:
        def post() -> None:
            for posting in postings:
                self._engine.changes.post(IngressMessage(posting.target, posting.value, posting.delay_ms))

        await self._engine.apply(post)

    async def retry(self, letters: Sequence[DeadLetterRetry]) -> None:
        values = {letter.seq: letter.value for letter in letters}

        def submit() -> None:
            self._look(values)
            for seq, value in values.items():
                self._engine.changes.retry_dead_letter(seq, value)

        await self._engine.apply(submit)

    async def discard(self, seqs: Sequence[int]) -> None:
        wanted = dict.fromkeys(seqs)

        def submit() -> None:
            self._look(wanted)
            for seq in wanted:
                self._engine.changes.discard_dead_letter(seq)

        await self._engine.apply(submit)

    async def fire_timers(self, timers: Sequence[TimerKey]) -> None:
        wanted = dict.fromkeys(timers)

        def fire() -> None:
            self._check_timers(wanted)
            for timer in wanted:
                self._engine.changes.fire_timer(timer.due_ms, timer.seq)

        await self._engine.apply(fire)

    async def cancel_timers(self, timers: Sequence[TimerKey]) -> None:
        wanted = dict.fromkeys(timers)

        def cancel() -> None:
            self._check_timers(wanted)
            for timer in wanted:
                self._engine.changes.cancel_timer(timer.due_ms, timer.seq)

        await self._engine.apply(cancel)

    def _check_timers(self, timers: Iterable[TimerKey]) -> None:
        """Check all of them first, so that all are changed or none."""
        for timer in timers:
            if is_own(self._engine.changes.timer(timer.due_ms, timer.seq)):
                raise NoTimerError(timer.seq)

    async def set_field(self, edit: FieldEdit) -> None:
        changes = self._engine.changes
        await self._engine.apply(lambda: changes.set_state(edit.address, edit.state, edit.value, edit.before))

    async def answer(self, token: str, value: TypedValue) -> None:
        """If several answer at the same time, the reply function accepts one."""
        target = Address(REPLY, token)
        await self._engine.apply(lambda: self._check_open(target))
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        cancel = self._engine.take(IngressMessage(target, value, wait=Wait.HANDLED), answered.set_result)
        try:
            answer = await answered
        finally:
            cancel()
        match answer:
            case AnswerLost() | Interrupted():
                pass  # it is stored, and delivered later, as without an engine
            case NotTaken(reason):
                raise EpochLostError(reason)
            case TooMany(waiting):
                raise EpochLostError(f"{waiting:,} messages are queued already")
            case _:
                if answer != _ACCEPTED:
                    raise NotOpenError(target)

    async def cancel_ask(self, token: str) -> None:
        target = Address(REPLY, token)
        order, caller = cancellation(target)

        def post() -> None:
            self._check_open(target)
            self._engine.changes.post(IngressMessage(target, order, caller=caller))

        await self._engine.apply(post)

    def _check_open(self, target: Address) -> None:
        if open_ask(target.id, self._engine.view.state(target)) is None:
            raise NotOpenError(target)

    async def failing(self) -> list[FailingMessage]:
        return self._engine.view.failing_messages()

    async def state(self) -> EngineState:
        return state_of(self._engine)

    async def retry_failing(self, addresses: Sequence[Address]) -> None:
        wanted = dict.fromkeys(addresses)
        for address in wanted:
            self._engine.changes.check_retry(address)
        for address in wanted:
            self._engine.changes.retry_failing(address)

    async def drop_failing(self, addresses: Sequence[Address], *, discard: bool = False) -> None:
        wanted = dict.fromkeys(addresses)

        def drop() -> None:
            for address in wanted:
                self._engine.changes.check_failing(address)
            for address in wanted:
                self._engine.changes.drop_failing(address, discard=discard)

        await self._engine.apply(drop)

    async def pause(self, targets: Sequence[PauseTarget]) -> None:
        await self._engine.apply(lambda: self._engine.changes.pause(targets))

    async def resume(self, targets: Sequence[PauseTarget]) -> None:
        await self._engine.apply(lambda: self._engine.changes.resume(targets))

    async def close(self) -> None:
        pass

    def _look(self, seqs: Iterable[int]) -> None:
        """Check all addresses first. Nothing runs before the change, so it is made for all of them or none."""
        for seq in seqs:
            self._engine.view.dead_letter(seq)
