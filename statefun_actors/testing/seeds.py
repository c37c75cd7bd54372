"""Which seeds a simulation uses: its own, or the one of ``pytest --statefun-seed``."""

from __future__ import annotations

from collections.abc import Iterable

from statefun_actors.errors import ValueMismatchError

_forced: list[int] = []


def force_seed(seed: int | None) -> None:
    """From now on all simulations use *seed* only; None: their own again."""
    _forced[:] = [] if seed is None else [seed]


def chosen_seeds(seeds: int | Iterable[int]) -> Iterable[int]:
    """The seeds to use where *seeds* says how many, or which.

    Raises:
        ValueMismatchError: less than one seed.
    """
    if isinstance(seeds, int) and seeds < 1:
        raise ValueMismatchError("seeds= as a number above 0, or the seeds themselves", repr(seeds))
    if _forced:
        return _forced
    return range(seeds) if isinstance(seeds, int) else seeds
