"""What waits for its time or its sink: delayed messages and egress records."""

from __future__ import annotations

from collections.abc import Mapping

from statefun_actors.admin import list_egress, list_timers
from statefun_actors.console.look import Look, Page
from statefun_actors.console.pages.paging import first, number

_FIRST = -(1 << 62)


def timers(look: Look, query: Mapping[str, str]) -> Page:
    """Delayed messages for addresses that begin with ``to``, behind the time ``due`` and the seq ``after``."""
    to = query.get("to", "")
    behind = (number(query, "due", _FIRST), number(query, "after", -1))
    rows, more = first(list_timers(look.store, look.known, to, behind))
    content = {"rows": rows, "more": rows[-1] if more else None, "to": to}
    return Page(template="timers.html", title="Timers", content=content)


def egress(look: Look, query: Mapping[str, str]) -> Page:
    """Records that wait to be written, of the egress ``name`` if one is given, with a seq above ``after``."""
    name = query.get("name") or None
    rows, more = first(list_egress(look.store, look.known, name, number(query, "after", -1)))
    content = {
        "counts": look.overview().egress,
        "failing": look.live.failing_egress,
        "rows": rows,
        "more": rows[-1].seq if more else None,
        "name": name or "",
    }
    return Page(template="egress.html", title="Egress", content=content)
