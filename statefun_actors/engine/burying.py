"""Makes messages that the store refuses dead letters, with as much of their values as the store accepts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, assert_never

from statefun_actors.address import Address
from statefun_actors.engine.call import given_up_with
from statefun_actors.engine.epoch import NotStorableError
from statefun_actors.engine.inboxes import Emitted, Received, Submitted
from statefun_actors.engine.settling import message_given_up
from statefun_actors.engine.working_set import WorkingSet
from statefun_actors.model import KEPT_BYTES, LARGEST_VALUE, TypedValue
from statefun_actors.own_logger import own_logger
from statefun_actors.store import DeadLetterEntry, Message
from statefun_actors.text import describe_error, encodable

logger: Final = own_logger("statefun_actors.engine")

MOST_TRIES: Final = 3
"""Commits that give up one cause: as a whole, truncated, dropped. If all fail, the cause is not at fault."""


def bury_refused(working_set: WorkingSet, message: Message, reason: str, tries: int, now_ms: int) -> None:
    """Give up *message*, whose commit the store refused for *reason*; *tries* dead letters of it were refused, too."""
    error = NotStorableError(reason)
    target = Address(encodable(message.target.typename), encodable(message.target.id))
    typename, value = encodable(message.value.typename), message.value.value
    text = describe_error(error)
    if tries or len(value) > LARGEST_VALUE:
        if len(value) > KEPT_BYTES:
            text = f"{text} (The first {KEPT_BYTES:,} of its {len(value):,} bytes are kept.)"
        value = value[:KEPT_BYTES]
    if tries < MOST_TRIES - 1:
        headers = None if tries else message.headers
        letter = Message(message.seq, target, TypedValue(typename, value), message.caller, headers)
        working_set.epoch.dead_letters.append(
            DeadLetterEntry(working_set.seq(), letter, type(error).__name__, text, 1, now_ms)
        )
        working_set.epoch.counters.dead_letters += 1
        logger.error("%s: dead letter of type %s: %s", target, typename, text)
    else:
        working_set.epoch.counters.discarded += 1
        logger.error(
            "%s: a message of type %s is dropped; its dead letter can't be stored either: %s", target, typename, text
        )
    message_given_up(working_set, message, given_up_with(error))


def bury_read(
    working_set: WorkingSet, source: str, received: Sequence[Received], reason: str, tries: int, now_ms: int
) -> None:
    """Give up what was *received* in one read of *source*, as :func:`bury_refused` does."""
    for each in received:
        match each:
            case Submitted(target, value, _, headers, caller):
                message = Message(working_set.seq(), target, value, caller, headers)
                bury_refused(working_set, message, reason, tries, now_ms)
            case Emitted(egress):
                logger.error(
                    "a record of the source %s for the egress %s is dropped, since the store refuses it: %s; change "
                    "its sender",
                    source, egress, reason,
                )  # fmt: skip
            case _:
                assert_never(each)
