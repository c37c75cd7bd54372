"""The page that sends a message: a form from the fields of its class, its JSON, and the same as commands."""

from __future__ import annotations

from collections.abc import Mapping

from statefun_actors.address import parse_address
from statefun_actors.admin import written_message
from statefun_actors.console.equivalents import same_message
from statefun_actors.console.look import Look, Page
from statefun_actors.console.message_form import PREFIX, message_fields, message_types, written_json
from statefun_actors.errors import InvalidAddressError, StatefunActorsError


def send(look: Look, query: Mapping[str, str]) -> Page:
    """To ``to``, of the type ``type``; its value is ``json``, or made of the fields ``f.NAME``."""
    to, typename = query.get("to", ""), query.get("type", "")
    problem, target = None, None
    if to:
        try:
            target = parse_address(to)
        except InvalidAddressError as error:
            problem = str(error)
    types = [] if target is None else message_types(look.app, target.typename)
    if not typename and len(types) == 1:
        typename = types[0]
    fields = None if target is None else message_fields(look.app, target.typename, typename)
    text = query.get("json", "")
    written = bool(text) or any(name.startswith(PREFIX) for name in query)
    same = None
    if target is not None:
        try:
            if not text and fields is not None and (written or not fields):
                text = written_json(look.app, target.typename, typename, query)
            if text:
                value = written_message(look.app, target.typename, typename or None, text)
                same = same_message(look, target, value, text, query.get("after", ""))
        except StatefunActorsError as error:
            problem = str(error)
    content = {
        "to": to,
        "target": target,
        "served": target is not None and look.app.served_function(target.typename) is not None,
        "types": types,
        "typename": typename,
        "fields": fields,
        "values": {name.removeprefix(PREFIX): value for name, value in query.items() if name.startswith(PREFIX)},
        "json": text,
        "after": query.get("after", ""),
        "problem": problem,
        "same": same,
    }
    return Page(template="send.html", title="Send a message", content=content)
