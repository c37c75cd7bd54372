"""What can be wrong with a module.yaml."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from statefun_actors.errors import StatefunActorsError


@attrs.frozen
class YamlPosition:
    """Where something stands in a module.yaml: the YAML document, counted from 1, and the line, too."""

    document: int
    line: int


@attrs.frozen
class Problem:
    """One thing that does not fit. ``key`` is its path in the document, ``spec.topics[0].targets`` say; or ""."""

    place: YamlPosition
    key: str
    expected: str
    got: str

    def __str__(self) -> str:
        where = f"line {self.place.line} (document {self.place.document}"
        return f"{where}{f', {self.key}' if self.key else ''}): expected {self.expected}, got {self.got}"


class ModuleFileError(StatefunActorsError, ValueError):
    """A module.yaml can't be read as one. ``problems`` holds every reason found. Retrying cannot help."""

    def __init__(self, name: str, problems: Iterable[Problem]) -> None:
        self.name, self.problems = name, tuple(problems)
        super().__init__(name, self.problems)

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return f"{self.name}: {self.problems[0]}"
        lines = "".join(f"\n  - {problem}" for problem in self.problems)
        return f"{self.name} has {len(self.problems)} problems:{lines}"
