"""``SourceTurns``: the order in which sources are read, so that a backlog of one does not stop the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from statefun_actors.engine.ports import Source


class SourceTurns:
    """Begins each round with the source after the one that was read last, which may have taken all room."""

    def __init__(self) -> None:
        self._last: str | None = None

    def order(self, readable: Mapping[str, Source]) -> Iterable[tuple[str, Source]]:
        """The sources of *readable*, by name, in the order of this round."""
        if len(readable) < 2 or self._last not in readable:
            return readable.items()
        items = list(readable.items())
        first = 1 + next(index for index, (name, _) in enumerate(items) if name == self._last)
        return items[first:] + items[:first]

    def read(self, name: str) -> None:
        """The source *name* was read."""
        self._last = name
