"""The reply function: one instance for each open ask, at the token of the ask.

======================  ============================  ========================================
message                 the ask is open               the ask is not open
======================  ============================  ========================================
Open, from a function   ignored                       stored, its timer set, its question sent;
                                                      answered at once if its answer is stored
Expire, from itself     the answer is "timeout"       an early answer is dropped
Close, from a function  the answer is "failed"        ignored
Retries, of an activity ignored                       the activity is stopped
FAILED, from a function the answer is "failed"        dropped
ANSWER                  dropped                       dropped
any other               it is the answer              from a function: kept for a minute
======================  ============================  ========================================

On Flink, a batch may run again after a failure of the job. What it asks must not get another key then, if an activity
is to pass it to another system. So the ask arrives as a Run, at an id that is a digest of its content. The instance of
this function there counts such asks, and gives each a key of this id and its number: a repetition is counted as before,
since the counter was rolled back, too. It opens the ask at its token. The counter is kept in the state of early
answers, for the span in which its id occurs, and a day more.

An ask of an activity that ends without its answer stops the activity: no further attempt begins.

An invalid order is dropped, too: an entity opens only asks of its own, and a question must not be one of this library's
own messages, since its caller would be this function.

This function sends the question, so it receives the reply. An answer from outside (its caller is None, or the ingress)
gets the reply True if it became the answer, else False.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import msgspec
from google.protobuf.any_pb2 import Any
from msgspec import Struct

from statefun_actors.address import Address
from statefun_actors.asking import (
    ANSWER,
    FAILED,
    LONGEST_MS,
    ORDER,
    REPLY,
    RESERVED,
    RUNS_COUNTED_MS,
    Answer,
    Close,
    Expire,
    NoAnswer,
    Open,
    Retries,
    Run,
    Stop,
    address_of,
    answer,
    is_run_id,
    order,
    read_order,
    run_id,
    run_key,
)
from statefun_actors.functions import Context
from statefun_actors.model import INGRESS, LARGEST_VALUE, TypedValue
from statefun_actors.types import codec_for

logger: Final = logging.getLogger("statefun_actors.conversations")

STATES: Final[Mapping[str, object]] = {"ask": bytes, "early": bytes}
_EARLY_SECONDS: Final = 60.0
_ENVELOPE: Final = 100_000
"""The maximum size of an answer's envelope in bytes, without the answer and the ``keep=`` value."""

_RUNS_KEPT: Final = timedelta(milliseconds=RUNS_COUNTED_MS) + timedelta(days=1)
"""The time for which runs are counted, and a day for clocks that differ and orders that are late."""

_EXPIRE: Final = order(Expire())
_STOP: Final = order(Stop())
_pack: Final = msgspec.msgpack.Encoder().encode
_number: Final = msgspec.msgpack.Decoder(int).decode
_early: Final = msgspec.msgpack.Decoder(tuple[str, bytes]).decode
_open: Final = msgspec.msgpack.Decoder(Open).decode
_no_answer: Final = codec_for(NoAnswer)


class OpenAsk(Struct, frozen=True):
    """An open ask, for listings. Times in milliseconds since 1970; *target* is None for a reply address.

    *question* and *keep* are None if the ask has none. *activity*: whether the target is an activity, at a key that
    the asker did not choose.
    """

    token: str
    asker: Address
    then: str
    target: Address | None
    since_ms: int
    until_ms: int
    question: TypedValue | None = None
    keep: TypedValue | None = None
    activity: bool = False


def reply(context: Context, message: Any) -> None:
    """See the table above."""
    caller = context.caller
    inside = caller is not None and caller.typename != INGRESS
    typename, data = message.type_url, message.value
    stored: bytes | None = context["ask"]
    if typename == ORDER:
        if inside:
            _ordered(context, data, stored)
        return
    if typename == ANSWER:
        return
    if stored is None:
        _unexpected(context, typename, data, inside=inside)
        return
    ask = _open(stored)
    if typename == FAILED:
        if not inside:
            return
        typename, data = _failed(ask, data.decode("utf-8", "backslashreplace"))
    _close(context, ask, (typename, data))
    if caller is not None and not inside:
        context.pack_and_reply(True)


def _ordered(context: Context, data: bytes, stored: bytes | None) -> None:
    try:
        content = read_order(data)
    except ValueError as error:
        logger.warning("%s: a message of %s is dropped, since it can't be read: %s", REPLY, context.caller, error)
        return
    if isinstance(content, Open):
        if is_run_id(context.address.id) or not _makes_sense(content, context):
            _refuse(context)
        elif stored is None:
            _open_ask(context, content, data)
    elif isinstance(content, Run):
        token = context.address.id
        if content.ask.target is None or not _makes_sense(content.ask, context) or run_id(content.ask) != token:
            _refuse(context)
        else:
            _start_run(context, content)
    elif isinstance(content, Expire):
        if context.caller != context.address:
            return
        if stored is None:
            context["early"] = None
        else:
            ask = _open(stored)
            _close(context, ask, _none(ask, "timeout", ""))
    elif isinstance(content, Retries):
        if stored is None and context.caller is not None:
            context.send(*context.caller, _STOP)
    elif isinstance(content, Close) and stored is not None:
        ask = _open(stored)
        _close(context, ask, _failed(ask, content.reason))


