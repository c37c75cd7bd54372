"""The ingress function, ``statefun-actors/ingress``: the callers outside of a Flink cluster, who are behind gateways.

It has two kinds of instances. At the id of a call of a gateway it stands for that caller: what is sent there is an
answer, which the endpoint writes to the topic of the gateway. It has no state. At the id of an idempotency key it sends
the first message under that key, is its caller, and keeps the answer for a day:

=========================  ============================  ==================  =========================
message                    nothing is kept               pending             answered
=========================  ============================  ==================  =========================
Keyed, another digest      (cannot be)                   KEY_REUSED          KEY_REUSED
Keyed                      sent on; pending, or TAKEN    another one waits   the same answer
Keyed without a message    NOT_OPEN                      another one waits   the same answer
a reply, or FAILED         dropped                       it is the answer    dropped
HANDLED                    dropped                       it is the answer,   dropped
                                                         unless a reply is
                                                         waited for
NOT_RESTORED               dropped                       it is the answer,   dropped
                                                         and nothing is kept
=========================  ============================  ==================  =========================

It takes orders only from Kafka, where gateways write them. An order that makes no sense is dropped, or answered with
the reason: whoever may write to that topic could fail the job with a message that no endpoint takes. The embedded
engine is its own gateway, so it never runs this function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from google.protobuf.any_pb2 import Any
from msgspec import Struct

from statefun_actors.address import Address
from statefun_actors.asking import (
    FAILED,
    HANDLED,
    KEY_KEPT_MS,
    KEY_REUSED,
    NOT_OPEN,
    NOT_RESTORED,
    ORDER,
    RESERVED,
    RESTORE,
    TAKEN,
    Keyed,
    Later,
    Request,
    gateway_call,
    is_address,
    is_key_id,
    read_order,
    request,
)
from statefun_actors.definition import LONGEST_DELAY, persisted
from statefun_actors.functions import Context
from statefun_actors.model import INGRESS, TypedValue
from statefun_actors.own_logger import own_logger
from statefun_actors.text import one_line, shortened

logger: Final = own_logger("statefun_actors.conversations")

STATES: Final[Mapping[str, object]] = {
    "call": persisted(type=bytes, expire_after_write=timedelta(milliseconds=KEY_KEPT_MS))
}
_MOST_WAITING: Final = 16
"""Callers that wait for one answer. One that repeats its request has usually given up the earlier ones."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNTIL_TAKEN: Final = "taken"
_UNTIL_REPLY: Final = "reply"
_TAKEN: Final = (TAKEN, b"")
_LONGEST_DELAY_MS: Final = LONGEST_DELAY // timedelta(milliseconds=1)
_LONGEST_SHOWN: Final = 200
_ProblemOf = Callable[[tuple[str, str], str, int], str | None]
_pack: Final = msgspec.msgpack.Encoder().encode


class KeptCall(Struct, frozen=True, array_like=True, gc=False):
    """The message under a key: its digest and time, what its callers wait for, and its answer, if it has one."""

    digest: str
    since_ms: int
    wait: str
    waiting: Sequence[str]
    answer: tuple[str, bytes] | None


_kept: Final = msgspec.msgpack.Decoder(KeptCall).decode


