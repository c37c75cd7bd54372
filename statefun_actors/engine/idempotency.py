"""Calls with an idempotency key: each result is kept for a day, and a repeat gets it instead of running again.

Such a call is a row of the store. The epoch of its message writes the row as *pending*, the epoch of its result writes
it as final. Only pending calls, and those whose result is not durable, are in memory. After a crash, a repeat finds the
row, so only the answers on broken connections are lost.
"""

from __future__ import annotations

from typing import Final

from statefun_actors.address import Address
from statefun_actors.asking import KEY_KEPT_MS
from statefun_actors.engine.call import Call
from statefun_actors.engine.callbacks import callback_failed
from statefun_actors.engine.epoch import Epoch
from statefun_actors.ingress import (
    Answer,
    GivenUp,
    Handled,
    IngressMessage,
    KeyReused,
    Replied,
    Taken,
    Wait,
    message_digest,
)
from statefun_actors.model import TypedValue
from statefun_actors.store import KeyedRequest, RequestState, StoreReader

_SWEEP_ROWS: Final = 500
_SWEEP_EVERY_MS: Final = 60_000
_REASON: Final = "statefun-actors/reason"
_BEGUN: Final = {
    Wait.TAKEN: RequestState.TAKEN,
    Wait.HANDLED: RequestState.PENDING,
    Wait.REPLY: RequestState.PENDING_REPLY,
}


def stored_answer(store: StoreReader, message: IngressMessage, now_ms: int) -> Answer | None:
    """The stored answer under the key of *message*; None without one.

    Raises:
        StoreError: the store can't be read.
    """
    assert message.key is not None
    row = store.request(message.target, message.key)
    if row is None or row.pending or row.time_ms + KEY_KEPT_MS <= now_ms:
        return None
    return _answer_in(row) if row.digest == message_digest(message) else KeyReused(message.key)


def _answer_in(row: KeyedRequest) -> Answer:
    """The answer in *row*, which is final."""
    match row.state:
        case RequestState.REPLIED if row.result is not None:
            return Replied(row.result)
        case RequestState.GIVEN_UP if row.result is not None:
            return GivenUp(row.result.value.decode())
        case RequestState.HANDLED:
            return Handled()
        case _:
            return Taken()


def given_up(row: KeyedRequest, reason: str) -> KeyedRequest:
    """The final row of the pending request *row*, whose message was given up for *reason*."""
    return _in_state(row, RequestState.GIVEN_UP, TypedValue(_REASON, reason.encode()))


def _in_state(row: KeyedRequest, state: RequestState, result: TypedValue | None) -> KeyedRequest:
    return KeyedRequest(row.target, row.key, row.digest, row.time_ms, row.request, state, result)


class KeyedCall(Call):
    """A call with an idempotency key. Each change writes its row. Several callers may wait for it."""

    __slots__ = ("keyed", "row")

    def __init__(self, row: KeyedRequest) -> None:
        super().__init__(row.request, until_reply=row.state is RequestState.PENDING_REPLY)
        self.keyed = True
        self.row = row

    def _settle(self, answer: Answer, epoch: Epoch) -> None:
        match answer:
            case Replied(value):
                self._write(RequestState.REPLIED, value, epoch)
            case GivenUp(reason):
                self._put(given_up(self.row, reason), epoch)
                answer = GivenUp(reason)  # a repeat gets the same
            case Handled():
                self._write(RequestState.HANDLED, None, epoch)
            case _:
                pass
        super()._settle(answer, epoch)

    def _prolong(self, epoch: Epoch) -> None:
        self.until_reply = True
        self._write(RequestState.PENDING_REPLY, None, epoch)

    def _write(self, state: RequestState, result: TypedValue | None, epoch: Epoch) -> None:
        self._put(_in_state(self.row, state, result), epoch)

    def _put(self, row: KeyedRequest, epoch: Epoch) -> None:
        if not self.keyed:
            epoch.noted = True
            return
        self.row = epoch.requests[row.target, row.key] = row

    def begin(self, epoch: Epoch) -> None:
        """Add it to the open *epoch*, as a new call."""
        epoch.requests[self.row.target, self.row.key] = self.row
        if not self.row.pending:
            super()._settle(Taken(), epoch)

    def forget(self) -> None:
        """Its row is deleted, or is that of a newer call: from now on it is a call without a key, for its callers."""
        self.keyed = False

    def taken(self) -> None:
        """Its message is durable: answer the callers that wait only for that."""
        callers, self.callers = self.callers, []
        for caller in callers:
            if caller.message.wait is Wait.TAKEN:
                try:
                    caller.on_answer(Taken())
                except BaseException as error:
                    callback_failed(error)
            else:
                self.callers.append(caller)


class KeyedCalls:
    """The calls with an idempotency key that are pending or not durable, by target and key.

    Args:
        store: has the durable rows.
        by_id: all calls by their ids; the calls with a key are added.
    """

    def __init__(self, store: StoreReader, by_id: dict[str, Call]) -> None:
        self._store, self._by_id = store, by_id
        self._by_key: dict[tuple[Address, str], KeyedCall] = {}
        self._next_sweep = 0
        for row in store.requests(pending=True):
            call = KeyedCall(row)
            self._by_key[row.target, row.key] = self._by_id[row.request] = call

    def find(self, message: IngressMessage, now_ms: int) -> KeyedCall | Answer | None:
        """The call of the last day under the key of *message*, or its answer if that is durable; None without one.

        KeyReused if it was a call of another message.

        Raises:
            StoreError: the store can't be read.
        """
        assert message.key is not None
        call = self._by_key.get((message.target, message.key))
        row = self._store.request(message.target, message.key) if call is None else call.row
        if row is None or row.time_ms + KEY_KEPT_MS <= now_ms:
            return None
        if row.digest != message_digest(message):
            return KeyReused(message.key)
        return _answer_in(row) if call is None else call

    def begin(self, message: IngressMessage, id: str, now_ms: int, epoch: Epoch) -> KeyedCall:
        """Create the call of *message* in the open *epoch*."""
        assert message.key is not None
        self._sweep(now_ms, epoch)
        row = KeyedRequest(message.target, message.key, message_digest(message), now_ms, id, _BEGUN[message.wait])
        if (before := self._by_key.get((row.target, row.key))) is not None:
            self._forget(before)
        call = self._by_key[row.target, row.key] = self._by_id[id] = KeyedCall(row)
        call.begin(epoch)
        return call

    def durable(self, sealed: Epoch) -> None:
        """*sealed* is durable."""
        for key, row in sealed.requests.items():
            call = self._by_key.get(key)
            if call is None or call.id != row.request:
                continue
            if call.row is row and not row.pending:
                del self._by_key[key]
            else:
                call.taken()

    def _sweep(self, now_ms: int, epoch: Epoch) -> None:
        """Delete rows that are older than a day, a bounded number at a time."""
        if now_ms < self._next_sweep:
            return
        old = self._store.requests_before(now_ms - KEY_KEPT_MS, _SWEEP_ROWS)
        for row in old:
            key = (row.target, row.key)
            call = self._by_key.get(key)
            if call is not None and call.id != row.request:
                continue  # the key is in use again, and its new row is not written yet
            epoch.requests_done[key] = None
            if call is not None:
                self._forget(call)
                del self._by_key[key]
        if len(old) < _SWEEP_ROWS:
            self._next_sweep = now_ms + _SWEEP_EVERY_MS

    def _forget(self, call: KeyedCall) -> None:
        """The row of *call* goes. The callers that it has still get its answer."""
        call.forget()
        if not call.callers:
            self._by_id.pop(call.id, None)
