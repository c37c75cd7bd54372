"""The functions that every endpoint of this library serves."""

from __future__ import annotations

import functools

from statefun_actors.asking import REPLY, SCHEDULE
from statefun_actors.conversations.ingress import STATES as INGRESS_STATES
from statefun_actors.conversations.ingress import ingress
from statefun_actors.conversations.reply import STATES as REPLY_STATES
from statefun_actors.conversations.reply import reply
from statefun_actors.conversations.schedule import STATES as SCHEDULE_STATES
from statefun_actors.conversations.schedule import schedule
from statefun_actors.functions import StatefulFunctions
from statefun_actors.model import INGRESS


@functools.cache
def own_functions() -> StatefulFunctions:
    """The reply function, the schedule function, and the ingress function, which gateways need."""
    functions = StatefulFunctions(own=True)
    functions.register(REPLY, reply, states=REPLY_STATES)
    functions.register(SCHEDULE, schedule, states=SCHEDULE_STATES)
    functions.register(INGRESS, ingress, states=INGRESS_STATES)
    return functions
