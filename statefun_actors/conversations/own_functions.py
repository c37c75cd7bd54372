"""The functions that every endpoint of this library serves."""

from __future__ import annotations

import functools

from statefun_actors.asking import REPLY, SCHEDULE
from statefun_actors.conversations.reply import STATES as REPLY_STATES
from statefun_actors.conversations.reply import reply
from statefun_actors.conversations.schedule import STATES as SCHEDULE_STATES
from statefun_actors.conversations.schedule import schedule
from statefun_actors.functions import StatefulFunctions


@functools.cache
def own_functions() -> StatefulFunctions:
    """The reply function and the schedule function."""
    functions = StatefulFunctions(own=True)
    functions.register(REPLY, reply, states=REPLY_STATES)
    functions.register(SCHEDULE, schedule, states=SCHEDULE_STATES)
    return functions
