"""The schedule function: one instance for each recurring message of each sender.

A delayed message to itself makes it send the recurring message and schedule the next slot. The delayed message carries
the slot and the generation of its schedule: it is ignored if the schedule was replaced or cancelled since, also with a
protocol that can't cancel delayed messages. A cancelled schedule leaves no state.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from google.protobuf.any_pb2 import Any
from msgspec import Struct

from statefun_actors.address import Address
from statefun_actors.asking import (
    ORDER,
    RESERVED,
    SCHEDULE,
    Cease,
    Fire,
    Recurrence,
    Repeat,
    is_address,
    order,
    owns_schedule,
    read_order,
    recurrence,
    schedule_id,
)
from statefun_actors.errors import ValueMismatchError
from statefun_actors.functions import Context
from statefun_actors.model import INGRESS, TypedValue
from statefun_actors.own_logger import own_logger

logger: Final = own_logger("statefun_actors.conversations")

STATES: Final[Mapping[str, object]] = {"schedule": bytes, "generation": int}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_pack: Final = msgspec.msgpack.Encoder().encode


class KeptSchedule(Struct, frozen=True, array_like=True, gc=False):
    """A schedule as it is stored; *slot_ms* is the next slot."""

    content: Repeat
    slot_ms: int


read_schedule: Final = msgspec.msgpack.Decoder(KeptSchedule).decode


class OpenSchedule(Struct, frozen=True):
    """A recurring message, for listings. *next_ms*: its next slot, in milliseconds since 1970."""

    sender: Address
    name: str
    recurrence: Recurrence
    target: Address
    message: TypedValue
    next_ms: int


def schedule(context: Context, message: Any) -> None:
    """Handle an order of a function for its own schedule. All other messages, such as replies, are dropped."""
    caller = context.caller
    if message.type_url != ORDER or caller is None or caller.typename == INGRESS:
        return
    try:
        content = read_order(message.value)
    except ValueError as error:
        logger.warning("%s: a message of %s is dropped, since it can't be read: %s", SCHEDULE, caller, error)
        return
    match content:
        case Fire() if caller == context.address:
            _fire(context, content)
        case Repeat() if _makes_sense(content, context):
            _repeat(context, content)
        case Cease() if owns_schedule(caller, context.address.id):
            _cease(context)
        case _:
            logger.warning(
                "%s: a message of %s is dropped: a function starts and cancels only recurring messages of its own, "
                "with a valid recurrence, and does not repeat this library's own messages",
                SCHEDULE,
                caller,
            )


def _makes_sense(content: Repeat, context: Context) -> bool:
    """Whether *content* belongs to its sender, has a recurrence, and its message is not one of the library's own."""
    caller = context.caller
    if caller is None or content.sender != caller or context.address.id != schedule_id(caller, content.name):
        return False
    if not (is_address(content.target) and content.message[0]) or content.message[0] in RESERVED:
        return False
    try:
        recurrence(
            content.recurrence.written, "UTC"
        )  # not in its own zone: an unknown zone is a fault of this machine, not of the order
    except ValueMismatchError:
        return False
    return True


def _repeat(context: Context, content: Repeat) -> None:
    stored: bytes | None = context["schedule"]
    if stored is not None:
        kept = read_schedule(stored).content
        if msgspec.structs.replace(kept, now_ms=content.now_ms) == content:
            return
    _begin(context, content, content.recurrence.first_ms(content.now_ms))


def _begin(context: Context, content: Repeat, slot_ms: int) -> None:
    """Schedule *slot_ms*, in place of the previous slot."""
    generation: int = context["generation"] or 0
    if generation:
        context.cancel(_token(context, generation))
    generation += 1
    context["generation"] = generation
    context["schedule"] = _pack(KeptSchedule(content, slot_ms))
    wait = max(timedelta(milliseconds=1), _EPOCH + timedelta(milliseconds=slot_ms) - context.now)
    context.send_after(
        wait,
        SCHEDULE,
        context.address.id,
        order(Fire(generation, slot_ms)),
        cancellation_token=_token(context, generation),
    )


def _cease(context: Context) -> None:
    generation: int | None = context["generation"]
    if generation is not None:
        context.cancel(_token(context, generation))
    context["generation"] = context["schedule"] = None


def _fire(context: Context, fired: Fire) -> None:
    stored: bytes | None = context["schedule"]
    if stored is None:
        return
    kept = read_schedule(stored)
    # After a cancellation, generations count from 1 again; the slot differs then.
    if (context["generation"], kept.slot_ms) != (fired.generation, fired.slot_ms):
        return
    content = kept.content
    now_ms = (context.now - _EPOCH) // timedelta(milliseconds=1)
    if now_ms < fired.slot_ms:  # early: the clock was set back, or the delay ended early
        _begin(context, content, fired.slot_ms)
        return
    context.send(*content.target, TypedValue(*content.message))
    _begin(context, content, content.recurrence.next_ms(fired.slot_ms, now_ms))


def _token(context: Context, generation: int) -> str:
    """A token unique to this function: Flink scopes tokens by the id of their sender only."""
    return f"{SCHEDULE}:{context.address.id}:{generation}"


def open_schedule(state: Mapping[str, TypedValue | None]) -> OpenSchedule | None:
    """The recurring message in *state* of the schedule function; None without one."""
    stored = state.get("schedule")
    if stored is None:
        return None
    kept = read_schedule(stored.value)
    return begun(kept.content, kept.slot_ms)


def begun(content: Repeat, slot_ms: int | None = None) -> OpenSchedule:
    """A new recurring message for *content*, at *slot_ms* or at its first slot."""
    sender, target = Address(*content.sender), Address(*content.target)
    if slot_ms is None:
        slot_ms = content.recurrence.first_ms(content.now_ms)
    return OpenSchedule(sender, content.name, content.recurrence, target, TypedValue(*content.message), slot_ms)