def _refuse(context: Context) -> None:
    logger.warning(
        "%s: a message of %s is dropped: a function opens only asks of its own, for at most ten years, "
        "and does not ask with this library's own messages",
        REPLY,
        context.caller,
    )


def _makes_sense(ask: Open, context: Context) -> bool:
    """Whether *ask* belongs to its sender, and its question is not one of this library's own messages."""
    caller = context.caller
    of_sender = caller is not None and (ask.asker == caller or (caller.typename == REPLY and is_run_id(caller.id)))
    if not of_sender or not 0 < ask.timeout_ms <= LONGEST_MS:
        return False
    if ask.target is None or ask.question is None:
        return ask.target is None and ask.question is None
    typename, id = ask.target
    namespace, _, name = typename.rpartition("/")
    return bool(namespace and name and id and ask.question[0]) and ask.question[0] not in RESERVED


def _start_run(context: Context, run: Run) -> None:
    """Open the ask of *run*, with the next key as the id of its target."""
    id, ask = context.address.id, run.ask
    assert ask.target is not None
    counted: bytes | None = context["early"]
    number = 0 if counted is None else _number(counted)
    context["early"] = _pack(number + 1)
    if counted is None:
        context.send_after(_RUNS_KEPT, REPLY, id, _EXPIRE, cancellation_token=id)
    opening = msgspec.structs.replace(ask, target=(ask.target[0], run_key(id, number)))
    context.send(REPLY, run.token, order(opening))


def _open_ask(context: Context, ask: Open, data: bytes) -> None:
    token = context.address.id
    if ask.target is not None and ask.question is not None:
        context.send(*ask.target, TypedValue(*ask.question))
    early: bytes | None = context["early"]
    if early is not None:
        context["early"] = None
        context.cancel(token)
        _send(context, ask, _early(early))
        return
    context["ask"] = data
    wait = timedelta(milliseconds=ask.timeout_ms)
    context.send_after(wait, REPLY, token, _EXPIRE, cancellation_token=token)


def _unexpected(context: Context, typename: str, data: bytes, *, inside: bool) -> None:
    """Handle an answer without an open ask: it precedes its ask, as it can on Flink, or it is late."""
    if not inside:
        if context.caller is not None:
            context.pack_and_reply(False)
        return
    if typename == FAILED or context["early"] is not None or is_run_id(context.address.id):
        logger.info("%s: an answer of type %s is dropped, since its ask is not open", REPLY, typename)
        return
    context["early"] = _pack((typename, data))
    token = context.address.id
    context.send_after(_EARLY_SECONDS, REPLY, token, _EXPIRE, cancellation_token=token)


def _close(context: Context, ask: Open, value: tuple[str, bytes]) -> None:
    context["ask"] = None
    context.cancel(context.address.id)
    if ask.activity and ask.target is not None and context.caller != address_of(ask.target):
        context.send(*ask.target, _STOP)
    _send(context, ask, value)


def _send(context: Context, ask: Open, value: tuple[str, bytes]) -> None:
    room = LARGEST_VALUE - _ENVELOPE - (0 if ask.keep is None else len(ask.keep[1]))
    if len(value[1]) > room:
        value = _failed(
            ask, f"expected an answer of at most {room:,} bytes, which fit next to keep=, got {len(value[1]):,}"
        )
    context.send(*ask.asker, answer(Answer(ask.then, ask.keep, ask.caller, value)))


def _failed(ask: Open, error: str) -> tuple[str, bytes]:
    return _none(ask, "failed", error)


def _none(ask: Open, reason: str, error: str) -> tuple[str, bytes]:
    return _no_answer.typename, _no_answer.encode(NoAnswer(address_of(ask.target), reason, error))


def open_ask(token: str, state: Mapping[str, TypedValue | None]) -> OpenAsk | None:
    """The open ask in *state* of the reply function at *token*; None without one."""
    stored = state.get("ask")
    if stored is None:
        return None
    return opened(token, _open(stored.value))


def opened(token: str, ask: Open) -> OpenAsk:
    """The ask that *ask* opens at *token*."""
    return OpenAsk(
        token,
        Address(*ask.asker),
        ask.then,
        address_of(ask.target),
        ask.since_ms,
        ask.since_ms + ask.timeout_ms,
        None if ask.question is None else TypedValue(*ask.question),
        None if ask.keep is None else TypedValue(*ask.keep),
        ask.activity,
    )
