"""The engine as one who takes letters: what HTTP, or whatever else asks from outside, stands before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from statefun_actors.address import Address
from statefun_actors.engine.callers import AnswerLostError
from statefun_actors.engine.engine import Engine
from statefun_actors.engine.epoch import Epoch, EpochLostError, Lost, NotStorableError
from statefun_actors.ingress import (
    Answer,
    AnswerLost,
    GivenUp,
    Handled,
    IngressMessage,
    Interrupted,
    NotTaken,
    Replied,
    Taken,
    TooMany,
    Wait,
)
from statefun_actors.model import TypedValue
from statefun_actors.store import StoreError
from statefun_actors.text import describe, describe_error

Tell = Callable[[Answer], None]

_TAKEN: Final = Taken()
_STOPS: Final = NotTaken("the engine stops")


class EngineBackend:
    """Takes letters for *engine*. What is told of one is told once its epoch is durable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._waiting: set[_Waiting | _Asking] = set()

    def take(self, letter: IngressMessage, tell: Tell) -> Callable[[], bool]:
        engine = self._engine
        if not engine.takes:
            tell(self._refused())
            return _nothing
        if letter.key is not None:
            return self._take_once(letter, tell)
        if letter.wait is Wait.TAKEN:
            self._enter((letter,), tell)
            return _nothing
        waiting = _Waiting(engine, self._waiting, letter, tell)
        waiting.enter()
        return waiting.forget

    def _take_once(self, letter: IngressMessage, tell: Tell) -> Callable[[], bool]:
        asking = _Asking(self._engine, self._waiting, letter, tell)
        asking.enter()
        return asking.forget

    def take_all(self, letters: Sequence[IngressMessage], tell: Tell) -> None:
        engine = self._engine
        if not engine.takes:
            tell(self._refused())
            return
        self._enter(letters, tell)

    def unready(self) -> str | None:
        error = self._engine.error
        return None if error is None else describe_error(error)

    def notices(self) -> Sequence[str]:
        now_ms = self._engine.clock.now_ms()
        failing = [message.describe(now_ms) for message in self._engine.failing_messages()]
        return failing + [
            f"egress {name} can't be written: {why}" for name, why in sorted(self._engine.failing_egress.items())
        ]

    def failing(self, target: Address) -> str | None:
        message = self._engine.failing_message(target)
        return None if message is None else message.describe(self._engine.clock.now_ms())

    def _enter(self, letters: Sequence[IngressMessage], tell: Tell) -> None:
        """Submit *letters*, in one epoch, and *tell* once that is durable."""
        if self._engine.in_turn:
            self._engine.enter(lambda: self._submit(letters, tell), lambda lost: tell(NotTaken(lost.reason)))
        else:
            self._submit(letters, tell)

    def _submit(self, letters: Sequence[IngressMessage], tell: Tell) -> None:
        engine = self._engine
        for letter in letters:
            engine.submit(letter.target, letter.value, delay_ms=letter.delay_ms)
        engine.when_durable(lambda lost: tell(_TAKEN) if lost is None else self._lost(letters, tell, lost))

    def _lost(self, letters: Sequence[IngressMessage], tell: Tell, lost: Lost) -> None:
        if isinstance(lost, NotStorableError):
            tell(GivenUp(describe(lost)))
        elif lost.again:
            self._enter(letters, tell)
        else:
            tell(NotTaken(lost.reason))

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

    def __init__(
        self, engine: Engine, all_waiting: set[_Waiting | _Asking], letter: IngressMessage, tell: Tell
    ) -> None:
        self._engine, self._all, self._letter, self._tell = engine, all_waiting, letter, tell
        self._stop: Callable[[], bool] = _nothing
        all_waiting.add(self)

    def enter(self) -> None:
        if self._engine.in_turn:
            self._engine.enter(self._submit, lambda lost: self.end(NotTaken(lost.reason)))
        else:
            self._submit()

    def _submit(self) -> None:
        try:
            self._stop = self._engine.submit_once(self._letter, self._told)
        except StoreError as error:
            self.end(NotTaken(str(error)))

    def _told(self, answer: Answer | EpochLostError) -> None:
        if isinstance(answer, EpochLostError):
            self.enter()
        else:
            self.end(answer)

    def end(self, answer: Answer) -> None:
        self.forget()
        self._tell(answer)

    def forget(self) -> bool:
        self._all.discard(self)
        return self._stop()


class _Waiting:
    """Somebody who waits for what comes of a letter. The engine's ticket for it, too."""

    __slots__ = ("_all", "_answered", "_engine", "_letter", "_reply", "_tell", "_until_reply", "request")

    def __init__(
        self, engine: Engine, all_waiting: set[_Waiting | _Asking], letter: IngressMessage, tell: Tell
    ) -> None:
        self._engine, self._all, self._letter, self._tell = engine, all_waiting, letter, tell
        self._until_reply = letter.wait is Wait.REPLY
        self._reply: TypedValue | None = None
        self._answered = False
        """Whether there is an answer, which is told once it is durable."""
        self.request: str | None = None
        all_waiting.add(self)

    def enter(self) -> None:
        if self._engine.in_turn:
            self._engine.enter(self._submit, lambda lost: self.end(NotTaken(lost.reason)))
        else:
            self._submit()

    def _submit(self) -> None:
        letter = self._letter
        self._engine.submit(letter.target, letter.value, delay_ms=letter.delay_ms, ticket=self)

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

    def await_reply(self, epoch: Epoch) -> None:
        if self._reply is not None:
            self._answer(Replied(self._reply), epoch)
        else:
            self._until_reply = True
            epoch.told.append((_noted, None))

    def _answer(self, answer: Answer, epoch: Epoch) -> None:
        if not self._answered:
            self._answered = True
            epoch.told.append((self.end, answer))

    def again(self) -> None:
        self._reply, self._answered = None, False

    def lost(self, error: Lost | AnswerLostError) -> None:
        self.again()
        if isinstance(error, AnswerLostError):
            self.end(AnswerLost(error.reason))
        elif isinstance(error, NotStorableError):
            self.end(GivenUp(describe(error)))
        elif error.again:
            self.enter()
        else:
            self.end(NotTaken(error.reason))


def _noted(_: None) -> None:
    """Nobody is told yet."""


def _nothing() -> bool:
    """There is nobody to forget."""
    return False
