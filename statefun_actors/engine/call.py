"""``Call``: a message from outside whose answer is not durable yet, with the callers who wait for the answer.

==================  ==============================  ===================================
event               waits for the end of a handler  waits for a reply
==================  ==============================  ===================================
a reply             is kept for the end             is the answer
the handler ended   the reply, if any, is the       nothing: a reply may still come
                    answer, else Handled
... and has asked   as above; without a reply, it   nothing
                    waits for one from now on
given up            GivenUp is the answer           GivenUp is the answer
==================  ==============================  ===================================

The first answer counts. Callers get it once its epoch is durable, never before.
"""

from __future__ import annotations

from typing import Final, Protocol

from msgspec import Struct

from statefun_actors.engine.callbacks import callback_failed
from statefun_actors.engine.epoch import Epoch, Lost, NotStorableError
from statefun_actors.ingress import Answer, GivenUp, Handled, IngressMessage, NotTaken, OnAnswer, Replied, Taken
from statefun_actors.model import TypedValue
from statefun_actors.text import describe

TAKEN: Final = Taken()
_HANDLED: Final = Handled()


def given_up_with(error: BaseException) -> GivenUp:
    """The answer for a message that was given up with *error*."""
    return GivenUp(describe(error), error)


def answer_to_loss(lost: Lost) -> Answer | None:
    """The answer to a message that had to become durable, but is *lost*; None if it must enter another epoch."""
    if isinstance(lost, NotStorableError):
        return given_up_with(lost)
    return None if lost.again else NotTaken(lost.reason)


class Entrance(Protocol):
    """Where messages of callers enter epochs."""

    def enter(self, caller: Caller) -> None:
        """Add the message of *caller* to an open epoch, perhaps repeatedly."""
        ...

    def cancel(self, caller: Caller) -> bool:
        """*caller* stops waiting; return whether its message is durable."""
        ...


class Caller(Struct, eq=False):
    """A caller outside that waits for the answer to *message*, which enters epochs by *entrance*."""

    message: IngressMessage
    on_answer: OnAnswer
    entrance: Entrance
    cancelled: bool = False
    stored: bool = False
    """Whether its message is durable; only used without a call."""
    call: Call | None = None
    """The call that it waits for, after its message has entered an epoch."""

    def cancel(self) -> bool:
        """Stop waiting; return whether the message is durable."""
        return self.entrance.cancel(self)

    def epoch_ended(self, lost: Lost | None) -> None:
        """The epoch of its message is durable, or *lost*. It waits for nothing else."""
        if lost is None:
            self.stored = True
            self.on_answer(TAKEN)
        elif (answer := answer_to_loss(lost)) is None:
            self.entrance.enter(self)
        else:
            self.on_answer(answer)


class Call:
    """A message from outside, without an idempotency key. It is the caller ``id`` of the message that it sends."""

    __slots__ = ("answer", "callers", "id", "reply", "until_reply")

    keyed = False
    """Whether a row of the store has its answer, under an idempotency key."""

    def __init__(self, id: str, *, until_reply: bool) -> None:
        self.id, self.until_reply = id, until_reply
        self.reply: TypedValue | None = None
        """The first reply, which counts once the handler ends."""
        self.answer: Answer | None = None
        """The answer, which becomes durable with its epoch."""
        self.callers: list[Caller] = []

    def join(self, caller: Caller) -> None:
        """Let *caller* wait for the answer, too."""
        caller.call = self
        self.callers.append(caller)

    def replied(self, value: TypedValue, epoch: Epoch) -> None:
        """Note the reply *value*, in the open *epoch*."""
        if self.answer is not None:
            return
        if self.until_reply:
            self._settle(Replied(value), epoch)
        elif self.reply is None:
            self.reply = value

    def handled(self, given_up: GivenUp | None, epoch: Epoch) -> None:
        """Note that the handler ended, in the open *epoch*, or that the message was given up."""
        if self.answer is not None:
            return
        if given_up is not None:
            self._settle(given_up, epoch)
        elif self.reply is not None:
            self._settle(Replied(self.reply), epoch)
        elif self.until_reply:
            epoch.noted = True  # the end of the handler becomes durable, even without changes
        else:
            self._settle(_HANDLED, epoch)

    def await_reply(self, epoch: Epoch) -> None:
        """Note that the handler ended, in the open *epoch*, with an open ask, whose answer will cause the reply."""
        if self.answer is not None:
            return
        if self.reply is not None:
            self._settle(Replied(self.reply), epoch)
        elif not self.until_reply:
            self._prolong(epoch)

    def _settle(self, answer: Answer, epoch: Epoch) -> None:
        self.answer = answer
        epoch.answered.append(self)

    def _prolong(self, epoch: Epoch) -> None:
        self.until_reply = True
        epoch.noted = True

    def durable(self) -> None:
        """The answer is durable: give it to the callers."""
        assert self.answer is not None
        self.end(self.answer)

    def end(self, answer: Answer) -> None:
        """Answer all callers."""
        callers, self.callers = self.callers, []
        for caller in callers:
            try:
                caller.on_answer(answer)
            except BaseException as error:
                callback_failed(error)

    def reset(self) -> None:
        """Reset it: the epochs since its message became durable are lost, so the message is handled again."""
        self.reply = self.answer = None
