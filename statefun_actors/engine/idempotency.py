"""Requests with an idempotency key: what came of each is kept for a day, so that a repeat finds it instead of doing it.

A request is a row of the store from the epoch on that holds its message, *pending* until its result is known; with the
epoch of its result the row is final. In memory are only those that are pending, or not durable yet. A crash in between
loses nobody's answer but that of the connections that broke: the repeat finds the row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

from statefun_actors.address import Address
from statefun_actors.engine.epoch import Epoch, EpochLostError, Lost, NotStorableError
from statefun_actors.ingress import (
    Answer,
    AnswerLost,
    GivenUp,
    Handled,
    IngressMessage,
    KeyReused,
    NotTaken,
    Replied,
    Taken,
    Wait,
)
from statefun_actors.model import TypedValue
from statefun_actors.store import KeyedRequest, RequestState, StoreReader

Tell = Callable[[Answer | EpochLostError], None]
"""An EpochLostError says that the message has to be submitted again."""

KEPT_MS: Final = 24 * 60 * 60 * 1000
"""For how long a key counts."""
_SWEEP_ROWS: Final = 500
_SWEEP_EVERY_MS: Final = 60_000
_REASON: Final = "statefun-actors/reason"
_TAKEN: Final = Taken()


def digest_of(value: TypedValue) -> str:
    """What tells one message from another."""
    found = hashlib.blake2b(value.typename.encode("utf-8", "surrogatepass"), digest_size=16)
    found.update(b"\0")
    found.update(value.value)
    return found.hexdigest()


class KeyedCall:
    """A keyed request in memory, and who waits for its result."""

    __slots__ = ("_waiters", "durable", "reply", "row", "taken", "until_reply")

    def __init__(self, row: KeyedRequest, *, durable: bool) -> None:
        self.row = row
        self.durable = self.taken = durable
        """Whether :attr:`row` is in the store; whether any row of it is."""
        self.until_reply = row.state is RequestState.PENDING_REPLY
        self.reply: TypedValue | None = None
        """A reply that came before its handler ended."""
        self._waiters: dict[object, tuple[Wait, Tell]] = {}

    @property
    def pending(self) -> bool:
        return self.row.pending

    def ask(self, wait: Wait, tell: Tell) -> Callable[[], bool]:
        """Have *tell* called with the result once it is durable; who does not wait is told before that it is taken.

        Returns:
            What to call when nobody waits any more; it says whether the request is in the store.
        """
        if self.durable and not self.pending:
            tell(self._answer())
        elif self.durable and wait is Wait.TAKEN:
            tell(_TAKEN)
        else:
            waiter = object()
            self._waiters[waiter] = (wait, tell)
            return lambda: self._forget(waiter)
        return lambda: self.taken

    def _forget(self, waiter: object) -> bool:
        self._waiters.pop(waiter, None)
        return self.taken

    def became_durable(self, row: KeyedRequest) -> None:
        """*row* is in the store."""
        self.taken = True
        self.durable = self.durable or row is self.row
        final = row is self.row and not row.pending
        waiters, self._waiters = self._waiters, {}
        for waiter, (wait, tell) in waiters.items():
            if final:
                tell(self._answer())
            elif wait is Wait.TAKEN:
                tell(_TAKEN)
            else:
                self._waiters[waiter] = (wait, tell)

    def lose(self, error: Lost) -> None:
        answer: Answer | EpochLostError
        if isinstance(error, EpochLostError) and error.again:
            answer = error
        elif isinstance(error, NotStorableError):
            # Another submission is at fault where this one is stored: it is handled again, so ask again.
            answer = EpochLostError(error.reason, again=True) if self.taken else GivenUp(str(error))
        else:
            answer = AnswerLost(error.reason) if self.taken else NotTaken(error.reason)
        waiters, self._waiters = self._waiters, {}
        for _, tell in waiters.values():
            tell(answer)

    def _answer(self) -> Answer:
        row = self.row
        match row.state:
            case RequestState.REPLIED if row.result is not None:
                return Replied(row.result)
            case RequestState.GIVEN_UP if row.result is not None:
                return GivenUp(row.result.value.decode())
            case RequestState.HANDLED:
                return Handled()
            case _:
                return _TAKEN


class KeyedCalls:
    """The keyed requests of one memory."""

    def __init__(self, store: StoreReader) -> None:
        self._store = store
        self._by_key: dict[tuple[Address, str], KeyedCall] = {}
        self.by_caller: dict[str, KeyedCall] = {}
        """Those that are pending, by the id under which they are the caller of their message."""
        self._next_sweep = 0
        for row in store.requests(pending=True):
            request = KeyedCall(row, durable=True)
            self._by_key[row.target, row.key] = self.by_caller[row.request] = request

    def found(self, letter: IngressMessage, now_ms: int) -> KeyedCall | KeyReused | None:
        """What was asked under the key of *letter* in the last day; KeyReused if that was another message."""
        assert letter.key is not None
        request = self._by_key.get((letter.target, letter.key))
        if request is None and (row := self._store.request(letter.target, letter.key)) is not None:
            request = KeyedCall(row, durable=True)
        if request is None or request.row.time_ms + KEPT_MS <= now_ms:
            return None
        return request if request.row.digest == digest_of(letter.value) else KeyReused(letter.key)

    def begin(self, letter: IngressMessage, caller: str, now_ms: int, epoch: Epoch) -> KeyedCall:
        """The request of *letter*, which is new, in the open *epoch*."""
        assert letter.key is not None
        self._sweep(now_ms, epoch)
        state = {
            Wait.TAKEN: RequestState.TAKEN,
            Wait.HANDLED: RequestState.PENDING,
            Wait.REPLY: RequestState.PENDING_REPLY,
        }[letter.wait]
        row = KeyedRequest(letter.target, letter.key, digest_of(letter.value), now_ms, caller, state)
        if (before := self._by_key.get((letter.target, letter.key))) is not None:
            self.by_caller.pop(before.row.request, None)
        request = self._by_key[row.target, row.key] = KeyedCall(row, durable=False)
        if row.pending:
            self.by_caller[caller] = request
        epoch.requests[row.target, row.key] = row
        return request

    def reply(self, caller: str, value: TypedValue, epoch: Epoch) -> None:
        """Somebody replies to *caller*."""
        request = self.by_caller.get(caller)
        if request is None or request.reply is not None:
            return
        request.reply = value
        if request.until_reply:
            self._settle(request, RequestState.REPLIED, value, epoch)

    def handled(self, caller: str, reason: str | None, epoch: Epoch) -> None:
        """The message of *caller* is dealt with; *reason* says why it was given up."""
        request = self.by_caller.get(caller)
        if request is None:
            return
        if reason is not None:
            self._settle(request, RequestState.GIVEN_UP, TypedValue(_REASON, reason.encode()), epoch)
        elif request.reply is not None:
            self._settle(request, RequestState.REPLIED, request.reply, epoch)
        elif not request.until_reply:
            self._settle(request, RequestState.HANDLED, None, epoch)

    def await_reply(self, caller: str, epoch: Epoch) -> None:
        """The handler of the message of *caller* ended, and asked somebody."""
        request = self.by_caller.get(caller)
        if request is None or request.until_reply:
            return
        if request.reply is not None:
            self._settle(request, RequestState.REPLIED, request.reply, epoch)
            return
        request.until_reply = True
        row = request.row
        request.row = row = KeyedRequest(
            row.target, row.key, row.digest, row.time_ms, row.request, RequestState.PENDING_REPLY
        )
        request.durable = False
        epoch.requests[row.target, row.key] = row

    def _settle(self, request: KeyedCall, state: RequestState, result: TypedValue | None, epoch: Epoch) -> None:
        row = request.row
        request.row = row = KeyedRequest(row.target, row.key, row.digest, row.time_ms, row.request, state, result)
        request.durable = False
        del self.by_caller[row.request]
        epoch.requests[row.target, row.key] = row

    def durable(self, sealed: Epoch) -> None:
        """*sealed* is in the store."""
        for key, row in sealed.requests.items():
            request = self._by_key.get(key)
            if request is not None and request.row.request == row.request:
                if request.row is row and not row.pending:
                    del self._by_key[key]
                request.became_durable(row)

    def lose(self, error: Lost) -> None:
        """Nobody can be told any more."""
        for request in list(self._by_key.values()):
            request.lose(error)

    def _sweep(self, now_ms: int, epoch: Epoch) -> None:
        """Have the rows deleted that are older than a day, a bounded number at a time."""
        if now_ms < self._next_sweep:
            return
        old = self._store.requests_before(now_ms - KEPT_MS, _SWEEP_ROWS)
        for row in old:
            key = (row.target, row.key)
            request = self._by_key.get(key)
            if request is not None and request.row.request != row.request:
                continue  # the key is in use again, and the row of that is on its way
            epoch.requests_done[key] = None
            if request is not None:
                self.by_caller.pop(row.request, None)
                del self._by_key[key]
        if len(old) < _SWEEP_ROWS:
            self._next_sweep = now_ms + _SWEEP_EVERY_MS
