"""Errors of declarations and addresses, which user code mends."""

from __future__ import annotations

from collections.abc import Iterable

from statefun_actors.errors.base import StatefunActorsError


class DefinitionError(StatefunActorsError, TypeError):
    """A class, function or setting is declared wrongly. ``problems`` lists all reasons. Retrying cannot help."""

    def __init__(self, subject: str, problems: Iterable[str]) -> None:
        self.subject, self.problems = subject, tuple(problems)
        super().__init__(subject, self.problems)

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return f"{self.subject}: {self.problems[0]}"
        lines = "".join(f"\n  - {problem}" for problem in self.problems)
        return f"{self.subject} has {len(self.problems)} problems:{lines}"


class InvalidAddressError(StatefunActorsError, ValueError):
    """A function type is not ``<namespace>/<name>``, or an id is empty. Retrying cannot help."""

    def __init__(self, rule: str, got: object, advice: str) -> None:
        super().__init__(rule, got, advice)
        self.rule, self.got, self.advice = rule, got, advice

    def __str__(self) -> str:
        return f"{self.rule}: got {self.got!r}. {self.advice}"
