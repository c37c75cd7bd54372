"""``ParkedMessages``: counts the messages for function types that this application does not serve."""

from __future__ import annotations

from typing import Final

from statefun_actors.own_logger import own_logger

logger: Final = own_logger("statefun_actors.engine")


class ParkedMessages(dict[str, int]):
    """The number of messages by function type, for types that this application does not serve; they are kept."""

    def add(self, typename: str) -> None:
        """Count a message for *typename*; the first one is logged."""
        if typename not in self:
            logger.warning(
                "nothing here serves %s; messages for it are kept for a run that does: add its class, activity or "
                "function to the application, or correct the address",
                typename,
            )
        self[typename] = self.get(typename, 0) + 1
