"""The page that edits one field of one entity."""

from __future__ import annotations

from collections.abc import Mapping

from statefun_actors.address import Address
from statefun_actors.admin import StoredField
from statefun_actors.console.look import Look, Page
from statefun_actors.console.values import digest, pretty
from statefun_actors.errors import StatefunActorsError


def field(look: Look, query: Mapping[str, str]) -> Page:
    """The field ``field`` of the entity ``id`` of the type ``type``; its new value as JSON is ``json``."""
    try:
        address, name = Address(query.get("type", ""), query.get("id", "")), query.get("field", "")
        stored = StoredField(look.app, look.store, address, name, look.live.now_ms)
    except StatefunActorsError as error:
        return Page(
            template="message.html", title="This field can't be edited", content={"text": str(error)}, status=404
        )
    content = {
        "address": address,
        "name": name,
        "kind": stored.spelling,
        "absent": stored.before is None,
        "was": digest(stored.form),
        "json": query.get("json") or pretty(stored.form),
    }
    return Page(template="field.html", title="Edit a field", content=content)
