"""Messages from outside of Flink that came through a gateway: opened before their handlers, answered after them.

A gateway writes a message to Kafka in an envelope. Here it is taken out, so a handler sees what it sees on the embedded
engine: a caller ``statefun-actors/ingress``, or none. What the batch sends to a gateway's call becomes a record of the
egress ANSWERS, in the same reply to Flink: so an answer leaves with the state that it follows from, without another
function in between. Answers that other functions send later go through the ingress function, which ends here, too.

A caller who gets no reply gets a notice that the handler has ended, or why the message was given up.

Restores (:mod:`~.dispatch.restoring`) come the same way.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Final

from msgspec.structs import replace

from statefun_actors.address import Address
from statefun_actors.asking import (
    ANSWER,
    ANSWERS,
    ATTEMPT,
    HANDLED,
    LARGEST_ANSWER,
    REQUEST,
    RESTORE,
    AnswerRecord,
    answer_bytes,
    failed,
    gateway_call,
    not_restored,
    read_request,
)
from statefun_actors.dispatch import RestoreRefusedError, replies_later, unwrapped
from statefun_actors.model import INGRESS, Batch, Done, Effect, Egress, Invocation, KafkaRecord, Send, TypedValue
from statefun_actors.own_logger import own_logger
from statefun_actors.text import describe
from statefun_actors.types import record_to_typed

logger: Final = own_logger("statefun_actors.endpoint")

_FROM_KAFKA: Final = frozenset({REQUEST, RESTORE})
_SPECIAL: Final = _FROM_KAFKA | {ANSWER, ATTEMPT}
_OUTSIDE: Final = INGRESS.encode()
_HANDLED: Final = TypedValue(HANDLED, b"")


class OutsideBatch(Batch, frozen=True):
    """A batch with messages that may have a caller outside."""


class RestoringBatch(OutsideBatch, frozen=True):
    """A batch with a restore."""


def opened(batch: Batch) -> Batch:
    """*batch*, its messages out of the envelopes of gateways. An OutsideBatch if any may have a caller outside."""
    for invocation in batch.invocations:
        caller = invocation.caller
        if (caller is not None and caller[0] == INGRESS) or (
            invocation.argument.typename in _SPECIAL and _concerns_outside(invocation.argument)
        ):
            break
    else:
        if batch.target[0] != INGRESS:
            return batch
    invocations = [message for each in batch.invocations if (message := _opened(batch.target, each)) is not None]
    restores = any(each.argument.typename == RESTORE for each in invocations)
    return (RestoringBatch if restores else OutsideBatch)(batch.target, batch.state, invocations)


def _concerns_outside(argument: TypedValue) -> bool:
    """Whether *argument*, of a special type, may be from outside. Most answers have a caller inside, and need nothing;
    this is quicker than to decode them.
    """
    return argument.typename in _FROM_KAFKA or _OUTSIDE in argument.value


def _opened(target: Address, invocation: Invocation) -> Invocation | None:
    """*invocation*, or the message in its envelope; None if that can't be read. A function can't make an envelope."""
    if invocation.argument.typename != REQUEST or not _from_outside(invocation.caller):
        return invocation
    try:
        value, caller = read_request(invocation.argument.value)
    except ValueError as error:
        logger.warning("%s: a record of a gateway is dropped, since it can't be read: %s", target, error)
        return None
    return Invocation(value, caller, invocation.headers)


def _from_outside(caller: Address | None) -> bool:
    return caller is None or caller[0] == INGRESS


def answered(batch: OutsideBatch, done: Done, topics: AbstractSet[str]) -> Done:
    """*done*, with the answers to callers outside. Those for none of *topics* are dropped, unless that is empty."""
    effects = [
        leaving
        for effect in itertools.chain(done.effects, _notices(batch, done))
        if (leaving := _leaving(effect, topics, batch.target)) is not None
    ]
    return replace(done, effects=effects)


def _notices(batch: OutsideBatch, done: Done) -> Iterator[Send]:
    """A message for each caller outside who gets no reply from the handler of its message, now or later."""
    errors = {failure.index: failure.error for failure in done.failures}
    for index, invocation in enumerate(batch.invocations):
        message = unwrapped(invocation)
        caller = message.caller
        if caller is None or caller[0] != INGRESS or batch.target[0] == INGRESS:
            continue
        effects = done.effects[done.marks[index - 1] if index else 0 : done.marks[index]]
        if (error := errors.get(index)) is not None:
            refused = isinstance(error, RestoreRefusedError)
            yield Send(caller, not_restored(str(error)) if refused else failed(describe(error)))
        elif not any(isinstance(each, Send) and each.target == caller for each in effects) and not replies_later(
            invocation, effects
        ):
            yield Send(caller, _HANDLED)


def _leaving(effect: Effect, topics: AbstractSet[str], sender: Address) -> Effect | None:
    """*effect*; a message to a gateway's call as a record for its gateway, None if that is for none of *topics*.

    Flink would wait a minute for a topic that does not exist, and fail, and anyone who may write to the topics of a
    gateway could name one.
    """
    if not isinstance(effect, Send) or effect.target[0] != INGRESS:
        return effect
    call = gateway_call(effect.target[1])
    if call is None:
        return effect
    if topics and call.topic not in topics:
        logger.warning(
            "%s: an answer to a gateway is dropped, since this endpoint may not write to its topic; if that gateway is "
            "yours, start the endpoint with --answers-topics %s", sender, call.topic,
        )  # fmt: skip
        return None
    value = effect.value
    if len(value.value) > LARGEST_ANSWER:
        value = failed(
            f"the message was handled, but its reply has {len(value.value):,} bytes, more than the {LARGEST_ANSWER:,} "
            "that go through Kafka"
        )
    data = answer_bytes(AnswerRecord(call.number, (value.typename, value.value)))
    return Egress(ANSWERS, record_to_typed(KafkaRecord(call.topic, data, call.gateway)), effect.headers)
