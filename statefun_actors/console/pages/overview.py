"""The overview: what exists, what happens, what is stuck."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Final

import attrs

from statefun_actors.admin import MOST_COUNTED, list_paused, list_schedules, list_timers
from statefun_actors.console.failing_rows import failing_rows
from statefun_actors.console.look import Look, Page

_FEW: Final = 5


@attrs.frozen
class TypeRow:
    """A function type. *name*: of its class or function here; None where nothing here serves it."""

    typename: str
    entities: int
    name: str | None
    failing: int


def overview(look: Look, query: Mapping[str, str]) -> Page:  # noqa: ARG001 - the form of all pages
    """Types with counts, problems, and what is due next."""
    counts, live = look.overview(), look.live
    entities = {item.typename: item.entities for item in counts.types}
    failing: dict[str, int] = {}
    for each in live.failing:
        typename = each.message.target.typename
        failing[typename] = failing.get(typename, 0) + 1
    content = {
        "look": look,
        "live": live,
        "counts": counts,
        "most_counted": MOST_COUNTED,
        "egress": sum(counts.egress.values()),
        "types": [
            TypeRow(typename, entities.get(typename, 0), _name(look, typename), failing.get(typename, 0))
            for typename in sorted(look.types() | failing.keys())
        ],
        "paused": list_paused(look.store),
        "failing": list(islice(failing_rows(live.failing, look.known), _FEW)),
        "timers": list(islice(list_timers(look.store, look.known), _FEW)),
        "schedules": list_schedules(look.store, look.known, limit=_FEW) if counts.schedules < MOST_COUNTED else [],
    }
    return Page(template="overview.html", title="Overview", content=content)


def _name(look: Look, typename: str) -> str | None:
    served = look.app.served_function(typename)
    return None if served is None else getattr(served.function, "name", typename)
