"""Notifies the callers of settled messages: callers outside, and the reply function for asks."""

from __future__ import annotations

from typing import Final

from statefun_actors.asking import ANSWER, ATTEMPT, ORDER, REPLY, Open, read_order
from statefun_actors.dispatch import failure_answer, unwrapped
from statefun_actors.engine.working_set import WorkingSet
from statefun_actors.model import INGRESS, Done, Invocation, Send, SendAfter
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
    elif typename == ANSWER or _continues(done, index):
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


def _continues(done: Done, index: int) -> bool:
    """Whether the reply to the message *index* comes later: it has asked, or its activity will try again."""
    begin, end = done.marks[index - 1] if index else 0, done.marks[index]
    for effect in done.effects[begin:end]:
        if isinstance(effect, SendAfter) and effect.value.typename == ATTEMPT:
            return True
        if isinstance(effect, Send) and effect.target[0] == REPLY and effect.value.typename == ORDER:
            content = read_order(effect.value.value)
            if isinstance(content, Open) and content.target is not None:
                return True
    return False
