"""Who waits outside for what a message comes to. They are told once its epoch is durable, never before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import attrs

from statefun_actors.address import Address
from statefun_actors.engine.epoch import Epoch, Lost, NotStorableError
from statefun_actors.engine.idempotency import KeyedCalls
from statefun_actors.errors import StatefunActorsError
from statefun_actors.model import INGRESS, TypedValue
from statefun_actors.store import StoreReader
from statefun_actors.text import describe


class AnswerLostError(StatefunActorsError):
    """The store failed after this message was stored: it is handled even so, but nobody can tell what comes of it.

    A retry would have it handled twice, unless it comes under the idempotency key of the first.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"stored, so don't send it again; what comes of it can't be told: {self.reason}"


class Waiter(Protocol):
    """Who waits for what becomes of one message from outside, and is open under the id ``request``."""

    request: str | None

    def replied(self, value: TypedValue, epoch: Epoch) -> None:
        """There is a reply, not the first one perhaps, in the open *epoch*: what is told of it goes in ``told``."""
        ...

    def handled(self, error: BaseException | None, epoch: Epoch) -> None:
        """Its handler ended, in the open *epoch*; with the *error* of a message that was dead-lettered or discarded."""
        ...

    def await_reply(self, epoch: Epoch) -> None:
        """Its handler ended, and asked somebody: what comes of that is the reply, unless there has been one."""
        ...

    def lost(self, error: Lost | AnswerLostError) -> None:
        """Nothing more can be told."""
        ...

    def again(self) -> None:
        """The epochs in which there was an answer are lost. The message is stored, and handled again."""
        ...


@attrs.define(eq=False)
class Caller:
    """What to call with what becomes of one message from outside, once that is durable. Each once at the most."""

    on_reply: Callable[[TypedValue], None] | None = None
    on_handled: Callable[[BaseException | None], None] | None = None
    """With the error of a message that was dead-lettered or discarded."""
    on_lost: Callable[[Lost | AnswerLostError], None] | None = None
    request: str | None = None
    _is_replied: bool = False
    _is_handled: bool = False

    def replied(self, value: TypedValue, epoch: Epoch) -> None:
        if self.on_reply is not None and not self._is_replied:
            self._is_replied = True
            epoch.told.append((self.on_reply, value))

    def handled(self, error: BaseException | None, epoch: Epoch) -> None:
        if self.on_handled is not None and not self._is_handled:
            self._is_handled = True
            epoch.told.append((self.on_handled, error))

    def again(self) -> None:
        self._is_replied = self._is_handled = False

    def await_reply(self, epoch: Epoch) -> None:
        pass

    def lost(self, error: Lost | AnswerLostError) -> None:
        if self.on_lost is not None:
            self.on_lost(error)


class Callers:
    """Open requests by the id under which they are the caller of their message."""

    def __init__(self, store: StoreReader, next_seq: int) -> None:
        self._open: dict[str, Waiter] = {}
        self.stand_ins: dict[Address, Waiter] = {}
        """Who gets what is sent to an address, in its place: tests ask on behalf of an entity."""
        self.durable_seq = next_seq
        """The messages of requests with smaller numbers are in the store, or have been dealt with there."""
        self.requests = KeyedCalls(store)
        """Those who asked with an idempotency key. They have no tickets: more than one may wait for the same."""

    def open(self, request: str, waiter: Waiter) -> Address:
        """The caller that stands for *waiter*."""
        self._open[request] = waiter
        waiter.request = request
        return tuple.__new__(Address, (INGRESS, request))  # well formed, for certain

    def close(self, waiter: Waiter) -> None:
        """*waiter* does not wait any more."""
        if waiter.request is not None and self._open.get(waiter.request) is waiter:
            del self._open[waiter.request]

    def given_up(self, caller: Address | None, error: BaseException, epoch: Epoch) -> None:
        """A message of *caller*'s was dead-lettered or discarded, which those who stand in for it are told."""
        if caller is not None and caller in self.stand_ins:
            self.stand_ins[caller].handled(error, epoch)

    def stored(self, waiter: Waiter) -> bool:
        """Whether the message of *waiter* is durable."""
        return waiter.request is not None and int(waiter.request) < self.durable_seq

    def reply(self, request: str, value: TypedValue, epoch: Epoch) -> None:
        """A reply to *request*, of which the first counts."""
        if self.requests.by_caller:
            self.requests.reply(request, value, epoch)
        if (waiter := self._open.get(request)) is not None:
            waiter.replied(value, epoch)

    def handled(self, request: str, error: BaseException | None, epoch: Epoch) -> None:
        """The message of *request* is dealt with."""
        if self.requests.by_caller:
            self.requests.handled(request, None if error is None else describe(error), epoch)
        if (waiter := self._open.get(request)) is not None:
            waiter.handled(error, epoch)

    def await_reply(self, request: str, epoch: Epoch) -> None:
        """The handler of *request* ended, and asked somebody."""
        if self.requests.by_caller:
            self.requests.await_reply(request, epoch)
        if (waiter := self._open.get(request)) is not None:
            waiter.await_reply(epoch)

    def lose(self, error: Lost) -> None:
        """Nobody can be told any more; but for those whose messages are stored and run again: see :meth:`adopt`."""
        run_again = isinstance(error, NotStorableError) or error.again
        held, self._open = self._open, {}
        for request, waiter in held.items():
            if not self.stored(waiter):
                waiter.lost(error)
            elif run_again:
                waiter.again()
                self._open[request] = waiter
            else:
                waiter.lost(AnswerLostError(error.reason))
        self.requests.lose(error)

    def adopt(self, others: Callers) -> None:
        """Tell those who are left in *others*, the tickets of a lost memory, too."""
        self._open |= others._open
