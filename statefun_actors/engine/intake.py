"""``Intake``: adds messages and changes from outside to the open epoch, and gives callers their answers.

An entry ends in one of three ways. Its epoch becomes durable. Its epoch is lost, and its caller gets the error. Or its
epoch is lost because of another message (``EpochLostError.again``), and it enters another epoch by itself. While the
engine searches for that message (isolation), each entry waits for an epoch of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from msgspec.structs import replace

from statefun_actors.address import Address
from statefun_actors.engine.call import TAKEN, Call, Caller, answer_to_loss
from statefun_actors.engine.core import Core
from statefun_actors.engine.entering import PART
from statefun_actors.engine.epoch import EpochLostError, Lost
from statefun_actors.engine.refusals import is_full, refusal_of
from statefun_actors.engine.refused_commits import Entry
from statefun_actors.ingress import Answer, Cancel, IngressMessage, NotTaken, OnAnswer, TooMany, Wait
from statefun_actors.model import INGRESS
from statefun_actors.store import StoreError

_WAIT_TAKEN: Final = Wait.TAKEN  # CPython 3.11 takes long to look up a member
_STOPS: Final = NotTaken("the engine stops")


class Intake:
    """Adds messages and changes from outside to the open epoch of *core*."""

    def __init__(self, core: Core) -> None:
        self._core = core

    # --- messages

    def take(self, message: IngressMessage, on_answer: OnAnswer) -> Cancel:
        """See :meth:`~statefun_actors.ingress.Backend.take`."""
        if not self._is_open():
            on_answer(self._refusal())
            return _not_durable
        if self._core.working_set.mailboxes.stuck.used and (reason := refusal_of(self._core, message.target)):
            on_answer(NotTaken(reason))
            return _not_durable
        caller = Caller(message, on_answer, self)
        self.enter(caller)
        return caller.cancel

    def take_all(self, messages: Sequence[IngressMessage], on_answer: OnAnswer) -> None:
        """See :meth:`~statefun_actors.ingress.Backend.take_all`."""
        if not self._is_open():
            on_answer(self._refusal())
        elif any(self._core.working_set.mailboxes.stuck.all_full()) and (
            reason := next(filter(None, (refusal_of(self._core, each.target) for each in messages)), None)
        ):
            on_answer(NotTaken(reason))
        else:
            self._enter_all(messages, on_answer)

    def _is_open(self) -> bool:
        """Whether messages are taken."""
        core = self._core
        working_set, options = core.working_set, core.options
        return not (
            core.stopping
            or (working_set.lost and not core.isolation.active)
            or is_full(core)
            or (core.sinks and working_set.outbox.kept > options.egress_backlog)
        )

    def _refusal(self) -> Answer:
        """The reason why messages are refused."""
        core, working_set = self._core, self._core.working_set
        if core.stopping:
            return _STOPS
        if (reason := core.lost) is not None:
            return NotTaken(reason)
        if core.backlogged:
            return NotTaken(f"{core.working_set.outbox.kept:,} egress records wait for their sinks")
        return TooMany(working_set.mailboxes.waiting + working_set.entering.left)

    def _enter_all(self, messages: Sequence[IngressMessage], on_answer: OnAnswer) -> None:
        if self._core.working_set.direct:
            self._post_all(messages, on_answer)
        else:
            self._enter_later(
                lambda: self._post_all(messages, on_answer), lambda lost: on_answer(NotTaken(lost.reason))
            )

    def _post_all(self, messages: Sequence[IngressMessage], on_answer: OnAnswer) -> None:
        working_set = self._core.working_set
        working_set.epoch.on_end.append(lambda lost: self._posted(messages, on_answer, lost))
        if len(messages) <= PART or self._core.isolation.active:  # the search commits an entry at once
            for message in messages:
                self._post(message, message.caller)
        else:
            working_set.entering.add(messages, lambda message: self._post(message, message.caller))
        self._core.news.set()

    def _posted(self, messages: Sequence[IngressMessage], on_answer: OnAnswer, lost: Lost | None) -> None:
        answer = TAKEN if lost is None else answer_to_loss(lost)
        if answer is None:
            self._enter_all(messages, on_answer)
        else:
            on_answer(answer)

    def _post(self, message: IngressMessage, sender: Address | None) -> None:
        if message.delay_ms > 0:
            due_ms = self._core.clock.now_ms() + message.delay_ms
            self._core.working_set.post_later(due_ms, message.target, message.value, sender, None, message.headers)
        else:
            self._core.working_set.post(message.target, message.value, sender, message.headers)

    # --- callers

    def enter(self, caller: Caller, *, in_turn: bool = False) -> None:
        """Add the message of *caller* to an epoch: at once if possible or *in_turn*, else when its turn has come."""
        message, working_set = caller.message, self._core.working_set
        if not (working_set.direct or in_turn):
            self._enter_later(
                lambda: self.enter(caller, in_turn=True), lambda lost: caller.on_answer(NotTaken(lost.reason))
            )
            return
        if message.key is not None:
            self._open_keyed(caller)
        elif message.wait is _WAIT_TAKEN or caller.cancelled:
            self._post(message, message.caller)
            working_set.epoch.on_end.append(caller.epoch_ended)
        else:
            sender = working_set.callers.open(caller, working_set.call_id())
            if message.caller is not None:
                assert caller.call is not None
                working_set.stand_in(message.caller, caller.call)
                sender = message.caller
            self._post(message, sender)
        self._core.news.set()

    def _open_keyed(self, caller: Caller) -> None:
        core, message = self._core, caller.message
        if message.target[0] in core.app.renamed:  # its key is scoped to the current name of the function type
            message = replace(message, target=core.app.current(message.target))
        working_set, now = core.working_set, core.clock.now_ms()
        calls = working_set.callers.keyed
        try:
            call = calls.find(message, now)
            if call is None:
                call = calls.begin(message, working_set.call_id(), now, working_set.epoch)
                self._post(message, Address(INGRESS, call.id) if call.row.pending else None)
        except StoreError as error:
            caller.on_answer(NotTaken(str(error)))
            return
        if not isinstance(call, Call):
            caller.on_answer(call)
        elif message.wait is Wait.TAKEN and working_set.callers.stored(call):
            caller.on_answer(TAKEN)
        else:
            call.join(caller)

    def cancel(self, caller: Caller) -> bool:
        """*caller* stops waiting; return whether its message is durable."""
        caller.on_answer, caller.cancelled = _ignore, True
        message = caller.message
        if message.caller is not None and message.wait is not Wait.TAKEN:
            self._core.working_set.stand_back(message.caller)
        return self._core.working_set.callers.cancel(caller)

    # --- changes

    async def apply(self, change: Callable[[], object]) -> None:
        """See :meth:`Engine.apply`."""
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._change(change, durable)
        await durable

    def _change(self, change: Callable[[], object], durable: asyncio.Future[None]) -> None:
        if self._core.working_set.direct:
            self._make(change, durable)
        else:
            self._enter_later(lambda: self._make(change, durable), lambda lost: _fail(durable, lost))

    def _make(self, change: Callable[[], object], durable: asyncio.Future[None]) -> None:
        try:
            change()
        except Exception as error:  # the waiting caller gets it
            _fail(durable, error)
        else:
            self._core.working_set.epoch.on_end.append(lambda lost: self._made(change, durable, lost))
            self._core.news.set()

    def _made(self, change: Callable[[], object], durable: asyncio.Future[None], lost: Lost | None) -> None:
        if isinstance(lost, EpochLostError) and lost.again:
            self._change(change, durable)
        elif lost is not None:
            _fail(durable, lost)
        elif not durable.done():
            durable.set_result(None)

    def _enter_later(self, enter: Callable[[], None], abandon: Callable[[EpochLostError], None]) -> None:
        """Call *enter* when its turn has come; or *abandon* at once, if the store has just failed."""
        core = self._core
        if core.isolation.active:
            core.isolation.entries.append(Entry(enter, abandon))
            core.news.set()
        else:
            abandon(EpochLostError(str(core.commits.error)))


def _fail(durable: asyncio.Future[None], error: Exception) -> None:
    if not durable.done():
        durable.set_exception(error)


def _ignore(_: Answer) -> None:
    """The caller has stopped waiting."""


def _not_durable() -> bool:
    return False
