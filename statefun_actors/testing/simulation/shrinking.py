"""Shorter scripts of decisions that fail as well."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def shortest(script: Sequence[int], fails: Callable[[Sequence[int]], bool], most: int) -> list[int]:
    """A script with fewer faults than *script*, which fails, that still *fails*. It tries at most *most* scripts.

    It cuts the end off, then puts 0, which brings no fault, in the place of ever smaller parts.
    """
    best = list(script)
    left = most

    def better(candidate: list[int]) -> bool:
        nonlocal best, left
        if left <= 0 or candidate == best:
            return False
        left -= 1
        if not fails(candidate):
            return False
        best = candidate
        return True

    size = len(best) // 2
    while size:
        while size <= len(best) and better(best[:-size]):
            pass
        size //= 2
    size = max(1, len(best) // 2)
    while True:
        at = 0
        while at < len(best):
            if any(best[at : at + size]):
                better(best[:at] + [0] * len(best[at : at + size]) + best[at + size :])
            at += size
        if size == 1 or left <= 0:
            return best
        size //= 2
