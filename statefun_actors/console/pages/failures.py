"""Messages that keep failing, and those that were given up."""

from __future__ import annotations

from collections.abc import Mapping

from statefun_actors.admin import list_dead_letters, list_paused
from statefun_actors.console.failing_rows import failing_rows
from statefun_actors.console.look import Look, Page
from statefun_actors.console.pages.paging import first, number


def failing(look: Look, query: Mapping[str, str]) -> Page:
    """Messages without a policy that keep failing, behind the first ``after`` of them."""
    after = max(0, number(query, "after", 0))
    rows, more = first(failing_rows(look.live.failing[after:], look.known))
    content = {
        "rows": rows,
        "more": after + len(rows) if more else None,
        "total": len(look.live.failing),
        "paused": list_paused(look.store),
    }
    return Page(template="failing.html", title="Failing messages", content=content)


def dead_letters(look: Look, query: Mapping[str, str]) -> Page:
    """Dead letters with numbers above ``after``, for addresses that begin with ``to``."""
    to = query.get("to", "")
    rows, more = first(list_dead_letters(look.store, look.known, to, number(query, "after", -1)))
    content = {"rows": rows, "more": rows[-1].number if more else None, "to": to}
    return Page(template="dead_letters.html", title="Dead letters", content=content)
