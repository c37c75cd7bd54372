"""Notifies the callers of settled messages: callers outside, and the reply function for asks."""

from __future__ import annotations

from typing import Final

from statefun_actors.asking import ANSWER, ATTEMPT
from statefun_actors.dispatch import failure_answer, replies_later, unwrapped
from statefun_actors.engine.working_set import WorkingSet
from statefun_actors.model import INGRESS, Done, Invocation
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
        working_set.callers.handled(caller[1], error, working_set.epoch)
    elif replies_later(
        Invocation(message.value), done.effects[done.marks[index - 1] if index else 0 : done.marks[index]]
    ):
        working_set.callers.await_reply(caller[1], working_set.epoch)
    else:
        working_set.callers.handled(caller[1], None, working_set.epoch)


def message_given_up(working_set: WorkingSet, message: Message, error: BaseException) -> None:
    """The engine gave *message* up, since it has no policy: it becomes a dead letter of the store."""
    invocation = Invocation(message.value, message.caller)
    if (answer := failure_answer(invocation, error)) is not None:
        working_set.send(answer.target, answer.value, message.target, message.headers)
    elif (caller := unwrapped(invocation).caller) is not None and caller[0] == INGRESS:
        working_set.callers.handled(caller[1], error, working_set.epoch)
    working_set.callers.given_up(message.caller, error, working_set.epoch)
