"""``InlineReply``: messages to the reply function, handled where they are sent, without a mailbox and a batch.

An ask and its answer are two messages to this function, each of which changes one small record and sends one message
on. As batches they would cost as much as those of the application. So the reply function takes its step while the
outcome of the sender's batch is merged: both are in the same epoch, as two batches would be in most cases, and the
store gets the same rows, messages and timers. What a step means is in
:func:`~statefun_actors.conversations.reply_step` alone.

A message takes the usual way through its mailbox if others are there before it, if its step fails, and where each
message counts for itself: in isolation, for instruments that listen to batches, and while the function is paused.
"""

from __future__ import annotations

from statefun_actors.address import Address
from statefun_actors.asking import REPLY
from statefun_actors.conversations import EXPIRE, reply_step
from statefun_actors.dispatch import Application
from statefun_actors.engine.working_set import WorkingSet
from statefun_actors.errors import StatefunActorsError
from statefun_actors.model import Send
from statefun_actors.store import DamagedStateError, Timer


class InlineReply:
    """The reply function of *app* in one engine."""

    def __init__(self, app: Application) -> None:
        instruments = app.instruments
        self._listened = (
            instruments.observe_batches or instruments.message_taken.heard or instruments.propagation is not None
        )

    def take(self, working_set: WorkingSet, message: Send, sender: Address, now_ms: int) -> bool:
        """Handle *message* of *sender* to the reply function; return whether that was possible.

        Raises:
            StoreError: the store can't be read.
        """
        target = message.target
        if self._listened or not working_set.at_rest(target):
            return False
        try:
            record = working_set.cache.new(target) if message.drawn else working_set.cache.get(target)
        except DamagedStateError:
            return False
        state = record.state
        ask, early = state["ask"], state["early"]
        try:
            step = reply_step(target, sender, message.value, ask, early)
        except (StatefunActorsError, ValueError):
            return False
        epoch = working_set.epoch
        epoch.steps += 1
        epoch.counters.handled += 1
        state["ask"], state["early"] = step.ask, step.early
        if step.ask is None and step.early is None and not record.stored:
            working_set.drop(target)
        elif step.ask is not ask or step.early is not early:
            record.last_call_ms = now_ms
            working_set.changed(target, record)
        if step.cancels:
            working_set.timers.cancel(target, target[1], epoch)
        if step.expires_ms:
            timer = Timer(working_set.seq(), now_ms + step.expires_ms, target, EXPIRE, target, target[1])
            working_set.timers.add(timer, epoch, replaces=False)
        for sent in step.sends:
            if sent.target[0] != REPLY or not self.take(working_set, sent, target, now_ms):
                working_set.send(sent.target, sent.value, target)
        return True