class Ingress:
    """The ingress function of one endpoint.

    Args:
        known: the function types that it sends to, ``ns/name`` or ``ns/*``: those that its endpoint serves, and those
            that are known to be served by others.
    """

    def __init__(self, known: AbstractSet[str]) -> None:
        self._known = known

    def take(self, context: Context, message: Any) -> None:
        """Take *message*; see the table above."""
        if message.type_url == ORDER:
            self._ordered(context, message.value)
        elif is_key_id(context.address.id):
            _answered(context, (message.type_url, message.value))
        elif gateway_call(context.address.id) is not None:
            # The endpoint writes what is sent to a gateway's call as a record.
            context.send(*context.address, TypedValue(message.type_url, message.value))

    def _ordered(self, context: Context, data: bytes) -> None:
        if context.caller is not None:
            return
        try:
            content = read_order(data)
        except ValueError as error:
            logger.warning("%s: a record of a gateway is dropped, since it can't be read: %s", INGRESS, error)
            return
        match content:
            case Later():
                self._later(context, content)
            case Keyed() if is_key_id(context.address.id):
                _keyed(context, content, self._problem)
            case _:
                pass

    def _later(self, context: Context, content: Later) -> None:
        problem = self._problem(content.target, content.value[0], content.delay_ms)
        if problem is None:
            _send(context, content.target, request(Request(content.value)), content.delay_ms)
        elif not content.answer_to:
            logger.warning("%s: a record of a gateway is dropped: %s", INGRESS, problem)
        _tell(context, [content.answer_to], _TAKEN if problem is None else _failed(problem))

    def _problem(self, target: tuple[str, str], typename: str, delay_ms: int) -> str | None:
        """Why a message of *typename* to *target* can't be sent for a gateway; None if it can."""
        function, shown = target[0], shortened(one_line(target[0]), _LONGEST_SHOWN)
        if not is_address(target):
            got = shortened(repr(target), _LONGEST_SHOWN)
            return f"expected <namespace>/<name> and an id as the target of a message, got {got}"
        if function == INGRESS or not typename or (typename in RESERVED and typename != RESTORE):
            return f"a gateway sends no messages of type {shortened(repr(typename), _LONGEST_SHOWN)} to {shown}"
        if function not in self._known and f"{function.rpartition('/')[0]}/*" not in self._known:
            return (
                f"the endpoint of {INGRESS} serves no {shown}, so a message to it would fail the Flink job; if another "
                f"application of the job serves it, start that endpoint with --other-functions {shown}"
            )
        if not 0 <= delay_ms <= _LONGEST_DELAY_MS:
            return f"expected a delay of 0 to {_LONGEST_DELAY_MS} ms, got {delay_ms}"
        return None


def _keyed(context: Context, content: Keyed, problem_of: _ProblemOf) -> None:
    now_ms = (context.now - _EPOCH) // timedelta(milliseconds=1)
    stored: bytes | None = context["call"]
    kept = None if stored is None else _kept(stored)
    if kept is not None and kept.since_ms + KEY_KEPT_MS <= now_ms:
        kept = None
    if kept is None:
        _begin(context, content, now_ms, problem_of)
    elif kept.digest != content.digest:
        _tell(context, [content.answer_to], (KEY_REUSED, b""))
    elif kept.answer is not None:
        _tell(context, [content.answer_to], kept.answer)
    elif content.wait == _UNTIL_TAKEN:
        _tell(context, [content.answer_to], _TAKEN)
    else:
        waiting = [*kept.waiting, content.answer_to][-_MOST_WAITING:]
        context["call"] = _pack(msgspec.structs.replace(kept, waiting=waiting))


def _begin(context: Context, content: Keyed, now_ms: int, problem_of: _ProblemOf) -> None:
    """Send the message, the first one under its key."""
    if content.value is None:
        _tell(context, [content.answer_to], (NOT_OPEN, b""))
        return
    if (problem := problem_of(content.target, content.value[0], content.delay_ms)) is not None:
        _tell(context, [content.answer_to], _failed(problem))
        return
    if content.wait == _UNTIL_TAKEN:
        # In an envelope, since it has no caller.
        _send(context, content.target, request(Request(content.value)), content.delay_ms)
        _tell(context, [content.answer_to], _TAKEN)
        context["call"] = _pack(KeptCall(content.digest, now_ms, content.wait, (), _TAKEN))
        return
    _send(context, content.target, TypedValue(*content.value), content.delay_ms)
    context["call"] = _pack(KeptCall(content.digest, now_ms, content.wait, (content.answer_to,), None))


def _answered(context: Context, value: tuple[str, bytes]) -> None:
    stored: bytes | None = context["call"]
    kept = None if stored is None else _kept(stored)
    if kept is None or kept.answer is not None or (value[0] == HANDLED and kept.wait == _UNTIL_REPLY):
        return
    _tell(context, kept.waiting, value)
    if value[0] == NOT_RESTORED:  # it may be tried again, as after `serve --accept-restore`
        context["call"] = None
        return
    context["call"] = _pack(msgspec.structs.replace(kept, waiting=(), answer=value))


def _failed(problem: str) -> tuple[str, bytes]:
    return FAILED, problem.encode("utf-8", "backslashreplace")


def _tell(context: Context, waiting: Sequence[str], value: tuple[str, bytes]) -> None:
    for id in waiting:
        if gateway_call(id) is not None:
            context.send(INGRESS, id, TypedValue(*value))


def _send(context: Context, target: tuple[str, str], value: TypedValue, delay_ms: int) -> None:
    address = Address(*target)
    if delay_ms:
        context.send_after(timedelta(milliseconds=delay_ms), *address, value)
    else:
        context.send(*address, value)
