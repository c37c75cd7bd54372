"""Errors of module.yaml files."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from statefun_actors.errors import StatefunActorsError


@attrs.frozen
class YamlPosition:
    """A position in a module.yaml: the YAML document and the line, both counted from 1."""

    document: int
    line: int


@attrs.frozen
class Problem:
    """A problem. ``key`` is its path in the document, such as ``spec.topics[0].targets``, or ""."""

    place: YamlPosition
    key: str
    expected: str
    got: str

    def __str__(self) -> str:
        where = f"line {self.place.line} (document {self.place.document}"
        return f"{where}{f', {self.key}' if self.key else ''}): expected {self.expected}, got {self.got}"


class ModuleFileError(StatefunActorsError, ValueError):
    """A module.yaml is invalid; ``problems`` has all reasons. Retrying cannot help."""

    def __init__(self, name: str, problems: Iterable[Problem]) -> None:
        self.name, self.problems = name, tuple(problems)
        super().__init__(name, self.problems)

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return f"{self.name}: {self.problems[0]}"
        lines = "".join(f"\n  - {problem}" for problem in self.problems)
        return f"{self.name} has {len(self.problems)} problems:{lines}"
