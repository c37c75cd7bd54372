"""The engine as one who takes letters: what HTTP, or whatever else asks from outside, stands before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from statefun_actors.embedded.engine import Engine
from statefun_actors.embedded.epoch import Epoch, EpochLostError
from statefun_actors.embedded.store import StoreError
from statefun_actors.embedded.tickets import AnswerLostError
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
from statefun_actors.text import describe

Tell = Callable[[Answer], None]

_TAKEN: Final = Taken()
_STOPS: Final = NotTaken("the engine stops")


class EngineBackend:
    """Takes letters for *engine*. What is told of one is told once its epoch is durable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._waiting: set[_Waiting | _Asking] = set()

    def take(self, letter: Letter, tell: Tell) -> Callable[[], bool]:
        engine = self._engine
        if not engine.takes:
            tell(self._refused())
            return _nothing
        if letter.key is not None:
            return self._take_once(letter, tell)
        if letter.wait is Wait.TAKEN:
            engine.submit(letter.target, letter.value, delay_ms=letter.delay_ms)
            engine.when_durable(lambda lost: tell(_TAKEN if lost is None else NotTaken(lost.reason)))
            return _nothing
        waiting = _Waiting(engine, self._waiting, until_reply=letter.wait is Wait.REPLY, tell=tell)
        engine.submit(letter.target, letter.value, delay_ms=letter.delay_ms, ticket=waiting)
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
        engine = self._engine
        if not engine.takes:
            tell(self._refused())
            return
        for letter in letters:
            engine.submit(letter.target, letter.value, delay_ms=letter.delay_ms)
        engine.when_durable(lambda lost: tell(_TAKEN if lost is None else NotTaken(lost.reason)))

    def interrupt(self) -> None:
        """The engine has stopped: whoever still waits for the end of a handler, or for a reply, is told so."""
        for waiting in list(self._waiting):
            waiting.end(Interrupted())

    def _refused(self) -> Answer:
        """Why the engine takes nothing."""
        engine = self._engine
        if engine.stopping:
            return _STOPS
        if (reason := engine.lost) is not None:
            return NotTaken(reason)
        if engine.backlogged:
            return NotTaken(f"{engine.egress_kept:,} egress records wait for their sinks")
        return TooMany(engine.waiting)


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
    """Somebody who waits for what comes of a letter. The engine's ticket for it, too."""

    __slots__ = ("_all", "_answered", "_engine", "_reply", "_tell", "_until_reply", "request")

    def __init__(self, engine: Engine, all_waiting: set[_Waiting | _Asking], *, until_reply: bool, tell: Tell) -> None:
        self._engine, self._all, self._until_reply, self._tell = engine, all_waiting, until_reply, tell
        self._reply: TypedValue | None = None
        self._answered = False
        """Whether there is an answer, which is told once it is durable."""
        self.request: str | None = None
        all_waiting.add(self)

    def end(self, answer: Answer) -> None:
        self._all.discard(self)
        self._engine.forget(self)
        self._tell(answer)

    def forget(self) -> bool:
        self._all.discard(self)
        self._engine.forget(self)
        return self._engine.stored(self)

    def replied(self, value: TypedValue, epoch: Epoch) -> None:
        if self._until_reply:
            self._answer(Replied(value), epoch)
        elif self._reply is None:
            self._reply = value

    def handled(self, error: BaseException | None, epoch: Epoch) -> None:
        if error is not None:
            self._answer(GivenUp(describe(error)), epoch)
        elif self._reply is not None:
            self._answer(Replied(self._reply), epoch)
        elif self._until_reply:
            epoch.told.append((_noted, None))  # also where it changed nothing, that it is dealt with becomes durable
        else:
            self._answer(Handled(), epoch)

    def _answer(self, answer: Answer, epoch: Epoch) -> None:
        if not self._answered:
            self._answered = True
            epoch.told.append((self.end, answer))

    def lost(self, error: EpochLostError | AnswerLostError) -> None:
        self.end(AnswerLost(error.reason) if isinstance(error, AnswerLostError) else NotTaken(error.reason))


def _noted(_: None) -> None:
    """Nobody is told yet."""


def _nothing() -> bool:
    """There is nobody to forget."""
    return False
