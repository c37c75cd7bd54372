"""What is raised for a request that makes no sense."""

from __future__ import annotations

from statefun_actors.errors import StatefunActorsError

SHOWN = 60


class MalformedRequestError(StatefunActorsError, ValueError):
    """A request body is no batch of its protocol. ``where`` is the field at fault, empty for the body as a whole.

    Its text is one short line, fit to be sent back. Retrying cannot help: an endpoint answers 400.
    """

    def __init__(self, protocol: str, expected: str, got: str, where: str = "") -> None:
        super().__init__(protocol, expected, got, where)
        self.protocol, self.expected, self.got, self.where = protocol, expected, got, where

    def __str__(self) -> str:
        where = f" - at `{self.where}`" if self.where else ""
        return f"not a request of protocol {self.protocol}: expected {self.expected}, got {self.got}{where}"


def shown(text: str) -> str:
    """*text* as it may stand in an error: quoted, on one line, cut where it is long."""
    return repr(text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}...")
