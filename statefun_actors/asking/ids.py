"""Ids and tokens at the library's own functions: of counted runs and their keys, of schedules, of attempts."""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from statefun_actors.address import Address
from statefun_actors.asking.envelopes import Open

_MOST_DIGITS: Final = 12
RUNS_COUNTED_MS: Final = 7 * 86_400_000
"""The span in which like runs are counted together, in milliseconds. A week: an outage should not begin another."""
_RUN: Final = "run:"
_KEY: Final = 32
"""Digits of a key, as many as of a token: 128 bits."""
_encode: Final = msgspec.msgpack.Encoder().encode


def attempt_token(target: Address, reply_address: Address) -> str:
    """The cancellation token of the next attempt at *target*, of an activity, for the ask at *reply_address*.

    It is shown in lists of delayed messages, so it has a digest of the ask's token, which is the permission to answer.
    """
    return f"{target} {hashlib.sha256(reply_address.id.encode()).hexdigest()[:_KEY]}"


def run_id(ask: Open) -> str:
    """The id at the reply function that counts asks like *ask*, which asks an activity.

    Those are asks of one entity with the same question, ``then=`` and ``keep=`` within some days: the counter does not
    live for ever. Callers are left out: the reply address of an asker's own caller differs each time.
    """
    assert ask.target is not None
    content = (ask.asker, ask.then, ask.keep, ask.target[0], ask.question, ask.since_ms // RUNS_COUNTED_MS)
    return f"{_RUN}{hashlib.sha256(_encode(content)).hexdigest()[:_KEY]}"


def is_run_id(id: str) -> bool:
    """Whether *id* is one of :func:`run_id`; a token is not."""
    return id.startswith(_RUN)


def run_key(id: str, number: int) -> str:
    """The key of the activity run *number* that the counter at *id* has counted."""
    return hashlib.sha256(f"{id} {number}".encode()).hexdigest()[:_KEY]


def schedule_id(sender: Address, name: str) -> str:
    """The id of the schedule *name* of *sender* at the schedule function."""
    return f"{len(name)}:{name}:{sender}"


def schedule_name(id: str) -> str:
    """The name of the schedule with this *id*."""
    length, _, rest = id.partition(":")
    return rest[: int(length)]


def owns_schedule(sender: Address, id: str) -> bool:
    """Whether *id* is that of a schedule of *sender*."""
    length, _, rest = id.partition(":")
    return length.isdecimal() and len(length) < _MOST_DIGITS and rest[int(length) :] == f":{sender}"
