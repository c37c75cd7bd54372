"""The types that an application can read and write as JSON: messages and fields."""

from __future__ import annotations

from collections.abc import Mapping

from statefun_actors.dispatch import Application
from statefun_actors.entity import EntityFunction
from statefun_actors.types import Codec


def known_codecs(app: Application) -> Mapping[str, Codec]:
    """Typename → codec, for the messages that *app* takes and the fields that its entities have."""
    known = dict(app.codecs())
    for served in app.served.values():
        function = served.function
        if isinstance(function, EntityFunction):
            for field in function.fields:
                known.setdefault(field.typename, field.field.codec)
    return known
