"""Notifies the callers of settled messages: callers outside, and the reply function for asks.

Without an engine, a command that gives up a message of the store notifies the same ones.
"""

from __future__ import annotations

from typing import Final

from statefun_actors.address import Address
from statefun_actors.asking import ANSWER, ATTEMPT
from statefun_actors.dispatch import failure_answer, replies_later, unwrapped
from statefun_actors.engine.call import given_up_with
from statefun_actors.engine.working_set import WorkingSet
from statefun_actors.ingress import GivenUp
from statefun_actors.model import INGRESS, Done, Invocation, Send
from statefun_actors.store import Message

_ENVELOPES: Final = frozenset({ANSWER, ATTEMPT})


def message_handled(
    working_set: WorkingSet, message: Message, done: Done, index: int, error: BaseException | None
) -> None:
    """The message *index* of a batch is settled: its handler ended, or a policy gave it up with *error*."""
    caller, typename = message.caller, message.value.typename
    if typename in _ENVELOPES:
        if not working_set.callers.waiting:
            return
        caller = unwrapped(Invocation(message.value, caller)).caller
    if caller is None or caller[0] != INGRESS:
        return
    if error is not None:
        working_set.callers.handled(caller[1], given_up_with(error), working_set.epoch)
    elif replies_later(
        Invocation(message.value), done.effects[done.marks[index - 1] if index else 0 : done.marks[index]]
    ):
        working_set.callers.await_reply(caller[1], working_set.epoch)
    else:
        working_set.callers.handled(caller[1], None, working_set.epoch)


def message_given_up(working_set: WorkingSet, message: Message, given_up: GivenUp) -> None:
    """The engine gave *message* up, since it has no policy: it becomes a dead letter of the store."""
    recipient = failure_recipient(message, given_up.reason)
    if isinstance(recipient, Send):
        working_set.send(recipient.target, recipient.value, message.target, message.headers)
    elif recipient is not None:
        working_set.callers.handled(recipient.id, given_up, working_set.epoch)
    working_set.callers.given_up(message.caller, given_up, working_set.epoch)


def failure_recipient(message: Message, reason: str) -> Send | Address | None:
    """The recipient of the failure of *message*, which was given up for *reason*.

    Returns:
        The message to the reply address of an ask; the address of a caller outside; None: nobody waits for it.
    """
    invocation = Invocation(message.value, message.caller)
    if (answer := failure_answer(invocation, reason)) is not None:
        return answer
    caller = unwrapped(invocation).caller
    return caller if caller is not None and caller[0] == INGRESS else None
