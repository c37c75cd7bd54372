"""One dead letter, and one open ask: all of it, and what can be done about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from statefun_actors.admin import ask_item, find_ask, form_of, message_inside, show_dead_letter
from statefun_actors.asking import NoAnswer
from statefun_actors.console.look import Look, Page
from statefun_actors.console.pages.paging import number
from statefun_actors.console.values import pretty
from statefun_actors.errors import StatefunActorsError
from statefun_actors.types import codec_for

_NO_ANSWER: Final = codec_for(NoAnswer).typename


def dead_letter(look: Look, query: Mapping[str, str]) -> Page:
    """The dead letter ``number``; its value as JSON is ``json``, if that is given."""
    entry = look.store.dead_letter(number(query, "number", -1))
    if entry is None:
        text = "There is no such dead letter: it has been retried or discarded, or never was."
        return Page(template="message.html", title="No such dead letter", content={"text": text}, status=404)
    value = message_inside(entry.message).argument
    content = {
        "row": show_dead_letter(entry, look.known),
        "json": query.get("json") or pretty(form_of(value, look.known)),
        "editable": look.app.served_function(entry.message.target.typename) is not None,
    }
    return Page(template="dead_letter.html", title="Dead letter", content=content)


def ask(look: Look, query: Mapping[str, str]) -> Page:
    """The open ask whose token begins with ``token``; its answer as JSON is ``json``, of the type ``type``."""
    try:
        found = find_ask(look.store, query.get("token", ""))
    except StatefunActorsError as error:
        return Page(template="message.html", title="No such ask", content={"text": str(error)}, status=404)
    served = look.app.served_function(found.asker.typename)
    bound = None if served is None else served.answers.get(found.then)
    types = {codec.typename for codec in bound.method.codecs.values()} - {_NO_ANSWER} if bound is not None else set()
    content = {
        "row": ask_item(look.store, found, look.known),
        "types": sorted(types),
        "typename": query.get("type", ""),
        "json": query.get("json", ""),
        "answerable": bound is not None,
    }
    return Page(template="ask.html", title="Open ask", content=content)
