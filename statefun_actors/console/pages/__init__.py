"""The pages: functions of what can be read and of the query of the URL, without effects.

Each is at ``/console/<name>``; its links are relative, so that it works behind any prefix.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from statefun_actors.console.look import Look, Page
from statefun_actors.console.pages.conversations import asks, schedules
from statefun_actors.console.pages.details import ask, dead_letter
from statefun_actors.console.pages.editing import field
from statefun_actors.console.pages.entities import entities, entity
from statefun_actors.console.pages.failures import dead_letters, failing
from statefun_actors.console.pages.history import conversation, history
from statefun_actors.console.pages.overview import overview
from statefun_actors.console.pages.queues import egress, timers
from statefun_actors.console.pages.sending import send
from statefun_actors.errors import StatefunActorsError

READ_ONLY: Final = (
    "this console is read-only: to change something, start the server with --console full (in Python: console='full')"
)

PAGES: Final[Mapping[str, Callable[[Look, Mapping[str, str]], Page]]] = {
    "": overview,
    "entities": entities,
    "entity": entity,
    "history": history,
    "conversation": conversation,
    "field": field,
    "failing": failing,
    "dead-letters": dead_letters,
    "dead-letter": dead_letter,
    "asks": asks,
    "ask": ask,
    "schedules": schedules,
    "timers": timers,
    "egress": egress,
    "send": send,
}
"""By name."""

FORMS: Final = frozenset({"field", "send"})
"""Pages with nothing but a form. A read-only console answers 403 for them."""


def not_found(look: Look, query: Mapping[str, str]) -> Page:  # noqa: ARG001 - the form of all pages
    """The page for an unknown name."""
    return Page(template="message.html", title="Not found", content={"text": "There is no such page."}, status=404)


def read_only() -> Page:
    """The page of a read-only console in place of one of ``FORMS``."""
    return Page(template="message.html", title="This console is read-only", content={"text": READ_ONLY}, status=403)


def unreadable(error: StatefunActorsError) -> Page:
    """The page that says that the store can't be read."""
    return Page(template="message.html", title="The store can't be read", content={"text": str(error)}, status=503)
