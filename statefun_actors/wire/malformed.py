"""The error for malformed requests."""

from __future__ import annotations

from statefun_actors.errors import StatefunActorsError

SHOWN = 60


class MalformedRequestError(StatefunActorsError, ValueError):
    """A request body is not a batch of its protocol. Retrying cannot help: an endpoint answers 400.

    ``where`` is the invalid field, empty for the body as a whole. The text is one short line, safe to send to the
    client.
    """

    def __init__(self, protocol: str, expected: str, got: str, where: str = "") -> None:
        super().__init__(protocol, expected, got, where)
        self.protocol, self.expected, self.got, self.where = protocol, expected, got, where

    def __str__(self) -> str:
        where = f" - at `{self.where}`" if self.where else ""
        return f"not a request of protocol {self.protocol}: expected {self.expected}, got {self.got}{where}"


def shown(text: str) -> str:
    """*text* for an error: quoted, on one line, and shortened."""
    return repr(text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}...")
