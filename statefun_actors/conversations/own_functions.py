"""The functions that every endpoint of this library serves."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Final, cast

from statefun_actors.asking import REPLY, SCHEDULE
from statefun_actors.conversations.ingress import STATES as INGRESS_STATES
from statefun_actors.conversations.ingress import Ingress
from statefun_actors.conversations.reply import STATES as REPLY_STATES
from statefun_actors.conversations.reply import reply
from statefun_actors.conversations.schedule import STATES as SCHEDULE_STATES
from statefun_actors.conversations.schedule import schedule
from statefun_actors.definition import FunctionType
from statefun_actors.functions import BoundFunction, StatefulFunctions
from statefun_actors.model import INGRESS

_ALWAYS: Final = (REPLY, SCHEDULE)


def own_functions(known: Iterable[str]) -> list[FunctionType]:
    """The reply function, the schedule function, and the ingress function, which gateways need.

    *known*: the function types to which messages of gateways may go, ``ns/name`` or ``ns/*``.
    """
    to = Ingress({*known, *_ALWAYS})
    return [cast("FunctionType", each.calling(to.take) if each.typename == INGRESS else each) for each in _declared()]


@functools.cache
def _declared() -> tuple[BoundFunction, ...]:
    functions = StatefulFunctions(own=True)
    functions.register(REPLY, reply, states=REPLY_STATES)
    functions.register(SCHEDULE, schedule, states=SCHEDULE_STATES)
    functions.register(INGRESS, Ingress(frozenset()).take, states=INGRESS_STATES)
    return tuple(functions.__function_types__())
