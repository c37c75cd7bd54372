"""The engine as one who takes letters: what HTTP, or whatever else asks from outside, stands before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from statefun_actors.embedded.engine import Engine
from statefun_actors.embedded.store import StoreError
from statefun_actors.embedded.tickets import AnswerLostError, EpochLostError, Ticket, reason_of
from statefun_actors.ingress import (
    Answer,
    AnswerLost,
    GivenUp,
    Handled,
    Interrupted,
    Letter,
    NotTaken,
    Replied,
    Taken,
    TooMany,
    Wait,
)
from statefun_actors.model import TypedValue

Tell = Callable[[Answer], None]

_TAKEN: Final = Taken()
_STOPS: Final = NotTaken("the engine stops")


class EngineBackend:
    """Takes letters for *engine*. What is told of one is told once its epoch is durable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._waiting: set[_Waiting | _Asking] = set()

    def take(self, letter: Letter, tell: Tell) -> Callable[[], bool]:
        if (refused := self._refused()) is not None:
            tell(refused)
            return _nothing
        engine = self._engine
        if letter.key is not None:
            return self._take_once(letter, tell)
        if letter.wait is Wait.TAKEN:
            engine.submit(letter.target, letter.value, delay_ms=letter.delay_ms)
            engine.when_durable(lambda: tell(_TAKEN), lambda error: tell(_lost(error)))
            return _nothing
        waiting = _Waiting(engine, self._waiting, until_reply=letter.wait is Wait.REPLY, tell=tell)
        engine.submit(letter.target, letter.value, delay_ms=letter.delay_ms, ticket=waiting.ticket)
        return waiting.forget

    def _take_once(self, letter: Letter, tell: Tell) -> Callable[[], bool]:
        asking = _Asking(self._waiting, tell)
        try:
            stop = self._engine.submit_once(letter, asking.end)
        except StoreError as error:
            asking.end(NotTaken(str(error)))
            return _nothing
        asking.stop = stop
        return asking.forget

    def take_all(self, letters: Sequence[Letter], tell: Tell) -> None:
        if (refused := self._refused()) is not None:
            tell(refused)
            return
        for letter in letters:
            self._engine.submit(letter.target, letter.value, delay_ms=letter.delay_ms)
        self._engine.when_durable(lambda: tell(_TAKEN), lambda error: tell(_lost(error)))

    def interrupt(self) -> None:
        """The engine has stopped: whoever still waits for the end of a handler, or for a reply, is told so."""
        for waiting in list(self._waiting):
            waiting.end(Interrupted())

    def _refused(self) -> Answer | None:
        engine = self._engine
        if engine.stopping:
            return _STOPS
        if (reason := engine.lost) is not None:
            return NotTaken(reason)
        if engine.backlogged:
            return NotTaken(f"{engine.egress_kept:,} egress records wait for their sinks")
        return TooMany(engine.waiting) if engine.full else None


class _Asking:
    """Somebody who waits for what comes of the letters with one key, the first of which may be another's."""

    def __init__(self, all_waiting: set[_Waiting | _Asking], tell: Tell) -> None:
        self._all, self._tell = all_waiting, tell
        self.stop: Callable[[], bool] = _nothing
        all_waiting.add(self)

    def end(self, answer: Answer) -> None:
        self.forget()
        self._tell(answer)

    def forget(self) -> bool:
        self._all.discard(self)
        return self.stop()


class _Waiting:
    """Somebody who waits for what comes of a letter."""

    def __init__(self, engine: Engine, all_waiting: set[_Waiting | _Asking], *, until_reply: bool, tell: Tell) -> None:
        self._engine, self._all, self._until_reply, self._tell = engine, all_waiting, until_reply, tell
        self._reply: TypedValue | None = None
        self.ticket = Ticket(on_reply=self._replied, on_handled=self._handled, on_lost=self._lost)
        all_waiting.add(self)

    def end(self, answer: Answer) -> None:
        self.forget()
        self._tell(answer)

    def forget(self) -> bool:
        self._all.discard(self)
        return self._engine.forget(self.ticket)

    def _replied(self, value: TypedValue) -> None:
        if self._until_reply:
            self.end(Replied(value))
        else:
            self._reply = value

    def _handled(self, error: BaseException | None) -> None:
        if error is not None:
            self.end(GivenUp(reason_of(error)))
        elif self._reply is not None:
            self.end(Replied(self._reply))
        elif not self._until_reply:
            self.end(Handled())

    def _lost(self, error: EpochLostError | AnswerLostError) -> None:
        self.end(_lost(error))


def _lost(error: Exception) -> NotTaken | AnswerLost:
    if isinstance(error, AnswerLostError):
        return AnswerLost(error.reason)
    return NotTaken(error.reason if isinstance(error, EpochLostError) else str(error))


def _nothing() -> bool:
    """There is nobody to forget."""
    return False
