"""Open asks and recurring messages."""

from __future__ import annotations

from collections.abc import Mapping

from statefun_actors.admin import list_asks, list_schedules
from statefun_actors.console.look import Look, Page
from statefun_actors.console.pages.paging import ROWS, first


def asks(look: Look, query: Mapping[str, str]) -> Page:
    """The oldest open asks of askers or targets that begin with ``to``. Reads all open asks."""
    to = query.get("to", "")
    rows, more = first(list_asks(look.store, look.known, now_ms=look.live.now_ms, to=to, limit=ROWS + 1))
    return Page(template="asks.html", title="Open asks", content={"rows": rows, "cut": more, "to": to})


def schedules(look: Look, query: Mapping[str, str]) -> Page:
    """The recurring messages that fire next, of senders or targets that begin with ``to``. Reads all of them."""
    to = query.get("to", "")
    rows, more = first(list_schedules(look.store, look.known, to=to, limit=ROWS + 1))
    return Page(template="schedules.html", title="Schedules", content={"rows": rows, "cut": more, "to": to})
