"""Options of a whole function type, in addition to its failure policy."""

from __future__ import annotations

from datetime import timedelta

import attrs

from statefun_actors.definition.error_text import shown
from statefun_actors.definition.persisted import ttl_problem


@attrs.frozen(kw_only=True)
class TypeOptions:
    """``internal=``, ``concurrency=`` and ``expire_after_call=`` of a class or of ``bind(...)``; None: not given.

    Args:
        expire_after_call: the default of fields that have no expiry of their own.
    """

    internal: bool | None = None
    concurrency: int | None = None
    expire_after_call: timedelta | None = None

    def problems(self) -> list[str]:
        found = []
        if (problem := internal_problem(self.internal)) is not None:
            found.append(problem)
        if self.concurrency is not None and not (
            isinstance(self.concurrency, int) and not isinstance(self.concurrency, bool) and self.concurrency > 0
        ):
            found.append(f"concurrency= is a whole number of batches, at least 1; got {shown(self.concurrency)}")
        if (problem := ttl_problem("expire_after_call", self.expire_after_call)) is not None:
            found.append(problem)
        return found

    def is_internal(self, of_handler: bool | None) -> bool:
        """Whether a handler refuses messages from outside; *of_handler* is its own ``internal=``, which goes first."""
        return bool(self.internal if of_handler is None else of_handler)

    def inherited(self, base: TypeOptions) -> TypeOptions:
        """A copy in which options that are not given are taken from *base*."""
        return TypeOptions(
            internal=base.internal if self.internal is None else self.internal,
            concurrency=base.concurrency if self.concurrency is None else self.concurrency,
            expire_after_call=base.expire_after_call if self.expire_after_call is None else self.expire_after_call,
        )


def internal_problem(internal: object) -> str | None:
    """The problem of an ``internal=``; None without one."""
    return (
        None if internal is None or isinstance(internal, bool) else f"internal= is True or False, got {shown(internal)}"
    )
