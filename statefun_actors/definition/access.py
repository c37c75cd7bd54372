"""What a whole function type says of its messages and batches, beside its failure policy."""

from __future__ import annotations

import attrs

from statefun_actors.definition.showing import shown


@attrs.frozen(kw_only=True)
class TypeOptions:
    """``internal=`` and ``concurrency=`` of a class or of ``bind(...)``; None = not said."""

    internal: bool | None = None
    concurrency: int | None = None

    def problems(self) -> list[str]:
        found = []
        if (problem := internal_problem(self.internal)) is not None:
            found.append(problem)
        if self.concurrency is not None and not (
            isinstance(self.concurrency, int) and not isinstance(self.concurrency, bool) and self.concurrency > 0
        ):
            found.append(f"concurrency= is a whole number of batches, at least 1; got {shown(self.concurrency)}")
        return found

    def inherited(self, base: TypeOptions) -> TypeOptions:
        """These, with what they do not say taken from *base*."""
        return TypeOptions(
            internal=base.internal if self.internal is None else self.internal,
            concurrency=base.concurrency if self.concurrency is None else self.concurrency,
        )


def internal_problem(internal: object) -> str | None:
    """What is wrong with ``internal=``; None if nothing is."""
    return (
        None if internal is None or isinstance(internal, bool) else f"internal= is True or False, got {shown(internal)}"
    )
