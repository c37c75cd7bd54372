"""The numbers of further messages that the open epoch may get from delayed messages and from sources.

Messages that can run are handled first. Those that can't, since they wait for slow handlers or behind failing messages,
don't count. Delayed messages, and sources beside callers that wait, have some room however many messages can run.
"""

from __future__ import annotations

from typing import Final

from statefun_actors.engine.core import Core

_PART: Final = 4
"""The part of a slice that is this room: fewer messages than are handled meanwhile."""


def room_for_timers(core: Core) -> int:
    """The number of delayed messages that may fire."""
    return max(_room(core), min(_least(core), _room_in_epoch(core)))


def room_for_source(core: Core) -> int:
    """The number of messages that may be read from a source.

    Messages that are read and handled in one epoch are never written: take only what this one can handle. If callers
    that ask again and again always have enough messages for a whole epoch, take some at its begin.
    """
    working_set, options = core.working_set, core.options
    mailboxes, steps = working_set.mailboxes, working_set.epoch.steps
    room = min(_room(core), options.epoch_steps - steps - mailboxes.ready_messages)
    if room > 0 or steps:
        return room
    least = _least(core)
    return 0 if mailboxes.has_unawaited(least) else min(least, _room_in_epoch(core), _room_in_memory(core))


def _room(core: Core) -> int:
    """The number of messages for which there is room, in memory and behind those that can run."""
    working_set = core.working_set
    # Messages of paused entities and of types that are not served leave the memory only when they are durable.
    runnable = max(working_set.mailboxes.ready_messages, len(working_set.epoch.messages))
    return max(0, min(core.options.waiting - runnable, _room_in_memory(core)))


def _least(core: Core) -> int:
    return max(1, core.options.slice_steps // _PART)


def _room_in_epoch(core: Core) -> int:
    return core.options.waiting - len(core.working_set.epoch.messages)


def _room_in_memory(core: Core) -> int:
    mailboxes = core.working_set.mailboxes
    if mailboxes.full or mailboxes.stuck.used >= mailboxes.stuck.most:
        return 0
    return core.options.held - mailboxes.held
