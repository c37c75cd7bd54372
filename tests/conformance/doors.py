"""What a case sees of an engine over HTTP: requests, and their answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeAlias
from urllib.parse import quote

import attrs

JSON = "application/json"


@attrs.frozen
class Answer:
    status: int
    text: str
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Door(Protocol):
    """The HTTP ingress of an engine. The ids of a case are its own."""

    async def ask(
        self, path: str, body: object, content_type: str | None = JSON, method: str = "PUT", **headers: str
    ) -> Answer:
        """One request; a *body* that is no bytes goes as JSON. ``wait=5s`` is as long as this engine needs
        for an answer, ``wait=20ms`` as long as it needs to take a message.
        """
        ...


OpenDoor: TypeAlias = "Callable[[], AbstractAsyncContextManager[Door]]"
"""``async with open_door() as http``."""


async def count(http: Door, id: str) -> object:
    """The count of the ``conf/count`` with this id, once what was sent before it is handled."""
    return (await http.ask(f"/ingress/conf/count/{quote(id, safe='')}?wait=5s", 0)).json
