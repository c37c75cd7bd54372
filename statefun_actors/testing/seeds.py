"""Which seeds a simulation uses: its own, or the one of ``pytest --statefun-seed``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from statefun_actors.errors import ValueMismatchError

_EXPECTED: Final = "seeds= as a number above 0, or the seeds themselves"
_forced: list[int] = []


def force_seed(seed: int | None) -> None:
    """From now on all simulations use *seed* only; None: their own again."""
    _forced[:] = [] if seed is None else [seed]


def chosen_seeds(seeds: int | Iterable[int]) -> Iterable[int]:
    """The seeds to use where *seeds* says how many, or which.

    Raises:
        ValueMismatchError: less than one seed, or something else than seeds. For an iterable, the iterator raises it.
    """
    if not isinstance(seeds, int) and (isinstance(seeds, str) or not isinstance(seeds, Iterable)):
        raise ValueMismatchError(_EXPECTED, repr(seeds))
    if isinstance(seeds, int) and seeds < 1:
        raise ValueMismatchError(_EXPECTED, repr(seeds))
    if _forced:
        return _forced
    return range(seeds) if isinstance(seeds, int) else _checked(seeds)


def _checked(seeds: Iterable[int]) -> Iterator[int]:
    seed: object = None
    for seed in seeds:
        if not isinstance(seed, int):
            raise ValueMismatchError(_EXPECTED, f"the seed {seed!r}")
        yield seed
    if seed is None:
        raise ValueMismatchError(_EXPECTED, "no seed")
