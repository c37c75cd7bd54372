"""``Callers``: the calls from outside that wait for an answer. Each has an id: it is the caller of its message."""

from __future__ import annotations

from typing import Final

from statefun_actors.address import Address
from statefun_actors.engine.call import Call, Caller, given_up_with
from statefun_actors.engine.epoch import Epoch, EpochLostError, Lost, NotStorableError
from statefun_actors.engine.idempotency import KeyedCalls
from statefun_actors.ingress import Answer, AnswerLost, GivenUp, Interrupted, NotTaken, Wait
from statefun_actors.model import INGRESS, TypedValue
from statefun_actors.partitions import seq_of_call
from statefun_actors.store import StoreReader

_WAIT_REPLY: Final = Wait.REPLY  # CPython 3.11 takes long to look up a member


class Callers:
    """The calls of one working set. :attr:`keyed` also has those with an idempotency key."""

    def __init__(self, store: StoreReader, next_seq: int) -> None:
        self._open: dict[str, Call] = {}
        self.stand_ins: dict[Address, Call] = {}
        """Calls by the address whose messages they receive in its place: a test asks on behalf of an entity."""
        self.durable_seq = next_seq
        """Calls with smaller ids are durable: their messages are stored, or their handling is."""
        self.keyed = KeyedCalls(store, self._open)

    @property
    def waiting(self) -> bool:
        """Whether there are calls."""
        return bool(self._open)

    def open(self, caller: Caller, id: str) -> Address:
        """A call without a key, for *caller*; the address that its message comes from."""
        call = self._open[id] = Call(id, until_reply=caller.message.wait is _WAIT_REPLY)
        call.join(caller)
        return tuple.__new__(Address, (INGRESS, id))  # certainly well formed

    def cancel(self, caller: Caller) -> bool:
        """Remove *caller*, which stops waiting; return whether its message is durable."""
        call = caller.call
        if call is None:
            return caller.stored
        if caller in call.callers:
            call.callers.remove(caller)
            if not call.keyed and not call.callers:
                self._open.pop(call.id, None)
        return self.stored(call)

    def stored(self, call: Call) -> bool:
        """Whether the message of *call* is durable."""
        return seq_of_call(call.id) < self.durable_seq

    # --- events of the message of a call, in the open epoch

    def reply(self, id: str, value: TypedValue, epoch: Epoch) -> None:
        """A reply to the call *id*, perhaps not the first one."""
        if (call := self._open.get(id)) is not None:
            call.replied(value, epoch)

    def handled(self, id: str, given_up: GivenUp | None, epoch: Epoch) -> None:
        """The handler of the call *id* ended; or its message was dead-lettered or discarded."""
        if (call := self._open.get(id)) is not None:
            call.handled(given_up, epoch)

    def await_reply(self, id: str, epoch: Epoch) -> None:
        """The handler of the call *id* ended, and asked."""
        if (call := self._open.get(id)) is not None:
            call.await_reply(epoch)

    def given_up(self, caller: Address | None, given_up: GivenUp, epoch: Epoch) -> None:
        """A message from *caller* was dead-lettered or discarded."""
        if caller is not None and (call := self.stand_ins.get(caller)) is not None:
            call.handled(given_up, epoch)

    # --- events of epochs

    def durable(self, sealed: Epoch, durable_seq: int) -> None:
        """*sealed* is in the store, and so are the messages with numbers below *durable_seq*."""
        self.durable_seq = durable_seq
        if sealed.requests:
            self.keyed.durable(sealed)
        for call in sealed.answered:
            self._open.pop(call.id, None)
            call.durable()

    def lose(self, error: Lost) -> None:
        """The epochs in memory are lost.

        A call whose message is not durable gets the error, or enters again if another message caused it. A call whose
        message is durable loses its answer; if the engine continues at once, :meth:`adopt` keeps the call.
        """
        again = isinstance(error, EpochLostError) and error.again
        refused = isinstance(error, NotStorableError)
        answer: Answer = given_up_with(error) if refused else NotTaken(error.reason)
        for id, call in list(self._open.items()):
            if self.stored(call):
                if again or refused:
                    call.reset()
                    continue
                del self._open[id]
                call.end(AnswerLost(error.reason))
            elif again:
                del self._open[id]
                callers, call.callers = call.callers, []
                for caller in callers:
                    caller.call = None
                    caller.entrance.enter(caller)
            else:
                del self._open[id]
                call.end(answer)

    def adopt(self, others: Callers) -> None:
        """Take over the remaining calls of *others*, those of a lost working set."""
        self.stand_ins |= others.stand_ins
        for id, call in others._open.items():
            if (recovered := self._open.get(id)) is not None:
                for caller in call.callers:
                    recovered.join(caller)
            elif not call.keyed:
                self._open[id] = call
            else:
                call.end(AnswerLost("its idempotency key is no longer in the store"))

    def interrupt(self) -> None:
        """The engine has ended: answer the calls whose messages are durable."""
        for id, call in list(self._open.items()):
            if self.stored(call):
                del self._open[id]
                call.end(Interrupted())
